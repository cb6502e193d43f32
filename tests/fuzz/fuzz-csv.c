/* Comma-separated option values: what is accepted has no more fields than commas allow. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "opt.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_strv struct strv v = STRV_INIT;
	char *text = strndup((const char *)data, len);
	size_t commas = 0;
	int r;

	FUZZ_CHECK(text);
	for (const char *s = text; *s; s++)
		commas += *s == ',';
	r = opt_split_csv(text, &v);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	FUZZ_CHECK(v.n <= commas + 1);
	free(text);
	return r == 0;
}
