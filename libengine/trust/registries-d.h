/*
 * registries.d (containers-registries.d(5)): where the signatures of a registry's images are kept
 * beside it (lookaside), and whether signatures attached to images are used.
 */
#ifndef TRUST_REGISTRIES_D_H
#define TRUST_REGISTRIES_D_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"
#include "reference.h"

struct registries_d {
	json_t *scopes;		/* scope -> its settings; merged from all files */
	json_t *by_default;	/* default-docker, or NULL */
};
#define REGISTRIES_D_INIT { 0 }
void registries_d_done(struct registries_d *d);
#define auto_registries_d __attribute__((cleanup(registries_d_done)))

/*
 * Read all *.yaml of @dir; NULL: ~/.config/containers/registries.d where that exists, else
 * /etc/containers/registries.d.  No such directory: no settings.  ERR_CORRUPT for a file that is not
 * well written, and for a scope (or the default) that two files set.
 */
int registries_d_load(const char *dir, struct registries_d *ret, struct err *e);

/*
 * The base URL, "file:///dir/path" or "https://host/dir/path", under which the signatures of @ref's
 * repository are; with @write those that are made.  Where nothing is set it is the user's own
 * directory, ~/.local/share/containers/sigstore (root: /var/lib/containers/sigstore).  Fresh.
 */
int registries_d_lookaside(const struct registries_d *d, const struct ctr_reference *ref, bool write,
			   char **ret, struct err *e);
/* What stands there for @scope ("host/path"; "": the default) and would be used; NULL: nothing. */
const char *registries_d_lookaside_set(const struct registries_d *d, const char *scope);

/* use-sigstore-attachments of the most specific scope that has it. */
bool registries_d_attachments(const struct registries_d *d, const struct ctr_reference *ref);

#endif
