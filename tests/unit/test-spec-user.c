/* Users and groups of an image: exact ids or an error, whatever the files say. */
#include "test.h"

#include "user.h"

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/sh\n"
	"# comment:x:5:5::/:/bin/sh\n"
	"\n"
	"web:x:33:44:web:/var/www:/usr/sbin/nologin\n"
	"web:x:0:0:again:/root:/bin/sh\n"
	"big:x:4294967296:0::/:/bin/sh\n"
	"neg:x:-1:0::/:/bin/sh\n"
	"hex:x:0x10:0::/:/bin/sh\n"
	"half:x:2147483648:0::/:/bin/sh\n"
	"badgid:x:50:99999999999::/:/bin/sh\n"
	"12:x:1200:1200::/twelve:/bin/sh\n"
	"-1:x:0:0::/:/bin/sh\n"
	"short:x:60\n"
	"nohome:x:61:61\n"
	"relhome:x:62:62::relative:/bin/sh\n"
	"eschome:x:63:63::/a\033b:/bin/sh\n"
	"last:x:64:64::/last:/bin/sh";
static const char group[] =
	"root:x:0:\n"
	"wheel:x:10:root,web\n"
	"www:x:44:web\n"
	"more:x:45:other,web,web\n"
	"again:x:45:web\n"
	"huge:x:4294967306:web\n"
	"77:x:7700:web\n"
	"nomember:x:46:webx,xweb\n"
	"short:x\n"
	"audio:x:29:";

static int resolve(const char *user, const char *extra, struct spec_user *u, struct err *e)
{
	auto_strv struct strv v = STRV_INIT;

	if (extra)
		CHECK_INT(strv_split(&v, extra, ','), 0);
	return spec_user_resolve_text(passwd, strlen(passwd), group, strlen(group), user,
				      extra ? &v : NULL, u, e);
}

static char *groups(const struct spec_user *u)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < u->n_groups; i++)
		strbuf_addf(&b, "%s%u", i ? "," : "", u->groups[i]);
	return strbuf_take(&b);
}

TEST(accepted)
{
	static const struct {
		const char *user, *extra;
		uint32_t uid, gid;
		const char *groups, *name, *home;
	} rows[] = {
		{ "", NULL, 0, 0, "10", "root", "/root" },
		{ "root", NULL, 0, 0, "10", "root", "/root" },
		{ "0", NULL, 0, 0, "10", "root", "/root" },
		{ "000", NULL, 0, 0, "10", "root", "/root" },
		{ "web", NULL, 33, 44, "10,45,7700", "web", "/var/www" },	/* the first line counts */
		{ "33", NULL, 33, 44, "10,45,7700", "web", "/var/www" },
		{ "web:audio", NULL, 33, 29, "", "web", "/var/www" },
		{ "web:0", NULL, 33, 0, "", "web", "/var/www" },
		{ "web:77", NULL, 33, 77, "", "web", "/var/www" },	/* digits are never a name */
		{ "1000", NULL, 1000, 0, "", NULL, "/" },
		{ "1000:", NULL, 1000, 0, "", NULL, "/" },
		{ "1000:1000", NULL, 1000, 1000, "", NULL, "/" },
		{ "12", NULL, 12, 0, "", NULL, "/" },
		{ "2147483647:2147483647", NULL, 2147483647, 2147483647, "", NULL, "/" },
		{ "-1", NULL, 0, 0, "", "-1", "/" },	/* a name that the image has */
		{ "nohome", NULL, 61, 61, "", "nohome", "/" },
		{ "relhome", NULL, 62, 62, "", "relhome", "/" },
		{ "eschome", NULL, 63, 63, "", "eschome", "/" },
		{ "last", NULL, 64, 64, "", "last", "/last" },
		{ "1000", "audio,5,5", 1000, 0, "29,5", NULL, "/" },
		{ "web:44", "44,10", 33, 44, "10", "web", "/var/www" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_user u = SPEC_USER_INIT;
		struct err e = ERR_INIT;
		auto_free char *got = NULL;

		CHECK_OK(resolve(rows[i].user, rows[i].extra, &u, &e), e);
		CHECK_MSG(u.uid == rows[i].uid && u.gid == rows[i].gid, "user %s is %u:%u",
			  rows[i].user, u.uid, u.gid);
		got = groups(&u);
		CHECK_STR(got ? got : "", rows[i].groups);
		CHECK_STR(u.name, rows[i].name);
		CHECK_STR(u.home, rows[i].home);
		spec_user_done(&u);
	}
}

TEST(refused)
{
	static const struct {
		const char *user, *extra;
		enum err_kind kind;
		const char *part;
	} rows[] = {
		{ "nobody", NULL, ERR_NOT_FOUND, "unable to find user nobody" },
		{ "-2", NULL, ERR_NOT_FOUND, "-2" },
		{ "+0", NULL, ERR_NOT_FOUND, "+0" },
		{ "0x0", NULL, ERR_NOT_FOUND, "0x0" },
		{ " 0", NULL, ERR_NOT_FOUND, " 0" },
		{ "2147483648", NULL, ERR_INVALID, "out of range" },
		{ "4294967295", NULL, ERR_INVALID, "out of range" },
		{ "4294967296", NULL, ERR_INVALID, "out of range" },
		{ "18446744073709551616", NULL, ERR_INVALID, "out of range" },
		{ "99999999999999999999999", NULL, ERR_INVALID, "out of range" },
		{ "0:4294967296", NULL, ERR_INVALID, "out of range" },
		{ "0:-1", NULL, ERR_NOT_FOUND, "group -1" },
		{ "0:nogroup", NULL, ERR_NOT_FOUND, "group nogroup" },
		{ "0:0:0", NULL, ERR_NOT_FOUND, "group 0:0" },
		{ ":0", NULL, ERR_INVALID, "in front of the colon" },
		{ ":", NULL, ERR_INVALID, "in front of the colon" },
		{ "big", NULL, ERR_CORRUPT, "no valid uid" },
		{ "neg", NULL, ERR_CORRUPT, "no valid uid" },
		{ "hex", NULL, ERR_CORRUPT, "no valid uid" },
		{ "half", NULL, ERR_CORRUPT, "no valid uid" },
		{ "badgid", NULL, ERR_CORRUPT, "no valid uid" },
		{ "50", NULL, ERR_CORRUPT, "no valid gid" },
		{ "short", NULL, ERR_NOT_FOUND, "short" },
		{ "0:huge", NULL, ERR_CORRUPT, "no valid gid" },
		{ "0:short", NULL, ERR_NOT_FOUND, "short" },
		{ "root:x", NULL, ERR_NOT_FOUND, "group x" },
		{ "0", "nogroup", ERR_NOT_FOUND, "group-add" },
		{ "0", "keep-groups", ERR_UNSUPPORTED, "keep-groups" },
		{ "0", "4294967296", ERR_INVALID, "out of range" },
		{ "0", "", ERR_INVALID, "empty" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_user u = { .uid = 77 };
		struct err e = ERR_INIT;

		CHECK_ERR(resolve(rows[i].user, rows[i].extra, &u, &e), e, rows[i].kind);
		CHECK_CONTAINS(e.text, rows[i].part);
		CHECK_INT(u.uid, 77);
	}
}

TEST(without_files)
{
	struct spec_user u = SPEC_USER_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(spec_user_resolve_text(NULL, 0, NULL, 0, "", NULL, &u, &e), e);
	CHECK_INT(u.uid, 0);
	CHECK_STR(u.home, "/");
	spec_user_done(&u);
	CHECK_ERR(spec_user_resolve_text(NULL, 0, NULL, 0, "root", NULL, &u, &e), e, ERR_NOT_FOUND);
	CHECK_ERR(spec_user_resolve_text(NULL, 0, NULL, 0, "0:root", NULL, &u, &e), e,
		  ERR_NOT_FOUND);
}

TEST(hostile_text)
{
	static const char nul[] = "a:x:0\0:0::/:\nb:x:7:7::/b:\n";
	struct spec_user u = SPEC_USER_INIT;
	struct err e = ERR_INIT;
	auto_free char *longline = malloc(200000);

	CHECK_ERR(spec_user_resolve_text(nul, sizeof(nul) - 1, NULL, 0, "a", NULL, &u, &e), e,
		  ERR_NOT_FOUND);
	CHECK_OK(spec_user_resolve_text(nul, sizeof(nul) - 1, NULL, 0, "b", NULL, &u, &e), e);
	CHECK_INT(u.uid, 7);
	spec_user_done(&u);
	CHECK(longline != NULL);
	memset(longline, 'x', 200000);
	memcpy(longline + 100000, "\nok:x:8:8::/:", 13);
	longline[100013] = '\n';
	CHECK_OK(spec_user_resolve_text(longline, 200000, NULL, 0, "ok", NULL, &u, &e), e);
	CHECK_INT(u.uid, 8);
	spec_user_done(&u);
}

TEST(too_many_groups)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct spec_user u = SPEC_USER_INIT;
	struct err e = ERR_INIT;

	for (int i = 1; i <= SPEC_USER_GROUPS_MAX + 1; i++)
		strbuf_addf(&b, "g%d:x:%d:root\n", i, i);
	CHECK_ERR(spec_user_resolve_text(passwd, strlen(passwd), b.data, b.len, "root", NULL, &u,
					 &e), e, ERR_LIMIT);
}

/* The files of an image that is not mounted: the topmost layer's, links inside. */
TEST(over_layers)
{
	const char *dirs[] = { "upper", "lower" };
	auto_merged struct merged m = MERGED_INIT;
	struct spec_user u = SPEC_USER_INIT;
	struct err e = ERR_INIT;

	test_mkdir("upper");
	test_mkdir("upper/etc");
	test_mkdir("lower");
	test_mkdir("lower/etc");
	test_mkdir("lower/usr");
	test_write("lower/etc/passwd", "low:x:1:1::/:\n");
	test_write("lower/etc/group", "staff:x:50:up\n");
	test_write("lower/usr/passwd", "up:x:2:2::/up:\n");
	test_symlink("../usr/passwd", "upper/etc/passwd");
	CHECK_INT(merged_init(&m, dirs, 2), 0);
	CHECK_OK(spec_user_resolve(&m, "up", NULL, &u, &e), e);
	CHECK_INT(u.uid, 2);
	CHECK_INT(u.n_groups, 1);
	CHECK_STR(u.home, "/up");
	spec_user_done(&u);
	CHECK_ERR(spec_user_resolve(&m, "low", NULL, &u, &e), e, ERR_NOT_FOUND);
}

/* HOSTILE "Starting a container": passwd that is a FIFO, a directory, a link to the host, huge. */
TEST(files_that_are_no_files)
{
	const char *dirs[] = { "l" };
	auto_merged struct merged m = MERGED_INIT;
	struct spec_user u = SPEC_USER_INIT;
	struct err e = ERR_INIT;
	int fd;

	test_mkdir("l");
	test_mkdir("l/etc");
	CHECK_INT(merged_init(&m, dirs, 1), 0);
	CHECK(mkfifo("l/etc/passwd", 0644) == 0);
	CHECK_ERR(spec_user_resolve(&m, "web", NULL, &u, &e), e, ERR_CORRUPT);
	CHECK_OK(spec_user_resolve(&m, "33", NULL, &u, &e), e);
	CHECK_INT(u.uid, 33);
	spec_user_done(&u);
	CHECK(unlink("l/etc/passwd") == 0);
	test_mkdir("l/etc/passwd");
	CHECK_ERR(spec_user_resolve(&m, "web", NULL, &u, &e), e, ERR_CORRUPT);
	CHECK(rmdir("l/etc/passwd") == 0);
	test_symlink("/etc/passwd", "l/etc/passwd");	/* points at itself in there */
	CHECK_ERR(spec_user_resolve(&m, "root", NULL, &u, &e), e, ERR_CORRUPT);
	CHECK(unlink("l/etc/passwd") == 0);
	test_symlink("../../../../../../../../etc/group", "l/etc/passwd");
	CHECK_ERR(spec_user_resolve(&m, "root", NULL, &u, &e), e, ERR_NOT_FOUND);
	CHECK(unlink("l/etc/passwd") == 0);
	fd = open("l/etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && ftruncate(fd, SPEC_USER_FILE_MAX_BYTES + 1) == 0 && close(fd) == 0);
	CHECK_ERR(spec_user_resolve(&m, "root", NULL, &u, &e), e, ERR_CORRUPT);
}
