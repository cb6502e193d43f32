/* Short names: which full references a name without a registry may mean. */
#ifndef IMAGE_SHORTNAME_H
#define IMAGE_SHORTNAME_H

#include <stddef.h>

#include "err.h"
#include "reference.h"
#include "registries-conf.h"

struct ctr_candidates {
	struct ctr_reference *items;	/* tag defaulted */
	size_t n;
	const char *alias_origin;	/* the file whose alias decided; borrowed; NULL: none did */
};
#define CTR_CANDIDATES_INIT { 0 }
void ctr_candidates_done(struct ctr_candidates *c);
#define auto_candidates __attribute__((cleanup(ctr_candidates_done)))

/*
 * Where @r may be in the local store, best first: its alias, localhost/, the search registries,
 * docker.io.  A full reference means itself.
 */
int ctr_shortname_local(const struct registries_conf *c, const struct ctr_reference *r,
			struct ctr_candidates *ret, struct err *e);

/*
 * Where to pull @r from: its alias, else the search registries in order.  ERR_NOT_FOUND names the
 * configuration file when there are none.  More than one in the mode "enforcing" is ERR_DENIED
 * unless the caller can ask the user (@can_ask), who then chooses among *@ret.
 */
int ctr_shortname_pull(const struct registries_conf *c, const struct ctr_reference *r, bool can_ask,
		       struct ctr_candidates *ret, struct err *e);

#endif
