/* Which images and layers the store has: what an archive has again, perhaps under another
 * compression, need not come in again. */
#ifndef TRANSPORT_KNOWN_LAYERS_H
#define TRANSPORT_KNOWN_LAYERS_H

#include "digest.h"
#include "manifest.h"
#include "store.h"

struct known_layer {
	struct digest diff_id;
	struct manifest_blob blob;	/* its media type is static */
};

struct known_image {
	struct digest config, manifest;
	size_t first, n_layers;		/* in the layers; more than are there: not all of them are known */
};

struct known_layers {
	struct known_layer *items;
	size_t n, cap;
	struct known_image *images;
	size_t n_images;
};
#define KNOWN_LAYERS_INIT { 0 }
void known_layers_done(struct known_layers *k);
#define auto_known_layers __attribute__((cleanup(known_layers_done)))

/* Read them from the images of the store.  An image that cannot be read is left out. */
int known_layers_read(struct store *s, struct known_layers *ret, struct err *e);

/* A blob of the layer @diff_id that is in the store, held by *@ret_fd for as long as that is open;
 * NULL where there is none. */
const struct manifest_blob *known_layers_hold(const struct known_layers *k, struct store *s,
					      const struct digest *diff_id, int *ret_fd);

/* The manifest of the image @config, whose layers' blobs are all in the store; NULL: there is none. */
const struct digest *known_layers_image(const struct known_layers *k, struct store *s,
					const struct digest *config);

#endif
