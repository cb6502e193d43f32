/* Digests, OCI image-spec "Digests": only sha256, only `sha256:` and 64 lower-case hex digits. */
#ifndef STORAGE_DIGEST_H
#define STORAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define DIGEST_HEX_LEN 64

struct digest {
	char hex[DIGEST_HEX_LEN + 1];	/* "" where unset */
};

/* Strict: anything else is ERR_INVALID before a path or URL is made of it. */
int digest_parse(const char *s, struct digest *ret, struct err *e);
/* The 64 hex digits alone. */
int digest_parse_hex(const char *hex, struct digest *ret, struct err *e);
/* "sha256:<hex>" into @buf (72 bytes). */
#define DIGEST_STR_MAX 72
const char *digest_str(const struct digest *d, char buf[DIGEST_STR_MAX]);
static inline bool digest_eq(const struct digest *a, const struct digest *b)
{
	return __builtin_memcmp(a->hex, b->hex, sizeof(a->hex)) == 0;
}

#endif
