/*
 * An image on its way into the store: its blobs and layers are built in one staging directory and
 * become visible together.  For pull, import and unpack.
 *
 *	image_in_begin()
 *	image_in_blob() or image_in_json()	for manifest and config
 *	image_in_config()			names the layers
 *	for each layer (all at once, in any order):
 *		image_in_blob() or image_in_fetch()	where its compressed bytes are not here yet, and
 *		image_in_unpack()		where the unpacked layer is not here yet:
 *						feed both with the same bytes
 *		image_in_layer_ready()		may put it into place at once, for others to use
 *	image_in_commit() or image_in_abort()
 *
 * Whatever is found to be present already is held by a shared lock until the end.
 */
#ifndef STORAGE_IMAGE_IN_H
#define STORAGE_IMAGE_IN_H

#include "blob.h"
#include "digest.h"
#include "image-record.h"
#include "layer.h"
#include "layout.h"
#include "partial.h"
#include "store.h"
#include "unpack.h"

struct image_in_layer {
	struct digest diff_id, chain;
	bool present;		/* unpacked already: no image_in_unpack() needed */
	char key[DIGEST_HEX_LEN + 1];	/* its key when present, and after the commit */
	struct unpack_job job;
	bool started;		/* job was started */
	struct unpack_result result;
	bool finished;
	bool placed;		/* in the store already, under @key, as a new one */
	int hold_fd;
};

struct image_in_blob {
	struct digest digest;
	uint64_t size_bytes;
	bool present;		/* in the layout already */
	bool finished;		/* staged and verified */
	struct blob_writer writer;
	struct partial partial;	/* in the place of @writer: it is fetched */
	int hold_fd;
};

struct image_in {
	struct store *store;
	const struct idmap *idmap;	/* borrowed; NULL: ids as they are */
	struct stage stage;
	struct digest config;
	struct image_in_layer *layers;	/* bottom first, as the config's rootfs.diff_ids */
	size_t n_layers;
	size_t first_used;	/* what an opaque root hides below this one is not kept */
	struct image_in_blob **blobs;
	size_t n_blobs;
	bool reused;		/* bytes that an earlier command fetched were taken on */
	bool no_room;		/* what is fetched in part is not kept */
	struct strv dropped;	/* hex digests of blobs that the commit may leave to nobody */
	struct unpack_limits limits;	/* the user's (UNPACK_LIMITS_ENV); may be changed before image_in_unpack() */
};
#define IMAGE_IN_INIT { .stage = STAGE_INIT }

int image_in_begin(struct store *s, const struct idmap *m, struct image_in *ret, struct err *e);

/*
 * Announce a blob.  Returns 1 when the layout has it already (then *@ret->present is set and its
 * bytes can be read with image_in_blob_open()), or 0 with *@ret's writer ready for blob_write();
 * call image_in_blob_finish() when all was written.  *@ret is borrowed from @in and stays where it
 * is.  Announcing a digest twice gives the same one (two equal layers in one image).
 * @digest NULL: computed, known after finishing.
 */
int image_in_blob(struct image_in *in, const struct digest *digest, uint64_t size_bytes,
		  struct image_in_blob **ret, struct err *e);
int image_in_blob_finish(struct image_in *in, struct image_in_blob *b, struct err *e);
/* Name a blob without making one: 1 when the layout has it, else 0; size counts where it has not. */
int image_in_announce(struct image_in *in, const struct digest *digest, uint64_t size_bytes,
		      struct image_in_blob **ret, struct err *e);
/*
 * The same for a blob that is fetched, perhaps by several processes at once (partial.h).  1: the
 * layout has it; 0: (*@ret)->partial is ours to fill, or complete: check its digest in either case
 * and end with image_in_fetched() or image_in_reject(); -EAGAIN (no text): another process is
 * fetching it, ask again in a while (and look again whether its layer is here).
 */
int image_in_fetch(struct image_in *in, const struct digest *digest, uint64_t size_bytes,
		   struct image_in_blob **ret, struct err *e);
int image_in_fetched(struct image_in *in, struct image_in_blob *b, struct err *e);
/* Its bytes are not what its digest says: nobody may use them again. */
void image_in_reject(struct image_in *in, struct image_in_blob *b);
/* A descriptor (borrowed) with the bytes of a blob that is present or fetched. */
int image_in_blob_fd(const struct image_in_blob *b);
/* Read a blob that is present or finished.  fd or -errno. */
int image_in_blob_open(struct image_in *in, const struct digest *d, struct err *e);
/* A document (manifest, config) that only an additional store has becomes ours, its digest being
 * checked.  Before anything else asks for it. */
int image_in_document(struct image_in *in, const struct digest *d, struct err *e);
/* A whole small blob (manifest, config) from memory.  @want NULL, or what it must hash to. */
int image_in_json(struct image_in *in, const void *data, size_t len, const struct digest *want,
		  struct digest *ret, struct err *e);

/*
 * Take the layers' diffIDs from the config blob @config (present or finished): fills in->layers.
 * @n_layers is the manifest's count; a different one in the config is ERR_CORRUPT.
 */
int image_in_config(struct image_in *in, const struct digest *config, size_t n_layers, struct err *e);
/*
 * Start unpacking layer @i, of @media_type; its bytes go to (*@ret)->data_fd.  For a layer that is
 * present, or whose twin further down in the same image is being unpacked, returns 1 and there is
 * nothing to feed (but its blob may still be wanted).
 */
int image_in_unpack(struct image_in *in, size_t i, const char *media_type, struct unpack_job **ret,
		    struct err *e);
/* Has another process put layer @i into the store meanwhile?  Then it is present.  0 or -errno. */
int image_in_look_again(struct image_in *in, size_t i, struct err *e);
/*
 * The worker of layer @i is done (its result_fd is readable): check its result.  A layer that needs
 * nothing of those below is put into the store at once, so that others that wait for it can use it.
 */
int image_in_layer_ready(struct image_in *in, size_t i, struct err *e);
/*
 * Unpack layers from blobs that are present or finished, all at once (of hundreds a few dozen); those
 * that need no unpacking are passed over.  Each blob is hashed on the way; one that has changed is removed from the layout.
 * @stop (may be NULL) is asked now and then: a negative answer (with @e) ends it.
 */
struct image_in_source {
	size_t layer;
	struct digest blob;
	const char *media_type;	/* may be NULL */
};
int image_in_unpack_blobs(struct image_in *in, const struct image_in_source *src, size_t n,
			  int (*stop)(struct err *e), struct err *e);

/* One layer in the same way, whether or not the image has a twin of it. */
int image_in_unpack_blob(struct image_in *in, size_t i, const char *media_type,
			 const struct digest *d, struct err *e);

/*
 * A one-layer image that is made here (import): instead of image_in_config() start with a layer
 * whose diffID is not known yet, feed *@ret, and end it, which tells the diffID for the config;
 * then name the config that was stored with image_in_json().
 */
int image_in_new_layer(struct image_in *in, struct unpack_job **ret, struct err *e);
/* The same on top of the layers @diff_ids (an array as in a config), which the store has (commit). */
int image_in_new_layer_on(struct image_in *in, const json_t *diff_ids, struct unpack_job **ret,
			  struct err *e);
int image_in_new_layer_end(struct image_in *in, struct digest *ret_diff_id, struct err *e);
void image_in_new_config(struct image_in *in, const struct digest *config);

/*
 * Wait for the workers, check every diffID, take what implicit directories need from the layers
 * below, write everything to disk (one syncfs), and under the layout lock rename it into place,
 * write the record and tag it: @ref NULL leaves it untagged, @media_type NULL leaves index.json alone
 * (which names the image already).  @manifest must be present or finished.
 * On failure call image_in_abort().
 */
int image_in_commit(struct image_in *in, const char *ref, const struct digest *manifest,
		    const char *media_type, struct err *e);
/*
 * The same for a list (layout.h), whose lock the caller holds: @list must be present or finished; the blobs in
 * in->dropped go if nothing needs them then.  See layout_put_list_locked() for @ref and @annotations.
 */
int image_in_commit_list(struct image_in *in, const char *ref, const struct digest *list,
			 const char *media_type, const json_t *annotations, struct err *e);
/* Kill workers, remove everything staged, release the holds.  Also after a commit (it releases),
 * and on a half-begun one. */
void image_in_abort(struct image_in *in);

#endif
