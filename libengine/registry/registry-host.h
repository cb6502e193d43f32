/*
 * One registry as a whole, rather than one of its repositories: whether it lets us in, what can be
 * found there, and which tags a repository has.
 */
#ifndef REGISTRY_REGISTRY_HOST_H
#define REGISTRY_REGISTRY_HOST_H

#include <jansson.h>

#include "err.h"
#include "reference.h"
#include "registry-access.h"
#include "str.h"

#define REGISTRY_TAGS_MAX 1000000	/* of one repository */

/* Asked on every turn of the loop: 0, or a negative errno with @e to stop. */
typedef int (*registry_interrupted_fn)(struct err *e);

/*
 * Are we let in at "host[:port]" with @a->creds (which must be there)?  0; ERR_DENIED when they are
 * not accepted.  registries.conf says whether it may be insecure, and whether it is blocked.
 */
int registry_login(const char *host, const struct registry_access *a,
		   registry_interrupted_fn interrupted, struct err *e);

/*
 * Repositories of @host that have @term in their name (or description, as the registry likes), at
 * most @limit, appended to @results as podman shows them: Index, Name, Description, Stars,
 * Official, Automated, Tag.  A registry without a search has its catalog looked through.
 */
int registry_search(const char *host, const char *term, size_t limit, const struct registry_access *a,
		    registry_interrupted_fn interrupted, json_t *results, struct err *e);

/* The tags of the repository that @ref (a full reference) names, in the registry's order, at most
 * @limit of them; of its mirrors, or itself. */
int registry_tags(const struct ctr_reference *ref, size_t limit, const struct registry_access *a,
		  registry_interrupted_fn interrupted, struct strv *ret, struct err *e);

#endif
