/* Capability sets as bit masks, by the raw system calls. */
#ifndef RUNTIME_CAPS_H
#define RUNTIME_CAPS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct caps {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

/* "CAP_CHOWN" (any case): its number, or -EINVAL. */
int cap_parse(const char *name);
/* "CAP_CHOWN", or NULL behind the last. */
const char *cap_str(unsigned int cap);

/* Remove from the bounding set what is not in @keep.  Needs CAP_SETPCAP. */
int caps_bound(uint64_t keep);
/* What this process is permitted becomes effective: after a change of user with keep-caps. */
int caps_raise_permitted(void);
/* Effective, permitted, inheritable and ambient become exactly @c's.  No capability can be
 * gained back afterwards. */
int caps_apply(const struct caps *c);
/* The permitted set of this process. */
int caps_permitted(uint64_t *ret);
/* Bits that this kernel knows. */
uint64_t caps_known(void);

#endif
