/* GVariant text: whatever is accepted is one value or an array of one type. */
#include <string.h>

#include "fuzz.h"
#include "variant.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	char *text = fuzz_string(data, len);
	struct variant v;
	int r = text ? variant_parse(text, &v) : -1;

	free(text);
	if (r < 0)
		return 0;
	FUZZ_CHECK(v.type && strchr("bynqiuxtdso", v.type));
	FUZZ_CHECK(v.array || v.n == 1);
	FUZZ_CHECK(v.n <= VARIANT_ITEMS_MAX);
	for (size_t i = 0; i < v.n; i++)
		FUZZ_CHECK((v.type == 's' || v.type == 'o') == (v.items[i].s != NULL));
	(void)variant_sec_to_usec(&v);
	variant_done(&v);
	return 1;
}
