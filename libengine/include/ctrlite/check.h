/*
 * `system check`: looking for damage in the store, and mending it.  Images, layers and blobs are the
 * work of storage/store-check.h in ctr-lite-transfer; containers, names, volumes and secrets are looked at here.
 */
#ifndef CTRLITE_CHECK_H
#define CTRLITE_CHECK_H

#include <stdint.h>

#include "ctrlite/engine.h"
#include "str.h"

enum ctr_damage_outcome {
	CTR_DAMAGE_FOUND,	/* repair was not asked for */
	CTR_DAMAGE_MENDED,
	CTR_DAMAGE_REMOVED,	/* nothing needed it, or it is made again when it is wanted */
	CTR_DAMAGE_PULL,	/* the images that need it must be pulled again */
	CTR_DAMAGE_BUSY,	/* a running container uses it */
	CTR_DAMAGE_FAILED,	/* see @why; with --force what is damaged can be removed */
};

struct ctr_damage {
	char *kind;		/* "layer", "blob", "container", ... */
	char *id;
	struct strv images;	/* names or IDs of images that need it */
	struct strv details;	/* what is wrong; may be cut, then @more says by how much */
	uint64_t more;
	enum ctr_damage_outcome outcome;
	char *why;		/* why it could not be mended; may be NULL */
};

struct ctr_check {
	struct ctr_damage *damage;
	size_t n;
	struct strv notes;	/* what is no damage, but worth a word */
};
#define CTR_CHECK_INIT { .notes = STRV_INIT }
void ctr_check_done(struct ctr_check *c);

struct ctr_check_opts {
	bool quick;		/* not the content of files */
	bool repair;		/* mend what can be mended without loss */
	bool force;		/* and remove the images and containers that cannot */
	uint64_t max_age_s;	/* what nothing needs and is not older is left alone */
};

/* Damage is a result, not an error.  Takes no lock while it looks. */
int ctr_check(struct ctr_engine *eng, const struct ctr_check_opts *o, struct ctr_check *ret, struct err *e);
/* Is something of it still there? */
bool ctr_check_is_damaged(const struct ctr_check *c);

#endif
