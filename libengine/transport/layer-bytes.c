/* Layers without their compression. */
#include "layer-bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "hash.h"
#include "unfilter.h"

#define READ_BYTES (256u << 10)
#define WORKER_DIR "decompress"

int layer_bytes_compression(const struct image_part *p, enum compression *ret, struct err *e)
{
	char start[COMPRESSION_MAGIC_BYTES];
	ssize_t n;

	do
		n = pread(p->fd, start,
			  p->blob.size_bytes < sizeof(start) ? p->blob.size_bytes : sizeof(start),
			  (off_t)p->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "read blob %.12s", p->blob.digest.hex);
	*ret = compression_detect(start, (size_t)n);
	return 0;
}

struct reader {
	const struct image_part *part;
	const struct ctr_pull_events *ev;
	int from;		/* what comes out of the worker */
	int in;			/* what it reads: our position in the blob is its */
	struct proc worker;
	struct hash *hash;
};

/* A description of our own of the blob's file: the worker's reading moves its position. */
static int start(struct reader *t, const struct stage *stage, const struct transport_ctx *ctx,
		 const struct unpack_limits *lim, struct err *e)
{
	struct unfilter_in in = { .max_bytes = t->part->blob.size_bytes };
	char magic[COMPRESSION_MAGIC_BYTES];
	ssize_t n;

	t->in = fd_reopen(t->part->fd, O_RDONLY);
	if (t->in < 0 || lseek(t->in, (off_t)t->part->offset, SEEK_SET) < 0)
		return err_sys(e, t->in < 0 ? t->in : errno, "read blob %.12s", t->part->blob.digest.hex);
	n = fd_read_full(t->in, magic,
			 in.max_bytes < sizeof(magic) ? in.max_bytes : sizeof(magic));
	if (n < 0)
		return err_sys(e, (int)n, "read blob %.12s", t->part->blob.digest.hex);
	in.start = magic;
	in.len = (size_t)n;
	in.max_bytes -= (uint64_t)n;
	in.fd = t->in;
	return unfilter_start(stage->fd, WORKER_DIR, ctx->idmap, lim, &in, &t->from, &t->worker, e);
}

static void tell(const struct reader *t)
{
	off_t at = lseek(t->in, 0, SEEK_CUR);

	if (t->ev->progress && at >= 0)
		t->ev->progress(t->ev->arg, t->part->slot, (uint64_t)at - t->part->offset);
	if (t->ev->tick)
		t->ev->tick(t->ev->arg);
}

static int read_out(struct reader *t, char *buf,
		    int (*fn)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		    struct layer_bytes *ret, struct err *e)
{
	ret->size_bytes = 0;
	for (;;) {
		ssize_t n = read(t->from, buf, READ_BYTES);
		int r = t->ev->interrupted ? t->ev->interrupted(e) : 0;

		if (r < 0)
			return r;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "decompress blob %.12s", t->part->blob.digest.hex);
		if (n == 0)
			return 0;
		ret->size_bytes += (uint64_t)n;
		r = hash_add(t->hash, buf, (size_t)n);
		if (r < 0)
			return err_sys(e, r, "hash blob %.12s", t->part->blob.digest.hex);
		if (fn)
			r = fn(arg, buf, (size_t)n, e);
		if (r < 0)
			return r;
		tell(t);
	}
}

int layer_bytes_read(const struct image_part *p, const struct stage *stage,
		     const struct transport_ctx *ctx,
		     int (*fn)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		     struct layer_bytes *ret, struct err *e)
{
	struct reader t = { .part = p, .ev = ctx->events, .from = FD_NONE, .in = FD_NONE,
			    .worker = PROC_INIT, .hash = hash_new() };
	auto_free char *buf = malloc(READ_BYTES);
	struct unpack_limits lim;
	int r = unpack_limits_parse(getenv(UNPACK_LIMITS_ENV), &lim, e);

	if (r == 0 && (!t.hash || !buf))
		r = err_sys(e, ENOMEM, "decompress a layer");
	if (r == 0)
		r = start(&t, stage, ctx, &lim, e);
	if (r == 0)
		r = read_out(&t, buf, fn, arg, ret, e);
	if (r < 0)
		(void)unfilter_finish(&t.worker, true, NULL);
	else
		r = unfilter_finish(&t.worker, false, e);
	if (r == 0 && hash_finish(t.hash, &ret->diff_id) < 0)
		r = err_sys(e, EIO, "hash blob %.12s", p->blob.digest.hex);
	(void)unlinkat(stage->fd, WORKER_DIR, AT_REMOVEDIR); /* else it goes with the stage */
	hash_free(t.hash);
	(void)fd_close(t.from);
	(void)fd_close(t.in);
	return r;
}
