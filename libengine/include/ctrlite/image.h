/*
 * Images of the store: what there is, what they are called, and removing them.  Getting them is
 * the work of ctr-lite-transfer, see ctrlite/transfer.h.
 */
#ifndef CTRLITE_IMAGE_H
#define CTRLITE_IMAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctrlite/engine.h"
#include "digest.h"
#include "str.h"

struct ctr_image {
	struct digest id;		/* of the config: what users call the image's ID */
	struct digest digest;		/* of the manifest or index that index.json names */
	struct digest manifest;		/* of this host's platform */
	struct strv names;		/* full references, oldest first; none: untagged */
	struct strv repo_digests;	/* repository@sha256:... for each repository that names it */
	bool read_only;			/* of an additional store */
	bool is_index;			/* digest is an index of several platforms */
	bool is_list;			/* made by manifest create: id is its own, there is no config, and
					 * manifest_doc is the index */
	uint64_t size_bytes;		/* unpacked; of the compressed layers where it is not */
	int64_t created_ns;		/* 0: not said */
	json_t *config;			/* the whole config document; owned */
	json_t *manifest_doc;		/* the manifest; owned */
	struct strv layers;		/* keys of the unpacked layers, bottom first; none: not unpacked */
};
#define CTR_IMAGE_INIT { .names = STRV_INIT }
void ctr_image_done(struct ctr_image *i);

/* Is the entry @text of the store a list?  ERR_NOT_FOUND "TEXT: image not known"; ERR_INVALID where it
 * is an image.  *@ret is to be freed by ctr_image_done(); *@ret_name as with ctr_image_get(); both may be NULL. */
int ctr_image_get_list(struct ctr_engine *eng, const char *text, struct ctr_image *ret, char **ret_name,
		       struct err *e);
/* Is there an image or a list that @text means?  0, ERR_NOT_FOUND. */
int ctr_image_exists(struct ctr_engine *eng, const char *text, struct err *e);

struct ctr_image_list {
	struct ctr_image *items;
	size_t n;
};
#define CTR_IMAGE_LIST_INIT { 0 }
/* All images and lists, newest first, each ID once.  Takes no lock; what vanishes meanwhile is left out. */
int ctr_image_list(struct ctr_engine *eng, struct ctr_image_list *ret, struct err *e);
void ctr_image_list_done(struct ctr_image_list *l);

/* The image that @text means (a name in any form, an ID, the beginning of one).  *@ret_name
 * (fresh; may be NULL) is the reference that matched, or NULL when it was found by its ID.
 * ERR_NOT_FOUND "TEXT: image not known". */
int ctr_image_get(struct ctr_engine *eng, const char *text, struct ctr_image *ret, char **ret_name,
		  struct err *e);

/* What `inspect` shows, in the members and order that podman has. */
int ctr_image_inspect(struct ctr_engine *eng, const struct ctr_image *i, json_t **ret,
		      struct err *e);

/* The full reference that @name means for a local image: localhost/NAME:latest for a short name.
 * Fresh.  ERR_INVALID for what is none, and for one with a digest. */
int ctr_image_full_name(const char *name, char **ret, struct err *e);
int ctr_image_tag(struct ctr_engine *eng, const char *image, const struct strv *names, struct err *e);
/* Without @names: all names.  ERR_NOT_FOUND for a name that the image does not have. */
int ctr_image_untag(struct ctr_engine *eng, const char *image, const struct strv *names,
		    struct err *e);

/*
 * How images descend from one another, as their layers and their history tell it: @young has all of
 * @old's, and more.  The parent is the one that it was made from in one step (a commit, a line of a
 * build); borrowed from @l, NULL when it is not there.
 */
bool ctr_image_descends(const struct ctr_image *young, const struct ctr_image *old);
const struct ctr_image *ctr_image_parent(const struct ctr_image_list *l, const struct ctr_image *i);
bool ctr_image_has_children(const struct ctr_image_list *l, const struct ctr_image *i);

/* The sizes in bytes of the layers that the config's rootfs.diff_ids names, bottom first: of the files of
 * one that is unpacked, else of its blob; 0 where neither is known.  *@ret is fresh. */
int ctr_image_layer_sizes(struct ctr_engine *eng, const struct ctr_image *i, uint64_t **ret, size_t *ret_n,
			  struct err *e);

/* A step that an image was made in. */
struct ctr_history_step {
	const struct ctr_image *image;	/* the image that it led to, where that is here; borrowed */
	int64_t created_ns;		/* 0: not said */
	const char *created_by, *comment;	/* "" where not said; borrowed from the image */
	uint64_t size_bytes;		/* of the layer that it made; 0: none */
};
/* The steps of @i, newest first, in a fresh array; images are looked for in @l. */
int ctr_image_history(struct ctr_engine *eng, const struct ctr_image_list *l, const struct ctr_image *i,
		      struct ctr_history_step **ret, size_t *ret_n, struct err *e);

struct ctr_image_removed {
	struct strv untagged;		/* references that are gone */
	struct strv deleted;		/* IDs; none when the image is still there under another name, or
					 * goes on as part of one that was made from it */
};
#define CTR_IMAGE_REMOVED_INIT { .untagged = STRV_INIT }
void ctr_image_removed_done(struct ctr_image_removed *r);

struct ctr_image_remove_opts {
	bool force;		/* remove its containers and all its names too */
	bool no_prune;		/* keep the nameless images that it was made from */
};
/*
 * Remove the name @text, and with its last name (or by ID or digest) the image, and those without a name
 * that it was made from.  An image that a container uses is ERR_BUSY, one of several names by its ID
 * ERR_INVALID, both unless forced.  What was done before a failure is in @ret.
 */
int ctr_image_remove(struct ctr_engine *eng, const char *text, const struct ctr_image_remove_opts *o,
		     struct ctr_image_removed *ret, struct err *e);
/* What a command that was killed while it removed an image left. */
void ctr_image_collect_left(struct ctr_engine *eng);


/* Remove what unfinished pulls have left and no process works on: the next pull begins anew. */
int ctr_image_drop_unfinished(struct ctr_engine *eng, struct err *e);

/* An RFC 3339 time; 0 where @s is none or NULL. */
int64_t ctr_image_time(const char *s);

#endif
