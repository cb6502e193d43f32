/* The policy as a list for people: `image trust show`. */
#ifndef TRUST_SHOW_H
#define TRUST_SHOW_H

#include <jansson.h>

#include "err.h"
#include "store.h"

/*
 * One object for each requirement of each scope, the default first, with podman's members: transport
 * ("repository" for registries), name, repo_name, type, gpg_id, sigstore.  @policy and @registries_d
 * are in the place of the files that count (or NULL).  @name not NULL: only what counts for the image
 * or repository of that name.  *@ret is a new array.
 */
int trust_show(struct store *s, const char *policy, const char *registries_d, const char *name,
	       json_t **ret, struct err *e);

#endif
