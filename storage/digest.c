/* Digests: strict parsing and printing; computing them is in hash.c. */
#include "digest.h"

#include <stdio.h>
#include <string.h>

#include "str.h"

static bool is_lower_hex(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return n == DIGEST_HEX_LEN && s[n] == '\0';
}

static int refuse(const char *s, struct err *e)
{
	return err_set(e, ERR_INVALID, "\"%.100s\" is not a digest: expected sha256: and 64 lower-case "
		       "hexadecimal digits", s);
}

int digest_parse(const char *s, struct digest *ret, struct err *e)
{
	const char *hex = str_after(s, "sha256:");

	if (!hex || !is_lower_hex(hex))
		return refuse(s, e);
	memcpy(ret->hex, hex, sizeof(ret->hex));
	return 0;
}

int digest_parse_hex(const char *hex, struct digest *ret, struct err *e)
{
	if (!is_lower_hex(hex))
		return err_set(e, ERR_INVALID, "\"%.100s\" is not 64 lower-case hexadecimal digits", hex);
	memcpy(ret->hex, hex, sizeof(ret->hex));
	return 0;
}

const char *digest_str(const struct digest *d, char buf[DIGEST_STR_MAX])
{
	(void)snprintf(buf, DIGEST_STR_MAX, "sha256:%s", d->hex);
	return buf;
}
