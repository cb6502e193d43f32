/* Changing policy.json: `image trust set`. */
#ifndef CONF_POLICY_EDIT_H
#define CONF_POLICY_EDIT_H

#include "err.h"
#include "policy.h"
#include "str.h"

/*
 * The file that a change is written to: @path where given; the user's own,
 * ~/.config/containers/policy.json, for everybody but root; the one that counts for root.  Fresh.
 */
int policy_edit_path(const char *path, char **ret, struct err *e);

/*
 * Make @type with @keys (public keys' files, one requirement each) what @scope of registries, or
 * "default", asks for, in the file @path.  A user's file that is not there yet begins as a copy of
 * the system's; everything else in it stays as it is.  ERR_INVALID, ERR_CORRUPT for a file that cannot
 * be understood, which is then left alone.
 */
int policy_edit(const char *path, const char *scope, enum policy_type type, const struct strv *keys,
		struct err *e);

#endif
