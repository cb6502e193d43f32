/*
 * Where credentials are kept: auth.json and docker's config.json, their paths and the spelling of
 * their keys.
 */
#ifndef REGISTRY_AUTH_PLACE_H
#define REGISTRY_AUTH_PLACE_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"
#include "str.h"

#define AUTH_FILE_MAX_BYTES (4u << 20)
#define AUTH_FILE_HELPER "containers-auth.json"	/* the files' own name in credential-helpers */
#define AUTH_DOCKER_HUB_KEY "https://index.docker.io/v1/"	/* docker's for docker.io */

/* Read one file: 1 with *@ret, 0 where there is none or it is empty, or a negative errno with @e,
 * which shows nothing of its content. */
int auth_file_read(const char *path, json_t **ret, struct err *e);

/* The files that are read when none is given, first the one that is written.  0 or -ENOMEM. */
int auth_read_paths(struct strv *ret);

/* The host of a key, which older docker wrote as an URL.  Fresh or NULL. */
char *auth_key_host(const char *key);
/* The same host?  docker.io has three names. */
bool auth_same_host(const char *a, const char *b);

#endif
