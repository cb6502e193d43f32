/* Input for parsers of strings. */
#include <string.h>

#include "fuzz.h"

char *fuzz_string(const uint8_t *data, size_t len)
{
	char *s;

	if (memchr(data, 0, len))
		return NULL;
	s = malloc(len + 1);
	if (!s)
		abort();
	memcpy(s, data, len);
	s[len] = '\0';
	return s;
}
