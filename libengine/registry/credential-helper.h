/*
 * Programs docker-credential-NAME, which keep credentials outside of files: they are run with one
 * word (get, store, erase, list), read their input from stdin and answer in JSON.
 *
 * @name is what stands behind "docker-credential-"; one that is no plain program name is
 * ERR_CORRUPT, one that is not installed ERR_NOT_FOUND.  Other failures of the program are
 * ERR_REMOTE with its own words.
 */
#ifndef REGISTRY_CREDENTIAL_HELPER_H
#define REGISTRY_CREDENTIAL_HELPER_H

#include "credentials.h"
#include "err.h"
#include "str.h"

/* 1 found, 0 it has none for @server. */
int credential_helper_get(const char *name, const char *server, struct credentials *ret,
			  struct err *e);
int credential_helper_store(const char *name, const char *server, const struct credentials *c,
			    struct err *e);
/* 1 erased, 0 it had none. */
int credential_helper_erase(const char *name, const char *server, struct err *e);
/* The servers it has credentials for are appended to @servers. */
int credential_helper_list(const char *name, struct strv *servers, struct err *e);

#endif
