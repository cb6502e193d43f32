/* Bearer tokens: the distribution "token" protocol. */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include <stdbool.h>

#include "err.h"
#include "registry.h"
#include "www-authenticate.h"

/*
 * Ask for a token for @reg's scopes where the challenge @ch says; @done gets "Bearer
 * ..." (taken over) or an error.  One request at a time.  Credentials are sent along only to a
 * realm on the registry's own host or domain, and never from https to http.
 */
int token_request(struct registry *reg, const struct www_challenge *ch,
		  void (*done)(struct registry *reg, int r, char *authorization, const struct err *e),
		  struct err *e);

/* May the credentials for the registry at @registry_url be sent to @realm?  They may when its host
 * is the same, is below it, or is in the same domain of at least two labels. */
bool token_realm_trusted(const char *registry_url, const char *realm);

bool reg_has_creds(const struct registry *reg);

#endif
