/* WWW-Authenticate: what is accepted has terminated parts without control bytes but tabs. */
#include <string.h>

#include "fuzz.h"
#include "registry/www-authenticate.h"

#define CHALLENGES 4

static void check_text(const char *s, size_t cap)
{
	FUZZ_CHECK(memchr(s, '\0', cap));
	for (; *s; s++)
		FUZZ_CHECK((unsigned char)*s >= 0x20 || *s == '\t');
}

int fuzz_one(const uint8_t *data, size_t len)
{
	struct www_challenge c[CHALLENGES];
	struct err e = ERR_INIT;
	char *s = fuzz_string(data, len);
	int n;

	if (!s)
		return 0;
	n = www_authenticate_parse(s, c, CHALLENGES, &e);
	free(s);
	if (n < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
		return 0;
	}
	FUZZ_CHECK(n <= CHALLENGES);
	for (int i = 0; i < n; i++) {
		check_text(c[i].realm, sizeof(c[i].realm));
		check_text(c[i].service, sizeof(c[i].service));
		check_text(c[i].scope, sizeof(c[i].scope));
	}
	return 1;
}
