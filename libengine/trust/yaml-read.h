/*
 * A YAML document (libyaml) as JSON, for small configuration files: mappings with string keys,
 * sequences, and scalars, which are strings but for plain true, false and null.
 */
#ifndef TRUST_YAML_READ_H
#define TRUST_YAML_READ_H

#include <jansson.h>
#include <stddef.h>

#include "err.h"

#define YAML_MAX_BYTES (1u << 20)
#define YAML_NODES_MAX 50000	/* after aliases are followed */
#define YAML_DEPTH_MAX 32

/* The first document of @buf; an empty one is an empty object.  @what names it in errors.
 * ERR_CORRUPT, also for a key that stands twice. */
int yaml_read(const char *buf, size_t len, const char *what, json_t **ret, struct err *e);

#endif
