/* Image references: what is accepted prints to something that parses to the same. */
#include <string.h>

#include "fuzz.h"
#include "image/reference.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	char *s = fuzz_string(data, len), buf[REF_STR_MAX], again_buf[REF_STR_MAX];
	struct ctr_reference r, again;
	struct err e = ERR_INIT;
	int ok;

	if (!s)
		return 0;
	while (len > 0 && s[len - 1] == '\n') /* so that corpus files are text files */
		s[--len] = '\0';
	ok = ctr_reference_parse(s, &r, &e) == 0;
	if (ok) {
		ctr_reference_str(&r, buf);
		FUZZ_CHECK(ctr_reference_parse(buf, &again, &e) == 0);
		FUZZ_CHECK(strcmp(ctr_reference_str(&again, again_buf), buf) == 0);
	} else {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	}
	free(s);
	return ok;
}
