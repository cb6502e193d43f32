/* Fetching the layers of one image, side by side, each into its blob and its unpack worker. */
#ifndef REGISTRY_PULL_LAYERS_H
#define REGISTRY_PULL_LAYERS_H

#include "image-in.h"
#include "manifest.h"
#include "pull.h"
#include "registry.h"

/*
 * Fetch and unpack what @in lacks of @m's layers.  Announces blobs from slot @slot on.  When it
 * fails the caller aborts @in.  @reuse: parts of other blobs may be taken (see chunk-reuse.h).
 */
int pull_layers(struct registry *reg, struct image_in *in, const struct manifest *m, size_t slot,
		const struct ctr_pull_events *ev, bool reuse, struct err *e);

/* At most @n layers at a time (16 at most; 0: the usual number), in the whole program. */
void pull_layers_limit(unsigned int n);

#endif
