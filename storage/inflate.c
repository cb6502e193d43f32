/* Decompression of a layer as it arrives. */
#include "inflate.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <isa-l.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_customMem */
#include <zstd.h>
#include <zstd_errors.h>

#include "fd.h"

#define IN_BYTES INFLATE_START_MAX_BYTES
#define OUT_BYTES (256u << 10)
#define SPILLED_MAX 4	/* windows: a decoder has one, and two while it changes */

static const char *const compression_words[] = {
	[COMPRESSION_NONE] = "none",
	[COMPRESSION_GZIP] = "gzip",
	[COMPRESSION_ZSTD] = "zstd",
	[COMPRESSION_XZ] = "xz",
	[COMPRESSION_BZIP2] = "bzip2",
};
static_assert(sizeof(compression_words) / sizeof(compression_words[0]) == COMPRESSION_COUNT_,
	      "a word for every compression");

const char *compression_str(enum compression c)
{
	return compression_words[c];
}

enum compression compression_detect(const void *start, size_t len)
{
	const unsigned char *p = start;

	if (len >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
		return COMPRESSION_GZIP;
	if (len >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return COMPRESSION_ZSTD;
	/* A zstd skippable frame: magic 0x184d2a50 to 5f. */
	if (len >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)
		return COMPRESSION_ZSTD;
	if (len >= 6 && memcmp(p, "\xfd" "7zXZ\0", 6) == 0)
		return COMPRESSION_XZ;
	if (len >= 4 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9')
		return COMPRESSION_BZIP2;
	return COMPRESSION_NONE;
}

struct inflate {
	int fd;
	enum compression kind;
	bool started, in_eof;
	uint64_t bytes_in, left;	/* left: of what may be read */
	unsigned char *in, *out;
	size_t in_len, in_pos;
	bool mid_frame;		/* inside a gzip member or zstd frame */
	bool ended;		/* nothing but zeros may follow */
	struct inflate_state gz;
	ZSTD_DStream *zstd;
	int spill_fd;		/* the directory for large windows; FD_NONE: in memory */
	struct {
		void *at;
		size_t len;
	} spilled[SPILLED_MAX];
};

void inflate_spill(struct inflate *x, int dir_fd)
{
	x->spill_fd = dir_fd;
}

/* All of the file is written, so that a full disk is an error here and no SIGBUS later. */
static void *map_file(int dir_fd, size_t len)
{
	auto_close int fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	static const char zeros[64 << 10];
	void *at;

	if (fd < 0)
		return NULL;
	for (size_t done = 0; done < len; done += sizeof(zeros))
		if (fd_write_all(fd, zeros, len - done < sizeof(zeros) ? len - done : sizeof(zeros)) < 0)
			return NULL;
	at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static void *window_alloc(void *arg, size_t len)
{
	struct inflate *x = arg;

	if (len <= INFLATE_MEMORY_MAX_BYTES || x->spill_fd < 0)
		return malloc(len);
	for (size_t i = 0; i < SPILLED_MAX; i++)
		if (!x->spilled[i].at) {
			x->spilled[i].at = map_file(x->spill_fd, len);
			x->spilled[i].len = len;
			return x->spilled[i].at;
		}
	return NULL;
}

static void window_free(void *arg, void *at)
{
	struct inflate *x = arg;

	for (size_t i = 0; at && i < SPILLED_MAX; i++)
		if (x->spilled[i].at == at) {
			(void)munmap(at, x->spilled[i].len); /* it is ours: it cannot fail */
			x->spilled[i].at = NULL;
			return;
		}
	free(at);
}

int inflate_new(int fd, struct inflate **ret, struct err *e)
{
	struct inflate *x = calloc(1, sizeof(*x));

	if (x) {
		x->in = malloc(IN_BYTES);
		x->out = malloc(OUT_BYTES);
	}
	if (!x || !x->in || !x->out) {
		inflate_free(x);
		return err_sys(e, ENOMEM, "decompress");
	}
	x->fd = fd;
	x->left = UINT64_MAX;
	x->spill_fd = FD_NONE;
	*ret = x;
	return 0;
}

void inflate_free(struct inflate *x)
{
	if (!x)
		return;
	(void)ZSTD_freeDStream(x->zstd);
	free(x->in);
	free(x->out);
	free(x);
}

int inflate_new_behind(const void *start, size_t len, int fd, uint64_t max_bytes,
		       struct inflate **ret, struct err *e)
{
	struct inflate *x = NULL;
	int r = inflate_new(fd, &x, e);

	assert(len <= IN_BYTES);
	if (r < 0)
		return r;
	memcpy(x->in, start, len);
	x->in_len = len;
	x->bytes_in = len;
	x->left = max_bytes;
	*ret = x;
	return 0;
}

uint64_t inflate_bytes_in(const struct inflate *x)
{
	return x->bytes_in;
}

enum compression inflate_compression(const struct inflate *x)
{
	return x->kind;
}

/* More input when there is none left; at least @want bytes unless the input ends. */
static int fill_input(struct inflate *x, size_t want, struct err *e)
{
	if (x->in_len - x->in_pos >= want)
		return 0;
	if (x->in_pos) {
		memmove(x->in, x->in + x->in_pos, x->in_len - x->in_pos);
		x->in_len -= x->in_pos;
		x->in_pos = 0;
	}
	while (!x->in_eof && x->in_len - x->in_pos < want) {
		size_t space = IN_BYTES - x->in_len;
		ssize_t n = read(x->fd, x->in + x->in_len, space < x->left ? space : x->left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read the compressed layer");
		x->in_eof = n == 0;
		x->in_len += (size_t)n;
		x->bytes_in += (uint64_t)n;
		x->left -= (uint64_t)n;
	}
	return 0;
}

static int cut_short(const struct inflate *x, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the %s stream ends in the middle", compression_str(x->kind));
}

static void gzip_reset(struct inflate *x)
{
	isal_inflate_init(&x->gz);
	x->gz.crc_flag = ISAL_GZIP;
}

static int start(struct inflate *x, struct err *e)
{
	int r = fill_input(x, COMPRESSION_MAGIC_BYTES, e);

	if (r < 0)
		return r;
	x->started = true;
	x->kind = compression_detect(x->in, x->in_len);
	switch (x->kind) {
	case COMPRESSION_GZIP:
		gzip_reset(x);
		x->mid_frame = true;
		return 0;
	case COMPRESSION_ZSTD:
		x->zstd = ZSTD_createDStream_advanced((ZSTD_customMem){ window_alloc, window_free, x });
		if (!x->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(x->zstd, ZSTD_d_windowLogMax,
								    INFLATE_WINDOW_LOG_MAX)))
			return err_sys(e, ENOMEM, "decompress");
		return 0;
	case COMPRESSION_XZ:
	case COMPRESSION_BZIP2:
		return err_set(e, ERR_UNSUPPORTED, "a layer compressed by %s: only gzip, zstd and "
			       "plain tar are layers", compression_str(x->kind));
	case COMPRESSION_NONE:
	case COMPRESSION_COUNT_:
		return 0;
	}
	return 0;
}

static ssize_t next_plain(struct inflate *x, const void **ret_buf)
{
	size_t n = x->in_len - x->in_pos;

	*ret_buf = x->in + x->in_pos;
	x->in_pos = x->in_len;
	return (ssize_t)n;
}

/* Behind the last member: tapes and some tools pad with zeros. */
static int check_padding(struct inflate *x, struct err *e)
{
	for (; x->in_pos < x->in_len; x->in_pos++)
		if (x->in[x->in_pos])
			return err_set(e, ERR_CORRUPT, "bytes that are no %s follow the %s stream",
				       compression_str(x->kind), compression_str(x->kind));
	return 0;
}

/* Between members: does another one begin? */
static int next_member(struct inflate *x, struct err *e)
{
	int r = fill_input(x, COMPRESSION_MAGIC_BYTES, e);

	if (r < 0)
		return r;
	if (x->in_pos < x->in_len &&
	    compression_detect(x->in + x->in_pos, x->in_len - x->in_pos) == x->kind) {
		gzip_reset(x);
		x->mid_frame = true;
		return 0;
	}
	x->ended = true;
	return 0;
}

static const char *gzip_why(int r)
{
	switch (r) {
	case ISAL_INVALID_WRAPPER:
		return "bad header";
	case ISAL_INCORRECT_CHECKSUM:
		return "checksum differs";
	case ISAL_UNSUPPORTED_METHOD:
		return "unknown method";
	default:
		return "bad data";
	}
}

static ssize_t step_gzip(struct inflate *x, struct err *e)
{
	int r;

	if (!x->mid_frame)
		return next_member(x, e);
	if (x->in_pos == x->in_len && x->in_eof && x->gz.block_state != ISAL_BLOCK_FINISH &&
	    x->gz.avail_out > 0)
		return cut_short(x, e);
	x->gz.next_in = x->in + x->in_pos;
	x->gz.avail_in = (uint32_t)(x->in_len - x->in_pos);
	x->gz.next_out = x->out;
	x->gz.avail_out = OUT_BYTES;
	r = isal_inflate(&x->gz);
	x->in_pos = x->in_len - x->gz.avail_in;
	if (r < 0)
		return err_set(e, ERR_CORRUPT, "the gzip stream is damaged: %s", gzip_why(r));
	if (x->gz.block_state == ISAL_BLOCK_FINISH)
		x->mid_frame = false;
	return (ssize_t)(OUT_BYTES - x->gz.avail_out);
}

static ssize_t step_zstd(struct inflate *x, struct err *e)
{
	ZSTD_inBuffer in = { x->in, x->in_len, x->in_pos };
	ZSTD_outBuffer out = { x->out, OUT_BYTES, 0 };
	size_t r;

	if (!x->mid_frame) {
		if (fill_input(x, COMPRESSION_MAGIC_BYTES, e) < 0)
			return -EIO;
		if (compression_detect(x->in + x->in_pos, x->in_len - x->in_pos) != x->kind) {
			x->ended = true;
			return 0;
		}
		in = (ZSTD_inBuffer){ x->in, x->in_len, x->in_pos };
	}
	r = ZSTD_decompressStream(x->zstd, &out, &in);
	if (ZSTD_isError(r)) {
		if (ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge)
			return err_set(e, ERR_LIMIT, "the zstd stream wants a window larger than the "
				       "limit of %u MiB", 1u << (INFLATE_WINDOW_LOG_MAX - 20));
		return err_set(e, ERR_CORRUPT, "the zstd stream is damaged: %s", ZSTD_getErrorName(r));
	}
	/* No progress without input left: it wants more than there is. */
	if (r != 0 && out.pos == 0 && in.pos == x->in_pos && x->in_eof)
		return cut_short(x, e);
	x->mid_frame = r != 0;
	x->in_pos = in.pos;
	return (ssize_t)out.pos;
}

ssize_t inflate_next(struct inflate *x, const void **ret_buf, struct err *e)
{
	int r = x->started ? 0 : start(x, e);

	if (r < 0)
		return r;
	for (;;) {
		ssize_t n;

		r = fill_input(x, 1, e);
		if (r < 0)
			return r;
		if (x->kind == COMPRESSION_NONE)
			return next_plain(x, ret_buf);
		if (x->ended) {
			r = check_padding(x, e);
			if (r < 0)
				return r;
			if (x->in_eof)
				return 0;
			continue;
		}
		n = x->kind == COMPRESSION_GZIP ? step_gzip(x, e) : step_zstd(x, e);
		if (n != 0) {
			*ret_buf = x->out;
			return n;
		}
	}
}
