/*
 * Which image of the store a user means: a name in any of its forms, an ID, or the beginning of
 * one.  No crypto, no network; a full name costs index.json and one record.
 */
#ifndef IMAGE_LOOKUP_H
#define IMAGE_LOOKUP_H

#include <stdbool.h>

#include "digest.h"
#include "err.h"
#include "image-record.h"
#include "layout.h"
#include "platform.h"
#include "store.h"

struct ctr_image_found {
	struct digest entry;	/* as index.json has it: a manifest, or an index of another tool's */
	struct digest manifest;	/* of this host's platform: @entry itself, or chosen from the index */
	struct digest config;	/* the image ID */
	char *name;		/* the reference that matched; NULL: found by its ID */
	bool by_id;
	bool unpacked;		/* @record is filled; else the image must be unpacked first */
	struct image_record record;
};
#define CTR_IMAGE_FOUND_INIT { .record = IMAGE_RECORD_INIT }
void ctr_image_found_done(struct ctr_image_found *f);
#define auto_image_found __attribute__((cleanup(ctr_image_found_done)))

/*
 * Find @text.  A full ID (sha256: before it or not) is only an ID.  Else, in this order: for a
 * short name its alias, localhost/, the search registries and docker.io; the beginning of an ID;
 * any stored repository that ends in the short name.  name:tag@digest is decided by the digest.
 * ERR_NOT_FOUND "TEXT: image not known"; ERR_INVALID where an ID's beginning or a short name
 * fits more than one image, or @text is neither name nor ID.
 */
int ctr_image_lookup(struct store *s, const char *text, struct ctr_image_found *ret, struct err *e);

/* The same; from an index the image for @want (NULL: this host) is chosen. */
int ctr_image_lookup_for(struct store *s, const char *text, const struct ctr_platform *want,
			 struct ctr_image_found *ret, struct err *e);

/* The same among the entries of @x, for callers that have read index.json anyway. */
int ctr_image_lookup_in(struct store *s, const struct layout_index *x, const char *text,
			struct ctr_image_found *ret, struct err *e);

/* The entry of @x that @text means, whatever it stands for: also a list, an image of another platform, or one
 * that is damaged.  *@ret is borrowed from @x; @ret_by_id may be NULL. */
int ctr_image_lookup_entry(struct store *s, const struct layout_index *x, const char *text,
			   const struct layout_entry **ret, bool *ret_by_id, struct err *e);

/*
 * What an entry of index.json stands for: fills manifest, config, unpacked and record of *@ret.
 * ERR_NOT_FOUND when an index has nothing for this host or its blobs are not here.
 */
int ctr_image_resolve(struct store *s, const struct layout_entry *entry, struct ctr_image_found *ret,
		      struct err *e);
/* The same for @want instead of this host (NULL). */
int ctr_image_resolve_for(struct store *s, const struct layout_entry *entry, const struct ctr_platform *want,
			  struct ctr_image_found *ret, struct err *e);

#endif
