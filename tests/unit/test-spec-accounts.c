/* The lines that /etc/passwd and /etc/group get: podman's words, and never more than was meant. */
#include "test.h"

#include "accounts.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/var/www:/bin/false\n";
static const char group[] = "root:x:0:\nwww:x:44:web\n";

struct result {
	char *passwd, *group;
	struct spec_user who;
};

static void result_done(struct result *r)
{
	free(r->passwd);
	free(r->group);
	spec_user_done(&r->who);
}

static int make(struct spec_accounts_args a, struct result *r, struct err *e)
{
	int rc = spec_user_resolve_text(passwd, sizeof(passwd) - 1, group, sizeof(group) - 1, a.user,
					NULL, &r->who, e);

	if (!a.cwd)
		a.cwd = "/work";
	return rc < 0 ? rc : spec_accounts_text(passwd, sizeof(passwd) - 1, group, sizeof(group) - 1,
						&a, &r->who, &r->passwd, &r->group, e);
}

TEST(users_by_number)
{
	static const struct {
		const char *user, *passwd, *group, *home;
	} rows[] = {
		{ "", NULL, NULL, "/root" },
		{ "root", NULL, NULL, "/root" },
		{ "web", NULL, NULL, "/var/www" },
		{ "33", NULL, "33:x:33:33\n", "/var/www" },
		{ "33:44", NULL, NULL, "/var/www" },
		{ "1234", "1234:*:1234:0:container user:/work:/bin/sh\n", "1234:x:1234:1234\n", "/work" },
		{ "1234:www", "1234:*:1234:44:container user:/work:/bin/sh\n", NULL, "/work" },
		{ "1234:99", "1234:*:1234:99:container user:/work:/bin/sh\n", "99:x:99:1234\n", "/work" },
		{ "0:77", NULL, "77:x:77:0\n", "/root" },
		{ "web:77", NULL, "77:x:77:web\n", "/var/www" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result r = { .who = SPEC_USER_INIT };
		struct err e = ERR_INIT;

		CHECK_OK(make((struct spec_accounts_args){ .user = rows[i].user }, &r, &e), e);
		CHECK_STR(r.passwd ? r.passwd : "", rows[i].passwd ? rows[i].passwd : "");
		CHECK_STR(r.group ? r.group : "", rows[i].group ? rows[i].group : "");
		CHECK_STR(r.who.home, rows[i].home);
		result_done(&r);
	}
}

TEST(templates)
{
	struct result r = { .who = SPEC_USER_INIT }, bad = { .who = SPEC_USER_INIT };
	struct err e = ERR_INIT;

	CHECK_OK(make((struct spec_accounts_args){ .user = "5:6",
						   .passwd_entry = "u$UID:$USERNAME:$GID:$NAME:$HOME:$X$",
						   .group_entry = "g:$GROUPNAME:$GID:$USERLIST" },
		      &r, &e), e);
	CHECK_STR(r.passwd, "u5:5:6:container user:/work:$X$\n");
	CHECK_STR(r.group, "g:6:6:5\n");
	CHECK_ERR(make((struct spec_accounts_args){ .user = "5", .passwd_entry = "a\nroot2::0:0::/:" },
		       &bad, &e), e, ERR_INVALID);
	result_done(&r);
	result_done(&bad);
}

/* A working directory is an image's word. */
TEST(a_line_holds_no_other_line)
{
	static const char *const homes[] = { "/a\nroot2::0:0::/:/bin/sh", "/a:/bin/evil", "/a\rb", "/\033" };

	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++) {
		struct result r = { .who = SPEC_USER_INIT };
		struct err e = ERR_INIT;

		CHECK_OK(make((struct spec_accounts_args){ .user = "9", .cwd = homes[i] }, &r, &e), e);
		CHECK_STR(r.passwd, "9:*:9:0:container user:/:/bin/sh\n");
		result_done(&r);
	}
}

TEST(accounts_of_the_host)
{
	static const char host[] = "me:x:1000:1000:Me,,,:/home/me:/bin/bash\nbad:x:x:1::/:\n";
	static const char host_group[] = "me:x:1000:\n";
	struct spec_account acc = { 0 }, none = { 0 };
	struct result r = { .who = SPEC_USER_INIT };
	struct err e = ERR_INIT;

	CHECK_ERR(spec_account_find(host, sizeof(host) - 1, NULL, 0, "bad", 0, &none, &e), e,
		  ERR_NOT_FOUND);
	CHECK_ERR(spec_account_find(host, sizeof(host) - 1, NULL, 0, NULL, 7, &none, &e), e,
		  ERR_NOT_FOUND);
	CHECK_OK(spec_account_find(host, sizeof(host) - 1, host_group, sizeof(host_group) - 1, NULL, 1000,
				   &acc, &e), e);
	CHECK_STR(acc.group, "me");
	/* The process is that account: it knows its home, and there is one line, not two. */
	CHECK_OK(make((struct spec_accounts_args){ .user = "1000:1000", .extra = &acc, .n_extra = 1 }, &r,
		      &e), e);
	CHECK_STR(r.passwd, "me:*:1000:1000:Me,,,:/home/me:/bin/sh\n");
	CHECK_STR(r.group, "me:x:1000:me\n");
	CHECK_STR(r.who.home, "/home/me");
	spec_account_done(&acc);
	result_done(&r);
}

TEST(an_image_without_the_files_gets_none)
{
	struct spec_accounts_args a = { .user = "7", .cwd = "/" };
	struct spec_user who = { .uid = 7 };
	char *p = NULL, *g = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(spec_accounts_text(NULL, 0, NULL, 0, &a, &who, &p, &g, &e), e);
	CHECK(!p && !g);
	spec_user_done(&who);
}
