/* Base64 (RFC 4648, section 4). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

/* Strict, but that padding is optional: fresh bytes with a NUL behind them; -EINVAL, -ENOMEM. */
int base64_decode(const char *s, char **ret, size_t *ret_len);
/* With padding, on one line; fresh, or NULL. */
char *base64_encode(const void *data, size_t len);

#endif
