/*
 * Unpacked layers: <graphroot>/layers/<key>/{diff/,layer.json,files}; files: see file-list.h.  diff/ is in overlay's own form
 * (whiteouts are character devices 0:0, opaque directories carry user.overlay.opaque=y) and is
 * used as an overlay lowerdir as it is.
 */
#ifndef STORAGE_LAYER_H
#define STORAGE_LAYER_H

#include "digest.h"
#include "store.h"

#define LAYER_SUM_LEN 16	/* hex digits, as file-list.h has them */

struct layer_info {
	struct digest diff_id;	/* of the uncompressed tar */
	struct digest chain;	/* set when the layer is keyed by its chain */
	uint64_t size_bytes;	/* sum of the sizes of the files in diff/ */
	uint64_t n_entries;
	bool squashed_owners;	/* unpacked with one id: owners are in user.containers.override_stat */
	bool implicit_parents;	/* its tar leaves directories implicit */
	bool has_root;		/* its tar has an entry for the root directory */
	bool opaque_root;	/* it hides all layers below */
	char list_sum[LAYER_SUM_LEN + 1];	/* of the file list; "": there is none */
	bool whole;		/* layer.json is as it was written */
};

/* The chainIDs of a list of diffIDs (image-spec "Layer ChainID") need SHA-256: they are computed
 * when an image comes in (blob.h) and its record holds the resulting keys (image-record.h). */

/* Is there such a layer?  1, 0 or -errno. */
int layer_exists(struct store *s, const char *key);
/* Was it found damaged, and waits to be replaced? */
bool layer_is_damaged(struct store *s, const char *key);
int layer_info(struct store *s, const char *key, struct layer_info *ret, struct err *e);
/*
 * The layer @diff_id as it must look on top of the layers below, @chain being its chainID: where
 * its tar leaves directories implicit only the one keyed by @chain fits.  One that `system check`
 * marked as damaged does not count: it is unpacked again, and image_in_commit() replaces it.
 * Returns 1 with @ret_key (65 bytes), 0 when there is none, or -errno.
 */
int layer_find(struct store *s, const struct digest *diff_id, const struct digest *chain,
	       char ret_key[DIGEST_HEX_LEN + 1], struct err *e);
/* Open layers/<key> with a shared lock that keeps it from being collected while held.  fd. */
int layer_hold(struct store *s, const char *key, struct err *e);

#endif
