/* Fetching the layers of one image, side by side, each into its blob and its unpack worker. */
#ifndef REGISTRY_PULL_LAYERS_H
#define REGISTRY_PULL_LAYERS_H

#include "image-in.h"
#include "manifest.h"
#include "pull.h"
#include "registry.h"

/*
 * Fetch and unpack what @in lacks of @m's layers.  Announces blobs from slot @slot on.  When it
 * fails the caller aborts @in.
 */
int pull_layers(struct registry *reg, struct image_in *in, const struct manifest *m, size_t slot,
		const struct ctr_pull_events *ev, struct err *e);

#endif
