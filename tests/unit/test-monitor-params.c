/* What the monitor accepts as a request, and what a foreign runtime's log means. */
#include "params.h"
#include "runtime-log.h"
#include "test.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MINIMUM "id=" ID "\0rundir=/r\0ctrdir=/c\0bundle=/b\0runtime=/rt\0runtime-root=/rr\0"

static int parse(struct params *p, const char *text, size_t len, struct err *e)
{
	int r;

	*p = (struct params)PARAMS_INIT;
	r = params_add(p, text, len, e);
	return r < 0 ? r : params_parse(p, PARAMS_RUN, e);
}
#define PARSE(p, text, e) parse(p, text, sizeof(text) - 1, e)

TEST(minimum_is_enough)
{
	struct params p;
	struct err e = ERR_INIT;

	CHECK_OK(PARSE(&p, MINIMUM, &e), e);
	CHECK_STR(p.id, ID);
	CHECK_STR(p.rundir, "/r");
	CHECK(!p.rm && !p.terminal && p.lower.n == 0 && p.log_driver == LOG_DRIVER_NONE);
	params_done(&p);
}

TEST(lists_append_and_scalars_replace)
{
	struct params p;
	struct err e = ERR_INIT;

	CHECK_OK(PARSE(&p, MINIMUM "rootfs=/x\0lower=/1\0lower=/2\0lower=/3\0rows=5\0rows=6\0"
		       "log-max-bytes=18446744073709551615\0copyup=/v\t/d\0append=/etc/x\ta b:c\0", &e), e);
	CHECK_INT(p.append.n, 1);
	CHECK_INT(p.lower.n, 3);
	CHECK_STR(p.lower.items[2], "/3");
	CHECK_INT(p.rows, 6);
	CHECK_UINT(p.log_max_bytes, UINT64_MAX);
	params_done(&p);
}

TEST(each_missing_necessity_is_named)
{
	static const char *const keys[] = { "id", "rundir", "ctrdir", "bundle", "runtime",
					    "runtime-root" };

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		static const char all[] = MINIMUM;
		char text[sizeof(all)], want[40];
		size_t len = 0;
		struct params p;
		struct err e = ERR_INIT;

		for (const char *s = all; *s; s += strlen(s) + 1)
			if (strncmp(s, keys[k], strlen(keys[k])) != 0 || s[strlen(keys[k])] != '=') {
				memcpy(text + len, s, strlen(s) + 1);
				len += strlen(s) + 1;
			}
		CHECK_ERR(parse(&p, text, len, &e), e, ERR_INVALID);
		(void)snprintf(want, sizeof(want), "has no %s", keys[k]);
		CHECK_CONTAINS(e.text, want);
		params_done(&p);
	}
}

TEST(refuses)
{
	static const char *const bad[] = {
		"x", "=", "nosuch=1", "rm=", "rm=2", "rm=true", "rows=", "rows=99999", "rows=+1", "rows=0x1",
		"rows=4294967296", "rundir=r", "rundir=", "lower=rel", "lower=/l", "log-driver=",
		"log-driver=K8S-FILE", "log-driver=k8s-file", "net-ready=soon", "net-path=/p", "net-fwd=x",
		"net-api=a/b", "id=0123", "id=" ID "0", "id=0123456789ABCDEF0123456789abcdef0123456789abcdef01"
		"23456789abcdef", "name=..", "name=a/b", "cidfile=/a\nb", "cidfile=/a\tb", "copyup=/v",
		"copyup=/v\trel", "append=/x", "append=x\ty", "append=/x\ty\nz", "upper=/u", "work=/w", "rm=1", "uidmap=0:0:1",
		"root-ids=", "root-ids=1", "root-ids=1:", "root-ids=a:1", "root-ids=1:4294967295",
		"own=hosts", "upper-owner=/d", "upper-owner=d", "join=net:1:1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		static const char base[] = MINIMUM;
		char text[sizeof(base) + 200];
		struct params p;
		struct err e = ERR_INIT;

		memcpy(text, base, sizeof(base) - 1);
		memcpy(text + sizeof(base) - 1, bad[i], strlen(bad[i]) + 1);
		CHECK_MSG(parse(&p, text, sizeof(base) + strlen(bad[i]), &e) == -EINVAL, "\"%s\" is accepted",
			  bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
		params_done(&p);
	}
}

TEST(namespaces_of_a_request)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{ "netns=new", true },
		{ "inner-uidmap=5:0:1\ninner-gidmap=5:0:1", true },
		{ "join=net:1:2\njoin=user:/proc/1/ns/user\nkeep-groups=1", true },
		{ "inner-uidmap=5:0:1", false },
		{ "inner-gidmap=5:0:1", false },
		{ "netns=new\njoin=net:1:2", false },
		{ "inner-uidmap=5:0:1\ninner-gidmap=5:0:1\njoin=user:1:2", false },
		{ "keep-groups=yes", false },
		{ "netns=", false },
		{ "lower=/x", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct params p = PARAMS_INIT;
		struct err e = ERR_INIT;
		char text[200];
		size_t len = strlen(cases[i].text) + 1;
		int r;

		memcpy(text, cases[i].text, len);
		for (size_t k = 0; k < len; k++)
			text[k] = text[k] == '\n' ? '\0' : text[k];
		r = params_add(&p, text, len, &e);
		r = r < 0 ? r : params_parse(&p, PARAMS_PREPARE, &e);
		CHECK_MSG((r == 0) == cases[i].ok, "%s: %s", cases[i].text, e.text);
		CHECK_INT(e.kind, cases[i].ok ? ERR_NONE : ERR_INVALID);
		params_done(&p);
	}
}

TEST(owners_in_the_run_directory_are_names)
{
	struct params p;
	struct err e = ERR_INIT;

	CHECK_OK(PARSE(&p, MINIMUM "root-ids=7:8\0own=hosts\0", &e), e);
	CHECK(p.root_uid == 7 && p.root_gid == 8);
	params_done(&p);
	CHECK_ERR(PARSE(&p, MINIMUM "root-ids=7:8\0own=../hosts\0", &e), e, ERR_INVALID);
	params_done(&p);
}

TEST(a_cut_request_is_refused)
{
	struct params p = PARAMS_INIT;
	struct err e = ERR_INIT;

	CHECK_ERR(params_add(&p, "id=x", 4, &e), e, ERR_INVALID);
	params_done(&p);
}

TEST(the_whole_has_a_limit)
{
	static char piece[65536];
	struct params p = PARAMS_INIT;
	struct err e = ERR_INIT;
	int n;

	memset(piece, 'x', sizeof(piece) - 1);
	for (n = 0; params_add(&p, piece, sizeof(piece), &e) == 0; n++)
		CHECK(n < 100);
	CHECK_INT(n, 16);
	CHECK_INT(e.kind, ERR_LIMIT);
	params_done(&p);
}

TEST(runtime_logs_are_understood)
{
	static const struct {
		const char *log;
		enum err_kind kind;
		const char *text;
	} cases[] = {
		{ "{\"msg\":\"executable file `x` not found in $PATH: No such file or directory\",\"level\":"
		  "\"error\",\"time\":\"t\"}\n", ERR_CMD_NOT_FOUND,
		  "crun: executable file `x` not found in $PATH: No such file or directory" },
		{ "{\"level\":\"warning\",\"msg\":\"careful\",\"time\":\"t\"}\n"
		  "{\"level\":\"error\",\"msg\":\"exec: \\\"/tmp\\\": permission denied\",\"time\":\"t\"}\n",
		  ERR_CMD_NOT_EXEC, "crun: exec: \"/tmp\": permission denied" },
		{ "{ \"msg\": \"two\\nlines\\u001b[2J \\u003c\", \"level\": \"error\" }\n", ERR_OS,
		  "crun: two lines [2J <" },
		{ "{\"level\":\"error\",\"msg\":\"unfinished", ERR_OS, "crun: unfinished" },
		{ "{\"level\":\"error\",\"msg\":\"\\", ERR_OS, "crun: \\" },
		{ "{\"level\":\"error\",\"msg\":\"\\u00", ERR_NONE, NULL },
		{ "{\"level\":\"info\",\"msg\":\"fine\"}\n", ERR_NONE, NULL },
		{ "{\"level\":\"error\",\"msg\":5}\n", ERR_NONE, NULL },
		{ "no json at all\n\n\n", ERR_NONE, NULL },
		{ "", ERR_NONE, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;

		CHECK_MSG((runtime_log_parse(cases[i].log, "crun", &e) < 0) == (cases[i].kind != ERR_NONE),
			  "case %zu: %s", i, e.text);
		CHECK_INT(e.kind, cases[i].kind);
		if (cases[i].text)
			CHECK_STR(e.text, cases[i].text);
	}
}
