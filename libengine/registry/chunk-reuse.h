/*
 * Files that a zstd:chunked layer shares with layers that are here: their compressed bytes are copied
 * from the blobs in the store, so that only the others are fetched.  The result is the blob as the
 * registry has it, byte for byte, and is checked as any other; where equal files were not compressed
 * equally, or a table of contents lies, the digest shows it and all is fetched.
 */
#ifndef REGISTRY_CHUNK_REUSE_H
#define REGISTRY_CHUNK_REUSE_H

#include <jansson.h>

#include "blob-fetch.h"
#include "image-in.h"

struct chunk_reuse;

/* What the store has is looked at once it is needed.  NULL when memory is gone. */
struct chunk_reuse *chunk_reuse_new(struct image_in *in, int (*interrupted)(struct err *e));
void chunk_reuse_free(struct chunk_reuse *c);
/* Fill @item->partial, of which nothing is here yet, as far as possible.  @descriptor: its layer's.
 * 0, also when nothing could be done; in->reused tells.  A negative errno ends the pull. */
int chunk_reuse_fill(struct chunk_reuse *c, struct blob_fetch *f, struct blob_item *item,
		     const json_t *descriptor, struct err *e);

#endif
