/*
 * Shifted layers: layers/KEY/shift-HASH/{diff/,idmap}, the layer KEY once more with its owners
 * translated by an id map.  What they are for is told in libengine's ctrlite/shift.h.
 *
 * A shifted layer lives inside its layer's directory, so that it is moved, kept and collected with
 * it.  It is made in a stage and renamed into place, under a lock (flock on the layer's
 * layer.json) that others who want to make one of the same layer wait for.
 */
#ifndef STORAGE_SHIFT_H
#define STORAGE_SHIFT_H

#include "layer.h"
#include "store.h"
#include "str.h"

#define SHIFT_NAME_MAX 24	/* "shift-" and 16 hex digits */
#define SHIFT_DIR_MAX (DIGEST_HEX_LEN + 1 + SHIFT_NAME_MAX)

/* "shift-HASH" for the map @inner; two ways of writing the same map have the same name. */
int shift_name(const struct idmap *inner, char ret[SHIFT_NAME_MAX]);
/* Is layers/KEY/NAME there?  1, 0 or -errno. */
int shift_exists(struct store *s, const char *key, const char *name);

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
