/*
 * Layers from local files into the store.  One thread reads and hashes for all; the pipe to a worker
 * takes what it can, and while it is full the other layers go on.
 */
#include "sink-store-feed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"

#define AT_ONCE 8	/* layers; each has a worker */
#define READ_BYTES (256u << 10)
#define WORKER_PIPE_BYTES (1 << 20)

struct feed {
	const struct image_part *part;
	struct image_in_blob *blob;
	struct unpack_job *job;	/* NULL: only the blob is wanted */
	char *buf;		/* @len bytes were read, @pos of them are with the worker */
	size_t len, pos;
	uint64_t at;		/* how far the part was read */
	bool worker_gone;	/* the digest decides whose fault that was */
};

/* 1 when there is nothing to do for it. */
static int feed_start(struct image_in *in, const struct image_parts *p, size_t i, struct feed *f,
		      struct err *e)
{
	const struct manifest_blob *b = &p->layers[i].blob;
	int r = image_in_blob(in, &b->digest, b->size_bytes, &f->blob, e);

	if (r != 0)
		return r;
	f->part = &p->layers[i];
	f->buf = malloc(READ_BYTES);
	if (!f->buf)
		return err_sys(e, ENOMEM, "read a layer");
	r = image_in_unpack(in, i, b->media_type, &f->job, e);
	if (r == 0)
		r = fd_set_nonblock(f->job->data_fd, true);
	if (r == 0)
		/* a bigger pipe saves wake-ups; where the limit is reached the usual size does */
		(void)fcntl(f->job->data_fd, F_SETPIPE_SZ, WORKER_PIPE_BYTES);
	return r < 0 ? r : 0;
}

static void feed_done(struct feed *f)
{
	free(f->buf);
	*f = (struct feed){ 0 };
}

static int read_on(struct feed *f, const struct ctr_pull_events *ev, struct err *e)
{
	const struct manifest_blob *b = &f->part->blob;
	uint64_t left = b->size_bytes - f->at;
	ssize_t n;
	int r;

	do
		n = pread(f->part->fd, f->buf, left < READ_BYTES ? (size_t)left : READ_BYTES,
			  (off_t)(f->part->offset + f->at));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "read blob %.12s", b->digest.hex);
	if (n == 0)
		return err_set(e, ERR_CORRUPT, "blob %.12s ends after %" PRIu64 " of %" PRIu64 " bytes",
			       b->digest.hex, f->at, b->size_bytes);
	r = blob_write(&f->blob->writer, f->buf, (size_t)n, e);
	f->at += (uint64_t)n;
	f->len = f->job && !f->worker_gone ? (size_t)n : 0;
	f->pos = 0;
	if (r == 0 && ev->progress)
		ev->progress(ev->arg, f->part->slot, f->at);
	return r;
}

static int write_on(struct feed *f, struct err *e)
{
	ssize_t n = write(f->job->data_fd, f->buf + f->pos, f->len - f->pos);

	if (n > 0) {
		f->pos += (size_t)n;
	} else if (n < 0 && errno == EPIPE) {
		f->worker_gone = true; /* whether its digest is right is still to be seen */
		f->pos = f->len;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		return err_sys(e, errno, "feed the unpacking process");
	}
	return 0;
}

/* Go on with it: 1 when all of it is read, unpacked as far as we are concerned, and verified. */
static int feed_step(struct image_in *in, struct feed *f, const struct ctr_pull_events *ev,
		     struct err *e)
{
	int r;

	if (f->pos < f->len)
		return write_on(f, e);
	if (f->at < f->part->blob.size_bytes)
		return read_on(f, ev, e);
	if (f->job)
		unpack_end_input(f->job);
	r = image_in_blob_finish(in, f->blob, e);
	return r < 0 ? r : 1;
}

/* One turn for all @n of them; waits when all pipes are full. */
static int step_all(struct image_in *in, struct feed *f, size_t *n, const struct ctr_pull_events *ev,
		    struct err *e)
{
	struct pollfd p[AT_ONCE];
	bool ready = false;
	int r = ev->interrupted ? ev->interrupted(e) : 0;

	for (size_t i = 0; i < *n; i++) {
		p[i] = (struct pollfd){ .fd = f[i].pos < f[i].len ? f[i].job->data_fd : -1,
					.events = POLLOUT };
		ready |= p[i].fd < 0;
	}
	if (r == 0 && poll(p, *n, ready ? 0 : -1) < 0 && errno != EINTR)
		r = err_sys(e, errno, "poll");
	for (size_t i = *n; r >= 0 && i-- > 0;) {
		if (p[i].fd >= 0 && !p[i].revents)
			continue;
		r = feed_step(in, &f[i], ev, e);
		if (r < 0)
			return err_wrap(e, r, "layer sha256:%s", f[i].part->blob.digest.hex);
		if (r == 1) {
			feed_done(&f[i]);
			f[i] = f[--*n]; /* those behind it had their turn */
		}
	}
	if (r >= 0 && ev->tick)
		ev->tick(ev->arg);
	return r < 0 ? r : 0;
}

static bool seen_before(const struct image_parts *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (digest_eq(&p->layers[k].blob.digest, &p->layers[i].blob.digest))
			return true;
	return false;
}

int sink_store_feed(struct image_in *in, const struct image_parts *p, const struct ctr_pull_events *ev,
		    struct err *e)
{
	struct feed f[AT_ONCE] = { { 0 } };
	size_t n = 0, next = 0;
	int r = 0;

	while (r == 0 && (n > 0 || next < p->n_layers)) {
		while (r == 0 && n < AT_ONCE && next < p->n_layers) {
			size_t i = next++;

			if (p->layers[i].present || seen_before(p, i))
				continue;
			r = feed_start(in, p, i, &f[n], e);
			n += r <= 0; /* also a half-begun one, to be freed */
			r = r < 0 ? r : 0;
		}
		if (r == 0 && n > 0)
			r = step_all(in, f, &n, ev, e);
	}
	for (size_t i = 0; i < n; i++)
		feed_done(&f[i]);
	return r;
}
