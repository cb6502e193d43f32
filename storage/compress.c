/* Compression of layers. */
#include "compress.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <zstd.h>

#include "gzip.h"

#define ZSTD_LEVEL 3
#define ZSTD_LEVEL_MAX 22
#define ZSTD_JOB_BYTES (2 << 20)
#define OUT_BYTES (256u << 10)

struct compressor {
	enum compression format;
	compress_sink sink;
	void *arg;
	struct gzip *gzip;
	ZSTD_CCtx *zstd;
	unsigned char *out;	/* zstd's */
};

unsigned int compress_threads(void)
{
	cpu_set_t set;
	int n;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1; /* more cores than the set has room for: rare, and still right */
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > COMPRESS_THREADS_MAX ? COMPRESS_THREADS_MAX : (unsigned int)n;
}

static int zstd_new(struct compressor *c, int level, struct err *e)
{
	unsigned int threads = compress_threads();

	c->zstd = ZSTD_createCCtx();
	c->out = malloc(OUT_BYTES);
	if (!c->zstd || !c->out)
		return err_sys(e, ENOMEM, "compress");
	if (ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel,
						level < 0 ? ZSTD_LEVEL : level)))
		return err_set(e, ERR_INVALID, "zstd has no compression level %d", level);
	/* A library without threads refuses these, and compresses by itself.  One job's output is the
	 * same whoever makes it, so also a single core cuts the input into jobs. */
	(void)ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_nbWorkers, (int)threads);
	(void)ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_jobSize, ZSTD_JOB_BYTES);
	return 0;
}

int compressor_new(enum compression format, int level, compress_sink sink, void *arg,
		   struct compressor **ret, struct err *e)
{
	int max = format == COMPRESSION_ZSTD ? ZSTD_LEVEL_MAX : 9;
	struct compressor *c;
	int r = 0;

	if (format != COMPRESSION_NONE && format != COMPRESSION_GZIP && format != COMPRESSION_ZSTD)
		return err_set(e, ERR_UNSUPPORTED, "layers are not compressed by %s", compression_str(format));
	if (level != -1 && (level < 1 || level > max) && format != COMPRESSION_NONE)
		return err_set(e, ERR_INVALID, "compression level %d: %s has 1 to %d", level,
			       compression_str(format), max);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_sys(e, ENOMEM, "compress");
	c->format = format;
	c->sink = sink;
	c->arg = arg;
	if (format == COMPRESSION_GZIP)
		r = gzip_new(level, sink, arg, &c->gzip, e);
	else if (format == COMPRESSION_ZSTD)
		r = zstd_new(c, level, e);
	if (r < 0) {
		compressor_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void compressor_free(struct compressor *c)
{
	if (!c)
		return;
	gzip_free(c->gzip);
	(void)ZSTD_freeCCtx(c->zstd);
	free(c->out);
	free(c);
}

static int zstd_feed(struct compressor *c, ZSTD_inBuffer *in, ZSTD_EndDirective mode, size_t *ret_left,
		     struct err *e)
{
	ZSTD_outBuffer out = { c->out, OUT_BYTES, 0 };
	sigset_t all, old;
	size_t left;

	/* Its threads start here, and inherit the mask. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	left = ZSTD_compressStream2(c->zstd, &out, in, mode);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ZSTD_isError(left))
		return err_set(e, ERR_OS, "compress: %s", ZSTD_getErrorName(left));
	*ret_left = left;
	return out.pos ? c->sink(c->arg, out.dst, out.pos, e) : 0;
}

int compressor_add(struct compressor *c, const void *data, size_t len, struct err *e)
{
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left;
	int r = 0;

	if (c->format == COMPRESSION_NONE)
		return c->sink(c->arg, data, len, e);
	if (c->format == COMPRESSION_GZIP)
		return gzip_add(c->gzip, data, len, e);
	while (r == 0 && in.pos < in.size)
		r = zstd_feed(c, &in, ZSTD_e_continue, &left, e);
	return r;
}

int compressor_end(struct compressor *c, struct err *e)
{
	ZSTD_inBuffer in = { NULL, 0, 0 };
	size_t left = 1;
	int r = 0;

	if (c->format == COMPRESSION_NONE)
		return 0;
	if (c->format == COMPRESSION_GZIP)
		return gzip_end(c->gzip, e);
	while (r == 0 && left)
		r = zstd_feed(c, &in, ZSTD_e_end, &left, e);
	return r;
}
