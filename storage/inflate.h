/* Decompression of a layer as it arrives: gzip (isa-l), zstd, or plain tar, told by its first bytes. */
#ifndef STORAGE_INFLATE_H
#define STORAGE_INFLATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_XZ,
	COMPRESSION_BZIP2, COMPRESSION_COUNT_ };

#define COMPRESSION_MAGIC_BYTES 6	/* enough for compression_detect() */
#define INFLATE_WINDOW_LOG_MAX 27	/* 128 MiB: the largest zstd window we take */
#define INFLATE_MEMORY_MAX_BYTES (10u << 20)	/* of a window; larger ones see inflate_spill() */

const char *compression_str(enum compression c);
enum compression compression_detect(const void *start, size_t len);

struct inflate;

/* Read from @fd, borrowed. */
int inflate_new(int fd, struct inflate **ret, struct err *e);
/* The same behind @len bytes (at most INFLATE_START_MAX_BYTES) that were read from it already, and no
 * more than @max_bytes from @fd. */
#define INFLATE_START_MAX_BYTES (256u << 10)
int inflate_new_behind(const void *start, size_t len, int fd, uint64_t max_bytes,
		       struct inflate **ret, struct err *e);
void inflate_free(struct inflate *x);
/*
 * Have windows beyond INFLATE_MEMORY_MAX_BYTES (zstd --ultra or --long) in files without a name in the
 * directory @dir_fd, borrowed: memory that the kernel can take back, so that many at once are bounded.
 */
void inflate_spill(struct inflate *x, int dir_fd);
/*
 * The next bytes, at most a few hundred KiB, valid until the next call.  Returns their number, 0 at
 * the end (of the last gzip member or zstd frame, with nothing but zeros behind it), or -errno.
 * Input that stops in the middle, and xz and bzip2, are errors.
 */
ssize_t inflate_next(struct inflate *x, const void **ret_buf, struct err *e);
uint64_t inflate_bytes_in(const struct inflate *x);
enum compression inflate_compression(const struct inflate *x);

#endif
