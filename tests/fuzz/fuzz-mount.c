/* -v, --mount and --tmpfs: what is accepted has an absolute destination without "..". */
#include <string.h>

#include "fuzz.h"
#include "spec/mountopt.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	char *s = len > 0 ? fuzz_string(data + 1, len - 1) : NULL;
	struct spec_mounts m = SPEC_MOUNTS_INIT;
	struct err e = ERR_INIT;
	int r;

	if (!s)
		return 0;
	while (--len > 0 && s[len - 1] == '\n')
		s[len - 1] = '\0';
	if (data[0] == 'v')
		r = spec_mounts_add_volume(&m, s, "/cwd", &e);
	else if (data[0] == 'm')
		r = spec_mounts_add_mount(&m, s, "/cwd", &e);
	else
		r = spec_mounts_add_tmpfs(&m, s, &e);
	for (size_t i = 0; r == 0 && i < m.n; i++) {
		const char *d = m.items[i].dest;

		FUZZ_CHECK(d && d[0] == '/');
		FUZZ_CHECK(strstr(d, "/../") == NULL);
	}
	if (r < 0)
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	spec_mounts_done(&m);
	free(s);
	return r == 0;
}
