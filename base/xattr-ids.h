/* Ids that stand inside extended attributes: ACL entries, and the root of a file's capabilities. */
#ifndef BASE_XATTR_IDS_H
#define BASE_XATTR_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "userns.h"

#define XATTR_CAP_BYTES_MAX 24	/* of security.capability: it may grow to this */

/*
 * Translate the ids in the value of the attribute @name (@value, *@len bytes of @cap) by @shift,
 * from its container side to its host side.  Other attributes, and values of a form that the
 * kernel does not know, stay as they are.
 * Returns 0; or -EOVERFLOW with *@ret_id (a group's when *@ret_group) where @shift lacks an id.
 */
int xattr_shift_ids(const char *name, void *value, size_t *len, size_t cap,
		    const struct idmap *shift, uint32_t *ret_id, bool *ret_group);

#endif
