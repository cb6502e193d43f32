/*
 * Keeping credentials, and forgetting them: what login and logout write.
 *
 * Only one file is written: @authfile; else @compat_authfile, which has docker's format; else
 * $REGISTRY_AUTH_FILE; else config.json in $DOCKER_CONFIG; else the user's auth.json.  It is replaced
 * at once, has mode 0600, and what else is in it stays.  Where it names a helper for the host
 * (credHelpers, credsStore), or registries.conf lists others in credential-helpers, the credentials
 * go there instead.  A key is "host[:port]" or, but for docker's format and helpers,
 * "host[:port]/path".
 */
#ifndef REGISTRY_AUTH_STORE_H
#define REGISTRY_AUTH_STORE_H

#include "credentials.h"
#include "err.h"

struct auth_target {
	const char *authfile, *compat_authfile;	/* as given by the user; NULL: not given */
};

/* Keep @c for @key.  *@ret_where (fresh) says where: a file, or "credential helper: NAME". */
int auth_store_put(const struct auth_target *t, const char *key, const struct credentials *c,
		   char **ret_where, struct err *e);
/* 1 forgotten, 0 there was nothing to forget. */
int auth_store_remove(const struct auth_target *t, const char *key, struct err *e);
/* Forget everything, also what is with the file's helpers. */
int auth_store_remove_all(const struct auth_target *t, struct err *e);

#endif
