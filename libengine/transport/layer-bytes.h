/* The tar archive that a layer is, whatever its compression. */
#ifndef TRANSPORT_LAYER_BYTES_H
#define TRANSPORT_LAYER_BYTES_H

#include "inflate.h"
#include "transport.h"

struct layer_bytes {
	struct digest diff_id;	/* of what came out */
	uint64_t size_bytes;
};

/*
 * Give the part's bytes, decompressed by a confined worker that lives in @stage, to @fn (may be
 * NULL).  What the compressed bytes hash to is not looked at: the diffID tells whether the right
 * ones came out.
 */
int layer_bytes_read(const struct image_part *p, const struct stage *stage,
		     const struct transport_ctx *ctx,
		     int (*fn)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		     struct layer_bytes *ret, struct err *e);

/* How the part is compressed, told by its first bytes. */
int layer_bytes_compression(const struct image_part *p, enum compression *ret, struct err *e);

#endif
