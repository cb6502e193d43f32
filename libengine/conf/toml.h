/*
 * TOML 1.0 to JSON: the configuration files of the containers tools, read into jansson objects.
 */
#ifndef CONF_TOML_H
#define CONF_TOML_H

#include <jansson.h>
#include <stddef.h>

#include "err.h"

#define TOML_MAX_BYTES (1u << 20)	/* one document */
#define TOML_DEPTH_MAX 64		/* arrays, inline tables and parts of a dotted key */

/*
 * Parse @len bytes at @buf; @what names the document in errors ("FILE: line 3: ...").  Tables are
 * objects in order of appearance, dates and times are strings as written, and so are inf and nan,
 * which JSON does not have.  Only a key with a NUL in it is refused beyond what TOML refuses.
 * The caller owns *@ret.  -EBADMSG (ERR_CORRUPT), -E2BIG (ERR_LIMIT) or -ENOMEM.
 */
int toml_parse(const char *buf, size_t len, const char *what, json_t **ret, struct err *e);

#endif
