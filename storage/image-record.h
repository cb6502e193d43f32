/*
 * What `run` needs of an image without hashing anything: <graphroot>/meta/<manifest hex>.json,
 * written when the image comes in (pull, import, unpack).  Derived: it can be made again from the
 * blobs, so an image that another tool put into the layout simply has none yet.
 */
#ifndef STORAGE_IMAGE_RECORD_H
#define STORAGE_IMAGE_RECORD_H

#include "digest.h"
#include "store.h"
#include "str.h"

struct image_record {
	struct digest manifest, config;	/* config: the image ID */
	struct strv layers;		/* keys under layers/, bottom first; from the topmost layer up
					 * that hides everything below (an opaque root directory) */
	uint32_t root_layer;		/* index in @layers: whose diff/ has the owner and the mode of
					 * the image's root directory (the upper directory's too) */
	uint64_t size_bytes;		/* of the unpacked layers together */
	bool no_blobs;			/* the layers' blobs were not kept */
};
#define IMAGE_RECORD_INIT { .layers = STRV_INIT }
void image_record_done(struct image_record *r);

/* -ENOENT (ERR_NOT_FOUND) when there is none: the image must be unpacked first. */
int image_record_read(struct store *s, const struct digest *manifest, struct image_record *ret,
		      struct err *e);
int image_record_write(struct store *s, const struct image_record *r, struct err *e);
void image_record_remove(struct store *s, const struct digest *manifest);

#endif
