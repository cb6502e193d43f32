/* Compression of a layer (isa-l): for layers that are made here. */
#ifndef STORAGE_GZIP_H
#define STORAGE_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct gzip;

int gzip_new(struct gzip **ret, struct err *e);
void gzip_free(struct gzip *g);
/* Compress @len bytes, and with @end finish the stream; what comes out goes to @sink. */
int gzip_add(struct gzip *g, const void *data, size_t len, bool end,
	     int (*sink)(void *arg, const void *data, size_t len, struct err *e), void *arg,
	     struct err *e);

#endif
