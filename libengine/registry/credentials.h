/* Credentials for registries: what they are, and looking them up. */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include <stddef.h>

#include "err.h"

struct credentials {
	char *user, *password;	/* both or neither */
	char *identity_token;	/* an OAuth2 refresh token */
};
#define CREDENTIALS_INIT { 0 }
/* Erases what it frees. */
void credentials_done(struct credentials *c);
#define auto_credentials __attribute__((cleanup(credentials_done)))

/*
 * Look up @name, "host[:port]/path": the longest path first.  @authfile (or $REGISTRY_AUTH_FILE)
 * alone where given, else the files that podman and docker read, in podman's order; and the helpers
 * that registries.conf lists in credential-helpers, in their order.  Helpers that a file names
 * (credHelpers, credsStore) are run.  Returns 1 when found, 0, or a negative errno with @e.
 */
int credentials_find(const char *authfile, const char *name, struct credentials *ret, struct err *e);

/* "USER:PASSWORD" or "USER" as of --creds.  ERR_INVALID without a user. */
int credentials_parse(const char *s, struct credentials *ret, struct err *e);

/* The value of an Authorization header, "Basic ...": fresh, or NULL. */
char *credentials_basic(const struct credentials *c);

#endif
