/* Where an image is: what is accepted is whole, what is refused says why. */
#include <string.h>

#include "fuzz.h"
#include "location.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_location struct ctr_location l = CTR_LOCATION_INIT;
	char *s = fuzz_string(data, len);
	struct err e = ERR_INIT;
	int ok;

	if (!s)
		return 0;
	while (len > 0 && s[len - 1] == '\n') /* so that corpus files are text files */
		s[--len] = '\0';
	ok = ctr_location_parse(s, &l, &e) == 0;
	if (ok) {
		FUZZ_CHECK(strcmp(l.text, s) == 0);
		FUZZ_CHECK(l.path ? *l.path : l.ref && *l.ref);
		FUZZ_CHECK(!l.ref || *l.ref);
		FUZZ_CHECK(l.index < 0 || !l.ref);
		FUZZ_CHECK(!l.root || *l.root == '/');
		FUZZ_CHECK(ctr_location_has_transport(s) == (l.transport != TRANSPORT_NAME));
	} else {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	}
	free(s);
	return ok;
}
