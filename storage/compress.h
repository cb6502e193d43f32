/*
 * Compression of layers that are made or converted here, on all cores that this process may use.
 * What comes out depends on the input and the level alone, not on the number of cores.
 *
 * Threads run from the first piece of data until compressor_free(): nothing may be cloned between.
 * They take no signals.
 */
#ifndef STORAGE_COMPRESS_H
#define STORAGE_COMPRESS_H

#include <stddef.h>

#include "err.h"
#include "inflate.h"

#define COMPRESS_THREADS_MAX 8	/* each costs a few MB */

/* Takes what comes out, in order; a negative errno with @e ends the compression. */
typedef int (*compress_sink)(void *arg, const void *data, size_t len, struct err *e);

struct compressor;

/* COMPRESSION_NONE (bytes pass), COMPRESSION_GZIP (@level 1..9) or COMPRESSION_ZSTD (1..22); @level
 * -1: the usual one.  ERR_INVALID for another level, ERR_UNSUPPORTED for another format. */
int compressor_new(enum compression c, int level, compress_sink sink, void *arg,
		   struct compressor **ret, struct err *e);
void compressor_free(struct compressor *c);
int compressor_add(struct compressor *c, const void *data, size_t len, struct err *e);
/* No more comes: write the rest out. */
int compressor_end(struct compressor *c, struct err *e);

/* How many threads make sense here: the cores of our affinity, at most COMPRESS_THREADS_MAX. */
unsigned int compress_threads(void);

#endif
