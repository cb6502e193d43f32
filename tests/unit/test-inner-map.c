/* What --userns, --uidmap and --gidmap make of the default map. */
#include "ctrlite/inner-map.h"
#include "test.h"

static struct idmap def, one, inner;

static void setup(void)
{
	CHECK_INT(idmap_parse("0:1000:1,1:100000:65536", def.uid, &def.n_uid), 0);
	CHECK_INT(idmap_parse("0:2000:1,1:200000:1000,1001:300000:64536", def.gid, &def.n_gid), 0);
	CHECK_INT(idmap_parse("0:1000:1", one.uid, &one.n_uid), 0);
	CHECK_INT(idmap_parse("0:2000:1", one.gid, &one.n_gid), 0);
}

static const char *text(const struct idmap_range *r, uint32_t n)
{
	static char buf[2][400];
	static int next;

	next = !next;
	CHECK_INT(idmap_format(r, n, buf[next], sizeof(buf[next])), 0);
	return buf[next];
}
#define UID(m) text((m).uid, (m).n_uid)
#define GID(m) text((m).gid, (m).n_gid)

TEST(modes_parse)
{
	static const struct {
		const char *text;
		enum ctr_userns_mode mode;
		const char *target;
	} rows[] = {
		{ "", CTR_USERNS_DEFAULT, NULL },
		{ "host", CTR_USERNS_DEFAULT, NULL },
		{ "private", CTR_USERNS_PRIVATE, NULL },
		{ "keep-id", CTR_USERNS_KEEP_ID, NULL },
		{ "keep-id:uid=5,gid=6,size=7", CTR_USERNS_KEEP_ID, NULL },
		{ "nomap", CTR_USERNS_NOMAP, NULL },
		{ "auto", CTR_USERNS_AUTO, NULL },
		{ "auto:size=7,uidmapping=1:2:3,gidmapping=4:5:6", CTR_USERNS_AUTO, NULL },
		{ "container:web", CTR_USERNS_CONTAINER, "web" },
		{ "ns:/proc/1/ns/user", CTR_USERNS_PATH, "/proc/1/ns/user" },
		{ "ns:/a:b", CTR_USERNS_PATH, "/a:b" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_userns u = CTR_USERNS_INIT;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_userns_parse(&u, rows[i].text, &e) == 0, "%s: %s", rows[i].text, e.text);
		CHECK_INT(u.mode, rows[i].mode);
		CHECK((u.target == NULL) == (rows[i].target == NULL));
		if (u.target)
			CHECK_STR(u.target, rows[i].target);
		ctr_userns_done(&u);
	}
}

TEST(modes_are_refused)
{
	static const char *const bad[] = {
		"x", "hosts", "host:", "host:x", "nomap:size=1", "private:x", "keep-id:", "keep-id:uid=",
		"keep-id:uid=x", "keep-id:uid=-1", "keep-id:uid=2147483648", "keep-id:uid=4294967296",
		"keep-id:uid= 1", "keep-id:size=0", "keep-id:foo=1", "keep-id:uid", "keep-id:uid=1,,gid=1",
		"auto:", "auto:uid=1", "auto:size=", "container", "container:", "ns:", "ns", "KEEP-ID",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ctr_userns u = CTR_USERNS_INIT;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_userns_parse(&u, bad[i], &e) < 0, "\"%s\" is accepted", bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
		ctr_userns_done(&u);
	}
}

TEST(keep_id_as_podman_has_it)
{
	struct ctr_userns u = CTR_USERNS_INIT;
	struct err e = ERR_INIT;

	setup();
	CHECK_OK(ctr_inner_keep_id(&def, 1000, 2000, &u, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1:1000,1000:0:1,1001:1001:64536");
	CHECK_STR(GID(inner), "0:1:2000,2000:0:1,2001:2001:63536");
	CHECK_OK(ctr_inner_keep_id(&def, 70000, 0, &u, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1:65536,70000:0:1");
	CHECK_STR(GID(inner), "0:0:1,1:1:65536");
	/* A user with one id has that one. */
	CHECK_OK(ctr_inner_keep_id(&one, 1000, 2000, &u, &inner, &e), e);
	CHECK_STR(UID(inner), "1000:0:1");
	CHECK_STR(GID(inner), "2000:0:1");
	CHECK_OK(ctr_userns_parse(&u, "keep-id:uid=200,gid=210,size=300", &e), e);
	CHECK_OK(ctr_inner_keep_id(&def, 1000, 2000, &u, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1:200,200:0:1,201:201:100");
	CHECK_STR(GID(inner), "0:1:210,210:0:1,211:211:90");
	CHECK_ERR(ctr_inner_keep_id(NULL, 0, 0, &u, &inner, &e), e, ERR_INVALID);
	CHECK_STR(e.text, "keep-id is only supported in rootless mode");
}

TEST(nomap_is_all_but_the_user)
{
	struct err e = ERR_INIT;

	setup();
	CHECK_OK(ctr_inner_nomap(&def, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1:65536");
	CHECK_STR(GID(inner), "0:1:65536");
	/* The kernel wants each range in one of the parent's. */
	CHECK_OK(ctr_inner_split(&inner, &def, &e), e);
	CHECK_STR(UID(inner), "0:1:65536");
	CHECK_STR(GID(inner), "0:1:1000,1000:1001:64536");
	CHECK_ERR(ctr_inner_nomap(&one, &inner, &e), e, ERR_UNSUPPORTED);
	CHECK_ERR(ctr_inner_nomap(NULL, &inner, &e), e, ERR_INVALID);
}

static int parse(const char *uid, const char *gid, const struct idmap *d, struct err *e)
{
	auto_strv struct strv u = STRV_INIT, g = STRV_INIT;

	if (uid)
		CHECK_INT(strv_split(&u, uid, ' '), 0);
	if (gid)
		CHECK_INT(strv_split(&g, gid, ' '), 0);
	*e = (struct err)ERR_INIT;
	return ctr_inner_parse(&u, &g, d, &inner, e);
}

TEST(maps_as_given)
{
	struct err e;

	setup();
	CHECK_OK(parse("0:1:100 500:0:1", NULL, &def, &e), e);
	CHECK_STR(UID(inner), "0:1:100,500:0:1");
	CHECK_STR(GID(inner), "0:1:100,500:0:1");
	CHECK_OK(parse(NULL, "0:5:50", &def, &e), e);
	CHECK_STR(UID(inner), "0:5:50");
	CHECK_OK(parse("0:0 1:100:10", "0:5:50", &def, &e), e);
	CHECK_STR(UID(inner), "0:0:1,1:100:10");
	CHECK_STR(GID(inner), "0:5:50");
	CHECK_OK(parse("0:@100004:5", "0:@300000:5", &def, &e), e);
	CHECK_STR(UID(inner), "0:5:5");
	CHECK_STR(GID(inner), "0:1001:5");
	CHECK_OK(parse("0:0:65537", NULL, &def, &e), e);
	CHECK_OK(ctr_inner_split(&inner, &def, &e), e);
	CHECK_STR(UID(inner), "0:0:1,1:1:65536");
	CHECK_STR(GID(inner), "0:0:1,1:1:1000,1001:1001:64536");
	CHECK_OK(parse("0:100000:65536", NULL, NULL, &e), e); /* root: ids of the host */
	CHECK_STR(UID(inner), "0:100000:65536");
}

TEST(maps_are_refused)
{
	static const struct {
		const char *map, *part;
		enum err_kind kind;
	} rows[] = {
		{ "0", "malformed", ERR_INVALID },
		{ "0:", "malformed", ERR_INVALID },
		{ "", "malformed", ERR_INVALID },
		{ "0:0:x", "malformed", ERR_INVALID },
		{ "0:0:1:1", "malformed", ERR_INVALID },
		{ "-1:0:1", "malformed", ERR_INVALID },
		{ "0:0:4294967295", "malformed", ERR_INVALID },
		{ "4294967290:0:10", "malformed", ERR_INVALID },
		{ "0:4294967290:10", "malformed", ERR_INVALID },
		{ "0:0:0", "doesn't map UID 0", ERR_INVALID },
		{ "5:0:5", "doesn't map UID 0", ERR_INVALID },
		{ "0:0:65538", "insufficient", ERR_LIMIT },
		{ "0:70000:5", "insufficient", ERR_LIMIT },
		{ "0:@5:1", "none of this user's", ERR_INVALID },
		{ "0:@165535:2", "insufficient", ERR_LIMIT },
		{ "0:1:5 3:10:5", "overlap", ERR_INVALID },
		{ "0:1:5 10:3:5", "overlap", ERR_INVALID },
		{ "+0:1:5", "flag", ERR_UNSUPPORTED },
		{ "u0:1:5", "flag", ERR_UNSUPPORTED },
	};

	setup();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e;

		CHECK_MSG(parse(rows[i].map, NULL, &def, &e) < 0, "\"%s\" is accepted", rows[i].map);
		CHECK_MSG(e.kind == rows[i].kind, "\"%s\": %s", rows[i].map, e.text);
		CHECK_CONTAINS(e.text, rows[i].part);
	}
}

TEST(auto_takes_what_is_free)
{
	static const struct idmap_range used[] = { { 0, 1, 1024 }, { 0, 3000, 10 }, { 0, 1025, 500 } };
	struct ctr_userns u = CTR_USERNS_INIT;
	struct idmap room = { .n_uid = 1 };
	struct err e = ERR_INIT;

	setup();
	room.uid[0] = (struct idmap_range){ 0, 1, 65536 };
	CHECK_OK(ctr_inner_auto(&u, 1024, &room, NULL, 0, &def, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1:1024");
	CHECK_STR(GID(inner), "0:1:1024");
	CHECK_OK(ctr_inner_auto(&u, 1024, &room, used, 3, &def, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1525:1024");
	CHECK_OK(ctr_inner_auto(&u, 2000, &room, used, 3, &def, &inner, &e), e);
	CHECK_STR(UID(inner), "0:3010:2000");
	CHECK_OK(ctr_inner_auto(&u, 62527, &room, used, 3, &def, &inner, &e), e);
	CHECK_ERR(ctr_inner_auto(&u, 62528, &room, used, 3, &def, &inner, &e), e, ERR_LIMIT);
	CHECK_CONTAINS(e.text, "could not find enough available IDs");
	room.n_uid = 0;
	e = (struct err)ERR_INIT;
	CHECK_ERR(ctr_inner_auto(&u, 1, &room, NULL, 0, &one, &inner, &e), e, ERR_LIMIT);
}

TEST(auto_leaves_room_for_what_must_be)
{
	struct ctr_userns u = CTR_USERNS_INIT;
	struct idmap room = { .n_uid = 1 };
	struct err e = ERR_INIT;

	setup();
	room.uid[0] = (struct idmap_range){ 0, 1, 65536 };
	CHECK_OK(ctr_userns_parse(&u, "auto:uidmapping=5:0:1,gidmapping=0:500:2,size=100", &e), e);
	CHECK_OK(ctr_inner_auto(&u, 1024, &room, NULL, 0, &def, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1:5,6:6:94,5:0:1");
	CHECK_STR(GID(inner), "2:1:98,0:500:2");
	ctr_userns_done(&u);
}

TEST(maps_of_the_host_are_translated)
{
	static struct idmap host;
	struct err e = ERR_INIT;

	setup();
	CHECK_INT(idmap_parse("0:100000:1000,1000:1000:1", host.uid, &host.n_uid), 0);
	CHECK_INT(idmap_parse("0:200500:500,500:300000:5", host.gid, &host.n_gid), 0);
	CHECK_OK(ctr_inner_from_host(&host, &def, &inner, &e), e);
	CHECK_STR(UID(inner), "0:1:1000,1000:0:1");
	CHECK_STR(GID(inner), "0:501:500,500:1001:5");
	CHECK_INT(idmap_parse("0:99999:2", host.uid, &host.n_uid), 0);
	CHECK_ERR(ctr_inner_from_host(&host, &def, &inner, &e), e, ERR_DENIED);
	CHECK_OK(ctr_inner_from_host(&host, NULL, &inner, &e), e);
	CHECK_STR(UID(inner), "0:99999:2");
}
