/*
 * Shifted layers: layers/KEY/shift-HASH/{diff/,idmap}, the layer KEY once more with its owners
 * translated by an id map.  What they are for is told in libengine's ctrlite/shift.h.
 *
 * A shifted layer lives inside its layer's directory, so that it is moved, kept and collected with
 * it.  It is made in a stage and renamed into place, under a lock (flock on the layer's
 * layer.json) that others who want to make one of the same layer wait for.
 *
 * Plain copies: redirects into the layer as a data-only one (Linux 6.16) would save a fifth of the
 * time and half of the space, but a kernel that does not know them shows files full of zeros.
 *
 * It is a cache, so nobody waits for the disk to have it: as long as that is not known its idmap
 * names the boot that it was made in, and it counts in that boot only.  The first use after
 * SHIFT_SETTLE_S, when the kernel has written it by itself, makes sure and takes the mark away.
 */
#ifndef STORAGE_SHIFT_H
#define STORAGE_SHIFT_H

#include "layer.h"
#include "store.h"
#include "str.h"

#define SHIFT_SETTLE_S 90
#define SHIFT_NAME_MAX 24	/* "shift-" and 16 hex digits */

/* What an inner map is called in the store; two ways of writing the same map are the same. */
struct shift_id {
	char name[SHIFT_NAME_MAX];	/* "shift-HASH" */
	char *map;			/* as text: what the file idmap holds */
};
#define SHIFT_ID_INIT { .map = NULL }
int shift_id_init(struct shift_id *id, const struct idmap *inner);
void shift_id_done(struct shift_id *id);
#define auto_shift_id __attribute__((cleanup(shift_id_done)))

/* May layers/KEY/NAME be used?  1, 0 (it is not there, or was not finished) or -errno. */
int shift_check(struct store *s, const char *key, const struct shift_id *id);

/*
 * Remove copies that nobody has started a container with for SHIFT_KEEP_S, but for those in @used:
 * "KEY/shift-HASH", or "KEY" for all of a layer.  @m (NULL: none) is for removing files of mapped ids.
 */
#define SHIFT_KEEP_S (24 * 3600)
int shift_collect(struct store *s, const struct strv *used, const struct idmap *m, struct err *e);

/*
 * Make the shifted layers of @keys for @inner that are missing, all of them or none.  @m: the
 * user's id map, whose ids @inner's host side are; NULL: none (root).  Waits for others who are
 * making one of the same layers.  @stop (may be NULL) is asked now and then: a negative answer
 * (with @e) ends it.  @slow (may be NULL) is called once when it takes longer than @slow_ms.
 */
struct shift_watch {
	int (*stop)(struct err *e);
	void (*slow)(void);
	int slow_ms;
};
int shift_make(struct store *s, const struct strv *keys, const struct idmap *m,
	       const struct idmap *inner, const struct shift_watch *w, struct err *e);

#endif
