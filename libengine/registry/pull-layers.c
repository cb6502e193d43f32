/*
 * Fetching and unpacking layers.  One thread runs all: what the connections bring goes into the
 * partial blobs, and from there, in order, through the hash into the workers' pipes, as much as
 * they take.  So a slow disk slows no connection, memory is bounded by one buffer, and a blob that
 * was here already, in part or whole, takes the same way as one that arrives.
 *
 * A layer that another process brings in is waited for: it is there when it is unpacked, or, where
 * that process fails, its blob is ours to go on with.
 */
#include "pull-layers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob-fetch.h"
#include "chunk-reuse.h"
#include "fd.h"
#include "hash.h"

#define STEP_MS 250			/* so often is a signal noticed at the latest */
#define WAIT_STEP_MS 40			/* so often is looked whether another process is done */
#define LAYERS_AT_ONCE 6		/* workers, where nobody says otherwise */
#define LAYERS_AT_ONCE_MAX 16
#define WORKER_PIPE_BYTES (1 << 20)
#define BUFFER_BYTES (256u << 10)
#define TURN_BYTES (4u << 20)		/* of one layer, before the others have their turn */

enum layer_state { LAYER_WAITING, LAYER_FEEDING, LAYER_UNPACKING, LAYER_DONE };

static unsigned int layers_at_once = LAYERS_AT_ONCE;

void pull_layers_limit(unsigned int n)
{
	layers_at_once = n == 0 ? LAYERS_AT_ONCE : n < LAYERS_AT_ONCE_MAX ? n : LAYERS_AT_ONCE_MAX;
}

struct layer {
	size_t index;			/* in the manifest */
	size_t slot;			/* in the events */
	enum layer_state state;
	struct image_in_blob *blob;
	struct blob_item item;
	struct unpack_job *job;		/* NULL: the unpacked layer is here already */
	struct hash *hash;
	uint64_t fed;			/* bytes that were hashed and given to the worker */
	uint64_t shown;
};

struct pulling {
	struct image_in *in;
	const struct manifest *m;
	const struct ctr_pull_events *ev;
	struct blob_fetch fetch;
	struct chunk_reuse *reuse;	/* NULL: every byte is fetched */
	struct layer *layers;
	size_t n, n_open, n_done;
	char *buf;
};

static void layer_done(struct pulling *p, struct layer *l)
{
	if (l->state == LAYER_FEEDING || l->state == LAYER_UNPACKING)
		p->n_open--;
	l->state = LAYER_DONE;
	p->n_done++;
}

/* Starting */

static int start_job(struct pulling *p, struct layer *l, struct err *e)
{
	int r = image_in_unpack(p->in, l->index, p->m->layers[l->index].media_type, &l->job, e);

	if (r == 1) {
		l->job = NULL;
		return 0;
	}
	if (r < 0)
		return r;
	r = fd_set_nonblock(l->job->data_fd, true);
	if (r < 0)
		return err_sys(e, r, "start unpacking");
	/* a bigger pipe saves wake-ups; where the limit is reached the usual size does */
	(void)fcntl(l->job->data_fd, F_SETPIPE_SZ, WORKER_PIPE_BYTES);
	return 0;
}

/* A stored blob is hashed as it is, whatever a manifest says of its length. */
static int stored_size(struct layer *l, struct err *e)
{
	struct stat st;

	if (fstat(image_in_blob_fd(l->blob), &st) < 0)
		return err_sys(e, errno, "stat blob %.12s", l->blob->digest.hex);
	l->blob->size_bytes = (uint64_t)st.st_size;
	return 0;
}

static int start_layer(struct pulling *p, struct layer *l, struct err *e)
{
	const struct manifest_blob *d = &p->m->layers[l->index];
	int blob, r = image_in_look_again(p->in, l->index, e);

	if (r < 0)
		return r;
	blob = image_in_fetch(p->in, &d->digest, d->size_bytes, &l->blob, e);
	if (blob == -EAGAIN)
		return 0; /* another process fetches it */
	if (blob < 0)
		return blob;
	if (blob == 1 && p->in->layers[l->index].present) {
		layer_done(p, l);
		return 0;
	}
	l->hash = hash_new();
	if (!l->hash)
		return err_sys(e, ENOMEM, "hash a blob");
	r = start_job(p, l, e);
	if (r < 0)
		return r;
	l->state = LAYER_FEEDING;
	p->n_open++;
	if (blob == 1)
		return stored_size(l, e);
	if (l->blob->partial.complete)
		return 0;
	l->item.partial = &l->blob->partial;
	if (!l->blob->partial.found && p->reuse)
		r = chunk_reuse_fill(p->reuse, &p->fetch, &l->item,
				     json_array_get(json_object_get(p->m->doc, "layers"), l->index), e);
	blob_fetch_add(&p->fetch, &l->item);
	return r;
}

static int start_layers(struct pulling *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < p->n && p->n_open < layers_at_once; i++) {
		if (p->layers[i].state == LAYER_WAITING)
			r = start_layer(p, &p->layers[i], e);
		if (r < 0)
			return err_wrap(e, r, "layer sha256:%s", p->m->layers[p->layers[i].index].digest.hex);
	}
	return 0;
}

/* Feeding */

/* The worker has closed its pipe: its own reason is the one to report. */
static int worker_failed(struct layer *l, struct err *e)
{
	struct unpack_result res;
	int r = unpack_finish(l->job, &res, e);

	if (r == 0)
		r = err_set(e, ERR_CORRUPT, "the unpacking of the layer ended before its data");
	return r;
}

/* How many bytes from the beginning on are here. */
static uint64_t available(const struct layer *l)
{
	return l->blob->partial.fd >= 0 ? partial_known_end(&l->blob->partial, 0) : l->blob->size_bytes;
}

/* Of the bytes behind @l->fed as much as the pipe takes: how much, 0 when it is full. */
static ssize_t feed(struct pulling *p, struct layer *l, size_t want, struct err *e)
{
	ssize_t n;

	do
		n = pread(image_in_blob_fd(l->blob), p->buf, want, (off_t)l->fed);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "read blob %.12s", l->blob->digest.hex);
	if (n == 0)
		return err_set(e, ERR_CORRUPT, "blob %.12s is shorter than it was", l->blob->digest.hex);
	if (l->job) {
		size_t have = (size_t)n;

		do
			n = write(l->job->data_fd, p->buf, have);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == EPIPE)
			return worker_failed(l, e);
		if (n < 0)
			return err_sys(e, errno, "write to the unpack worker");
	}
	if (hash_add(l->hash, p->buf, (size_t)n) < 0)
		return err_set(e, ERR_OS, "hash blob %.12s", l->blob->digest.hex);
	l->fed += (uint64_t)n;
	return n;
}

/* Nobody may go on with these bytes. */
static void reject(struct pulling *p, struct layer *l)
{
	image_in_reject(p->in, l->blob);
	p->in->reused |= l->blob->present; /* without them it may go well */
}

static int check_digest(struct pulling *p, struct layer *l, struct err *e)
{
	const struct manifest_blob *d = &p->m->layers[l->index];
	struct digest got;

	if (hash_finish(l->hash, &got) < 0)
		return err_set(e, ERR_OS, "hash blob %.12s", l->blob->digest.hex);
	if (!digest_eq(&got, &l->blob->digest)) {
		reject(p, l);
		return err_set(e, ERR_CORRUPT, "blob has the digest sha256:%s, expected was sha256:%s", got.hex,
			       l->blob->digest.hex);
	}
	if (l->fed != d->size_bytes)
		return err_set(e, ERR_CORRUPT, "size is %" PRIu64 ", manifest says %" PRIu64, l->fed,
			       d->size_bytes);
	return l->blob->partial.fd >= 0 ? image_in_fetched(p->in, l->blob, e) : 0;
}

/* All bytes are with the worker. */
static int fed_all(struct pulling *p, struct layer *l, struct err *e)
{
	int r = check_digest(p, l, e);

	if (r < 0)
		return r;
	if (l->job) {
		unpack_end_input(l->job);
		l->state = LAYER_UNPACKING;
	} else {
		layer_done(p, l);
	}
	return 0;
}

/* The worker took no more.  Where it is not for want of room, or because all are asked to end, the
 * bytes may be to blame. */
static int feed_failed(struct pulling *p, struct layer *l, int r, struct err *e)
{
	struct err stop = ERR_INIT;
	int stopped = p->ev->interrupted ? p->ev->interrupted(&stop) : 0;

	if (stopped < 0) {
		if (e)
			*e = stop;
		return stopped;
	}
	if (r != -ENOSPC && r != -EDQUOT && l->blob->partial.fd >= 0)
		reject(p, l);
	return r;
}

static int feed_turn(struct pulling *p, struct layer *l, struct err *e)
{
	uint64_t end = available(l), stop = l->fed + TURN_BYTES;
	ssize_t n = 1;

	if (l->item.result < 0) {
		if (e)
			*e = l->item.err;
		return l->item.result;
	}
	while (n > 0 && l->fed < end && l->fed < stop)
		n = feed(p, l, end - l->fed < BUFFER_BYTES ? (size_t)(end - l->fed) : BUFFER_BYTES, e);
	if (n < 0)
		return feed_failed(p, l, (int)n, e);
	return l->fed < l->blob->size_bytes ? 0 : fed_all(p, l, e);
}

static int unpack_turn(struct pulling *p, struct layer *l, struct err *e)
{
	struct pollfd pfd = { .fd = l->job->result_fd, .events = POLLIN };
	int r;

	if (poll(&pfd, 1, 0) != 1)
		return 0;
	r = image_in_layer_ready(p->in, l->index, e);
	if (r < 0)
		return feed_failed(p, l, r, e);
	layer_done(p, l);
	return 0;
}

/* The loop */

static void show(struct pulling *p, struct layer *l)
{
	uint64_t have = l->blob->partial.fd >= 0 ? partial_have(&l->blob->partial) : l->fed;

	if (have != l->shown && p->ev->progress)
		p->ev->progress(p->ev->arg, l->slot, have);
	l->shown = have;
}

static int turn(struct pulling *p, struct err *e)
{
	int r = start_layers(p, e);

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		struct layer *l = &p->layers[i];
		bool feeding = l->state == LAYER_FEEDING;

		if (feeding)
			r = feed_turn(p, l, e);
		else if (l->state == LAYER_UNPACKING)
			r = unpack_turn(p, l, e);
		if (feeding)
			show(p, l);
		if (r < 0)
			return err_wrap(e, r, "layer sha256:%s", p->m->layers[l->index].digest.hex);
	}
	return r < 0 ? r : blob_fetch_turn(&p->fetch, e);
}

/* What there is to wait for beside the network: full pipes and workers at their end. */
static int wait_for_more(struct pulling *p, struct err *e)
{
	struct curl_waitfd wait[LAYERS_AT_ONCE_MAX];
	int timeout_ms = STEP_MS;
	unsigned int n = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct layer *l = &p->layers[i];

		if (l->state == LAYER_FEEDING && l->fed < available(l)) {
			if (l->job)
				wait[n++] = (struct curl_waitfd){ .fd = l->job->data_fd, .events = CURL_WAIT_POLLOUT };
			else
				timeout_ms = 0; /* its turn goes on */
		} else if (l->state == LAYER_UNPACKING) {
			wait[n++] = (struct curl_waitfd){ .fd = l->job->result_fd, .events = CURL_WAIT_POLLIN };
		} else if (l->state == LAYER_WAITING && p->n_open < layers_at_once &&
			   timeout_ms > WAIT_STEP_MS) {
			timeout_ms = WAIT_STEP_MS;
		}
	}
	return http_step(p->fetch.reg->http, wait, n, timeout_ms, e);
}

static int run(struct pulling *p, struct err *e)
{
	int r = 0;

	while (r == 0) {
		r = turn(p, e);
		if (r < 0 || p->n_done == p->n)
			break;
		r = wait_for_more(p, e);
		if (r == 0 && p->ev->interrupted)
			r = p->ev->interrupted(e);
		if (r == 0 && p->ev->tick)
			p->ev->tick(p->ev->arg);
	}
	return r;
}

static bool seen_before(const struct manifest *m, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_eq(&m->layers[k].digest, &m->layers[i].digest))
			return true;
	return false;
}

/* Announce every blob, and list the layers that lack something. */
static int plan(struct pulling *p, size_t slot, struct err *e)
{
	const struct manifest *m = p->m;

	for (size_t i = 0; i < m->n_layers; i++) {
		const struct manifest_blob *d = &m->layers[i];
		struct image_in_blob *blob = NULL;
		int r;

		if (seen_before(m, i))
			continue;
		r = image_in_announce(p->in, &d->digest, d->size_bytes, &blob, e);
		if (r < 0)
			return err_wrap(e, r, "layer sha256:%s", d->digest.hex);
		if (p->ev->blob)
			p->ev->blob(p->ev->arg, slot, "blob", &d->digest, d->size_bytes, r == 1);
		if (r == 0 || !p->in->layers[i].present)
			p->layers[p->n++] = (struct layer){ .index = i, .slot = slot, .blob = blob };
		slot++;
	}
	return 0;
}

int pull_layers(struct registry *reg, struct image_in *in, const struct manifest *m, size_t slot,
		const struct ctr_pull_events *ev, bool reuse, struct err *e)
{
	struct pulling p = { .in = in, .m = m, .ev = ev };
	int r;

	blob_fetch_init(&p.fetch, reg);
	p.layers = calloc(m->n_layers + 1, sizeof(*p.layers));
	p.buf = malloc(BUFFER_BYTES);
	if (reuse)
		p.reuse = chunk_reuse_new(in, ev->interrupted); /* without memory for it all is fetched */
	r = p.layers && p.buf ? plan(&p, slot, e) : err_sys(e, ENOMEM, "fetch the layers");
	if (r == 0)
		r = run(&p, e);
	blob_fetch_done(&p.fetch);
	for (size_t i = 0; i < p.n; i++)
		hash_free(p.layers[i].hash);
	chunk_reuse_free(p.reuse);
	free(p.layers);
	free(p.buf);
	return r;
}
