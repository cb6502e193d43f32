/* Base64 (RFC 4648 section 4), as auth.json has it. */
#ifndef REGISTRY_BASE64_H
#define REGISTRY_BASE64_H

#include <stddef.h>

/* Strict, padding optional: fresh bytes with a NUL behind; -EINVAL or -ENOMEM. */
int base64_decode(const char *s, char **ret, size_t *ret_len);
/* Fresh text of a string, padded; NULL without memory. */
char *base64_encode(const char *s);

#endif
