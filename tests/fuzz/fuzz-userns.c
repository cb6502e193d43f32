/*
 * --userns, --uidmap and --gidmap.  Input: a value of --userns, a newline, the maps divided by blanks,
 * a newline, those for groups.  What is accepted is a map that the kernel takes: each id once, inside of
 * the default map, no range in two of its ranges.
 */
#include <string.h>

#include "ctrlite/inner-map.h"
#include "fuzz.h"

static struct idmap def, inner, again;

static void check_side(const struct idmap_range *r, uint32_t n, const struct idmap_range *d, uint32_t n_d,
		       struct idmap_range *copy)
{
	char text[IDMAP_MAX * 36];
	uint32_t n_copy;

	FUZZ_CHECK(idmap_format(r, n, text, sizeof(text)) == 0);
	FUZZ_CHECK(idmap_parse(text, copy, &n_copy) == 0 && n_copy == n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = 0;

		while (k < n_d && !(r[i].host >= d[k].container &&
				    r[i].host - d[k].container < d[k].count))
			k++;
		FUZZ_CHECK(k < n_d && r[i].count <= d[k].count - (r[i].host - d[k].container));
	}
}

static int make(struct ctr_userns *u, const struct strv *uid, const struct strv *gid, struct err *e)
{
	const struct idmap room = { .uid = { { 0, 1, 65536 } }, .n_uid = 1 };
	const struct idmap_range used[] = { { 0, 1, 1024 }, { 0, 5000, 10 } };
	int r = 0;

	if (u->mode == CTR_USERNS_KEEP_ID)
		r = ctr_inner_keep_id(&def, 1000, 2000, u, &inner, e);
	else if (u->mode == CTR_USERNS_NOMAP)
		r = ctr_inner_nomap(&def, &inner, e);
	else if (u->mode == CTR_USERNS_AUTO)
		r = ctr_inner_auto(u, 1024, &room, used, 2, &def, &inner, e);
	else
		r = ctr_inner_parse(uid, gid, &def, &inner, e);
	return r < 0 ? r : ctr_inner_split(&inner, &def, e);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	struct ctr_userns u = CTR_USERNS_INIT;
	struct strv lines = STRV_INIT, uid = STRV_INIT, gid = STRV_INIT;
	struct err e = ERR_INIT;
	char *text = fuzz_string(data, len);
	int r = -EINVAL;

	FUZZ_CHECK(idmap_parse("0:1000:1,1:100000:65536", def.uid, &def.n_uid) == 0);
	FUZZ_CHECK(idmap_parse("0:2000:1,1:200000:1000,1001:300000:64536", def.gid, &def.n_gid) == 0);
	if (text && strv_split(&lines, text, '\n') == 0 && lines.n >= 3) {
		if (lines.items[1][0])
			FUZZ_CHECK(strv_split(&uid, lines.items[1], ' ') == 0);
		if (lines.items[2][0])
			FUZZ_CHECK(strv_split(&gid, lines.items[2], ' ') == 0);
		r = ctr_userns_parse(&u, lines.items[0], &e);
		if (r == 0)
			r = make(&u, &uid, &gid, &e);
		FUZZ_CHECK(r == 0 || (e.kind != ERR_NONE && e.text[0]));
		if (r == 0) {
			check_side(inner.uid, inner.n_uid, def.uid, def.n_uid, again.uid);
			check_side(inner.gid, inner.n_gid, def.gid, def.n_gid, again.gid);
		}
	}
	ctr_userns_done(&u);
	strv_done(&lines);
	strv_done(&uid);
	strv_done(&gid);
	free(text);
	return r == 0;
}
