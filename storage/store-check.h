/*
 * Looking for damage in a store, and mending it: images, blobs, layers, and what is known of them.
 * What a container, a volume and so on is made of only libengine knows.
 *
 * Nothing is locked while it reads: all files looked at are written once and renamed into place.
 * What vanishes meanwhile was removed by somebody else, and is no damage.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "digest.h"
#include "store.h"
#include "str.h"

#define CHECK_DETAILS_MAX 20	/* that are told of one thing */

enum store_damage_kind {
	DAMAGE_LAYOUT,	/* index.json and its neighbours; the id is the file's name */
	DAMAGE_BLOB,
	DAMAGE_LAYER,
	DAMAGE_COPY,	/* of a layer in other ids; the id is KEY/shift-HASH */
	DAMAGE_RECORD,	/* of an image; the id is the manifest's */
	DAMAGE_ORPHAN_BLOB, DAMAGE_ORPHAN_LAYER,	/* whole, but nothing needs it */
	DAMAGE_KINDS
};

enum store_damage_outcome {
	OUTCOME_FOUND,		/* repair was not asked for */
	OUTCOME_MENDED,
	OUTCOME_REMOVED,	/* nothing needed it, or it is made again when it is wanted */
	OUTCOME_PULL,		/* what is needed for it is not here: its images must be pulled again */
	OUTCOME_BUSY,		/* a running container uses it */
	OUTCOME_FAILED,		/* see @why */
	OUTCOMES
};
extern const char *const store_damage_kind_names[DAMAGE_KINDS];
extern const char *const store_damage_outcome_names[OUTCOMES];

struct store_damage {
	enum store_damage_kind kind;
	char *id;
	struct strv images;	/* names or IDs of those that need it */
	struct strv details;	/* "usr/bin/true: the content has changed", CHECK_DETAILS_MAX at most */
	size_t more;		/* details beyond those */
	enum store_damage_outcome outcome;
	char *why;		/* or NULL */
};

struct store_check {
	struct store *store;
	const struct idmap *idmap;	/* NULL: ids as they are (root) */
	bool quick;			/* not the content of files and blobs */
	uint64_t orphan_age_s;		/* what nothing needs and is not older may be somebody's work */
	const struct strv *used, *busy;	/* keys of layers that containers use; of those that run */
	int (*stop)(struct err *e);	/* asked now and then: a negative answer ends it */
	/* The result: */
	struct store_damage *damage;
	size_t n, cap;
	struct strv notes;		/* what is no damage, but worth a word */
	/* For store_repair(): */
	bool blind;			/* some document cannot be read: what it needs is not known */
	struct check_image *images;
	size_t n_images;
};
#define STORE_CHECK_INIT { .notes = STRV_INIT }
void store_check_done(struct store_check *c);

/* Look at everything.  Damage is a result, not an error; an error is that looking was not possible. */
int store_check(struct store_check *c, struct err *e);

/*
 * Mend what store_check() found, where that loses nothing: layers and records are made again from
 * the blobs, what nothing needs is removed, and a damaged blob goes so that a pull gets it again.
 * Sets the outcomes.
 */
int store_repair(struct store_check *c, struct err *e);

#endif
