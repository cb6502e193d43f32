/* gzip on all cores (isa-l): see compress.h, which is what callers use. */
#ifndef STORAGE_GZIP_H
#define STORAGE_GZIP_H

#include <stddef.h>

#include "compress.h"

struct gzip;

/* @level 1..9, or -1. */
int gzip_new(int level, compress_sink sink, void *arg, struct gzip **ret, struct err *e);
void gzip_free(struct gzip *g);
int gzip_add(struct gzip *g, const void *data, size_t len, struct err *e);
int gzip_end(struct gzip *g, struct err *e);

#endif
