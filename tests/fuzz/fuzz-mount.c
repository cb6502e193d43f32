/* -v, --mount and --tmpfs: what is accepted has an absolute destination without "..". */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "spec/mountopt.h"

/* What is written into a record reads as the same mount. */
static void check_text_of(const struct spec_mount *m)
{
	struct spec_mounts again = SPEC_MOUNTS_INIT;
	struct err e = ERR_INIT;
	char *text;
	int r;

	if (m->type != SPEC_MOUNT_BIND && m->type != SPEC_MOUNT_VOLUME)
		return;
	text = spec_mount_text(m, false);
	FUZZ_CHECK(text != NULL);
	r = spec_mounts_add_mount(&again, text, "/elsewhere", &e);
	/* it may have become too long, or carry z and U, which do not go along */
	FUZZ_CHECK(r == 0 || e.kind == ERR_LIMIT);
	if (r == 0) {
		const struct spec_mount *n = &again.items[0];

		FUZZ_CHECK(n->type == m->type && streq(n->dest, m->dest));
		FUZZ_CHECK(!m->source == !n->source && (!m->source || streq(n->source, m->source)));
		FUZZ_CHECK(n->ro == m->ro && n->overlay == m->overlay && n->options.n == m->options.n);
	}
	spec_mounts_done(&again);
	free(text);
}

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
		check_text_of(&m.items[i]);
	}
	if (r < 0)
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	spec_mounts_done(&m);
	free(s);
	return r == 0;
}
