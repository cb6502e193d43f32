/*
 * Fetching layers.  One thread runs all transfers: bytes that arrive are hashed and written to the
 * blob, then go to the worker's pipe.  Where the pipe is full the rest of the piece is kept, the
 * transfer is paused, and it goes on when the worker has read.  So a slow disk slows its own
 * layer's connection and nothing else, and memory is bounded by one piece per connection.
 */
#include "pull-layers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

#define STEP_MS 250			/* so often is a signal noticed at the latest */
#define WORKER_PIPE_BYTES (1 << 20)

enum layer_state { LAYER_QUEUED, LAYER_RUNNING, LAYER_DRAINING, LAYER_DONE };

struct layer {
	struct registry_get get;
	struct fetch *fetch;
	size_t index;			/* in the manifest */
	size_t slot;			/* in the events */
	enum layer_state state;
	struct image_in_blob *blob;
	struct unpack_job *job;		/* NULL: the unpacked layer is here already */
	char *rest;			/* of a piece that the pipe did not take */
	size_t rest_len, rest_at;
	size_t rest_cap;
};

struct fetch {
	struct registry *reg;
	struct image_in *in;
	const struct manifest *m;
	const struct ctr_pull_events *ev;
	struct layer *layers;		/* those whose blob is fetched */
	size_t n, n_running, next;
	int result;			/* of the first that failed */
	struct err err;
};

static void give_up(struct fetch *f, int r, const struct err *e)
{
	if (f->result < 0)
		return;
	f->result = r;
	f->err = *e;
}

/* The worker has closed its pipe: its own reason is the one to report. */
static int worker_failed(struct layer *l, struct err *e)
{
	struct unpack_result res;
	int r = unpack_finish(l->job, &res, e);

	if (r == 0)
		r = err_set(e, ERR_CORRUPT, "the unpacking of the layer ended before its data");
	return r;
}

static int keep_rest(struct layer *l, const char *data, size_t len, struct err *e)
{
	if (len > l->rest_cap) {
		char *p = realloc(l->rest, len);

		if (!p)
			return err_sys(e, ENOMEM, "fetch a layer");
		l->rest = p;
		l->rest_cap = len;
	}
	memcpy(l->rest, data, len);
	l->rest_len = len;
	l->rest_at = 0;
	return 0;
}

/* As much as the pipe takes; *@ret_n of it. */
static int feed(struct layer *l, const char *data, size_t len, size_t *ret_n, struct err *e)
{
	size_t n = 0;

	while (n < len) {
		ssize_t w = write(l->job->data_fd, data + n, len - n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN)
			break;
		if (w < 0 && errno == EPIPE)
			return worker_failed(l, e);
		if (w < 0)
			return err_sys(e, errno, "write to the unpack worker");
		n += (size_t)w;
	}
	*ret_n = n;
	return 0;
}

static int on_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct layer *l = arg;
	size_t n = len;
	int r;

	if (l->rest_len > 0)
		return HTTP_BODY_PAUSE;
	r = blob_write(&l->blob->writer, data, len, e);
	if (r == 0 && l->job)
		r = feed(l, data, len, &n, e);
	if (r == 0 && n < len)
		r = keep_rest(l, (const char *)data + n, len - n, e);
	if (r == 0 && l->fetch->ev->progress)
		l->fetch->ev->progress(l->fetch->ev->arg, l->slot, l->blob->writer.written);
	return r;
}

/* All bytes are with the worker and in the blob. */
static void layer_complete(struct layer *l)
{
	struct fetch *f = l->fetch;
	struct err e = ERR_INIT;
	int r;

	if (l->job)
		unpack_end_input(l->job);
	r = image_in_blob_finish(f->in, l->blob, &e);
	if (r < 0)
		give_up(f, err_wrap(&e, r, "layer sha256:%s", l->blob->digest.hex), &e);
	l->state = LAYER_DONE;
	f->n_running--;
}

static void on_done(struct registry_get *g, int r)
{
	struct layer *l = g->arg;
	struct fetch *f = l->fetch;

	if (r < 0) {
		give_up(f, err_wrap(&g->err, r, "layer sha256:%s", l->blob->digest.hex), &g->err);
		l->state = LAYER_DONE;
		f->n_running--;
	} else if (l->rest_len > 0) {
		l->state = LAYER_DRAINING;
	} else {
		layer_complete(l);
	}
}

static int start_layer(struct fetch *f, struct layer *l, struct err *e)
{
	const struct manifest_blob *d = &f->m->layers[l->index];
	char path[DIGEST_STR_MAX + 10];
	int r = 0;

	if (!f->in->layers[l->index].started) {
		r = image_in_unpack(f->in, l->index, d->media_type, &l->job, e);
		if (r == 1)
			l->job = NULL;
	}
	if (r < 0)
		return r;
	if (l->job) {
		r = fd_set_nonblock(l->job->data_fd, true);
		if (r < 0)
			return err_sys(e, r, "start unpacking");
		/* a bigger pipe saves wake-ups; where the limit is reached the usual size does */
		(void)fcntl(l->job->data_fd, F_SETPIPE_SZ, WORKER_PIPE_BYTES);
	}
	l->get = (struct registry_get){
		.max_bytes = d->size_bytes, .expect_bytes = d->size_bytes,
		.body = on_body, .done = on_done, .arg = l,
	};
	(void)snprintf(path, sizeof(path), "blobs/sha256:%s", d->digest.hex);
	l->state = LAYER_RUNNING;
	f->n_running++;
	return registry_get_start(f->reg, &l->get, path, e);
}

/* What the pipes did not take earlier. */
static void drain(struct fetch *f)
{
	for (size_t i = 0; i < f->next && f->result == 0; i++) {
		struct layer *l = &f->layers[i];
		struct err e = ERR_INIT;
		size_t n;
		int r;

		if (l->rest_len == 0)
			continue;
		r = feed(l, l->rest + l->rest_at, l->rest_len, &n, &e);
		if (r < 0) {
			give_up(f, err_wrap(&e, r, "layer sha256:%s", l->blob->digest.hex), &e);
			return;
		}
		l->rest_at += n;
		l->rest_len -= n;
		if (l->rest_len > 0)
			continue;
		if (l->state == LAYER_DRAINING)
			layer_complete(l);
		else
			http_resume(&l->get.http);
	}
}

static int step(struct fetch *f, struct err *e)
{
	struct curl_waitfd wait[PULL_CONNECTIONS_MAX];
	unsigned int n = 0;
	int r;

	while (f->n_running < PULL_CONNECTIONS_MAX && f->next < f->n) {
		r = start_layer(f, &f->layers[f->next++], e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < f->next && n < PULL_CONNECTIONS_MAX; i++)
		if (f->layers[i].rest_len > 0)
			wait[n++] = (struct curl_waitfd){ .fd = f->layers[i].job->data_fd,
							  .events = CURL_WAIT_POLLOUT };
	r = http_step(f->reg->http, wait, n, STEP_MS, e);
	if (r < 0)
		return r;
	drain(f);
	r = f->ev->interrupted ? f->ev->interrupted(e) : 0;
	if (r == 0 && f->ev->tick)
		f->ev->tick(f->ev->arg);
	return r;
}

static bool seen_before(const struct manifest *m, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_eq(&m->layers[k].digest, &m->layers[i].digest))
			return true;
	return false;
}

/* Announce every blob; those that are not here go onto the list. */
static int plan(struct fetch *f, size_t slot, struct err *e)
{
	const struct manifest *m = f->m;

	for (size_t i = 0; i < m->n_layers; i++) {
		const struct manifest_blob *d = &m->layers[i];
		struct image_in_blob *blob = NULL;
		int r;

		if (seen_before(m, i))
			continue;
		r = image_in_blob(f->in, &d->digest, d->size_bytes, &blob, e);
		if (r < 0)
			return err_wrap(e, r, "layer sha256:%s", d->digest.hex);
		if (f->ev->blob)
			f->ev->blob(f->ev->arg, slot, "blob", &d->digest, d->size_bytes, r == 1);
		if (r == 0)
			f->layers[f->n++] = (struct layer){ .fetch = f, .index = i, .slot = slot,
							    .blob = blob };
		slot++;
	}
	return 0;
}

/* Layers whose blob was here already, or is that of another layer, but which are not unpacked. */
static int unpack_rest(struct fetch *f, struct err *e)
{
	for (size_t i = 0; i < f->m->n_layers; i++) {
		const struct manifest_blob *d = &f->m->layers[i];
		int r;

		if (f->in->layers[i].present || f->in->layers[i].started)
			continue;
		r = image_in_unpack_blob(f->in, i, d->media_type, &d->digest, e);
		if (r < 0)
			return err_wrap(e, r, "layer sha256:%s", d->digest.hex);
	}
	return 0;
}

int pull_layers(struct registry *reg, struct image_in *in, const struct manifest *m, size_t slot,
		const struct ctr_pull_events *ev, struct err *e)
{
	struct fetch f = { .reg = reg, .in = in, .m = m, .ev = ev, .err = ERR_INIT };
	int r;

	f.layers = calloc(m->n_layers + 1, sizeof(*f.layers));
	if (!f.layers)
		return err_sys(e, ENOMEM, "fetch the layers");
	r = plan(&f, slot, e);
	while (r == 0 && f.result == 0 && (f.n_running > 0 || f.next < f.n))
		r = step(&f, e);
	for (size_t i = 0; i < f.n; i++) {
		registry_get_done(&f.layers[i].get);
		free(f.layers[i].rest);
	}
	free(f.layers);
	if (r == 0 && f.result < 0) {
		r = f.result;
		if (e)
			*e = f.err;
	}
	return r < 0 ? r : unpack_rest(&f, e);
}
