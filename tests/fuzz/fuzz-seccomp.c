/* Seccomp profiles: what is accepted resolves to a document that is accepted again as it is. */
#include <string.h>

#include "fuzz.h"
#include "spec/caps.h"
#include "spec/seccomp.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	const struct spec_seccomp_target t = { "amd64", "SCMP_ARCH_X86_64", 6, 1, spec_caps_default() };
	char *text = NULL, *again = NULL;
	struct err e = ERR_INIT;
	int r = spec_seccomp_resolve((const char *)data, len, "input", &t, &text, &e);

	if (r < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0] && !text);
		return 0;
	}
	FUZZ_CHECK(spec_seccomp_resolve(text, strlen(text), "output", &t, &again, &e) == 0);
	FUZZ_CHECK(strcmp(text, again) == 0);
	free(text);
	free(again);
	return 1;
}
