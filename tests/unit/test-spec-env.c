/* The container's environment: precedence, copying from the host, and what an image may not do. */
#include "test.h"

#include "env.h"

static const char *const host[] = {
	"HOME=/home/me", "SECRET=s3", "LC_ALL=C", "LC_TIME=de", "LC=no", "http_proxy=http://p:1",
	"EMPTY=", "BROKEN", NULL,
};

static struct strv list(const char *text)
{
	struct strv v = STRV_INIT;

	if (*text)
		CHECK_INT(strv_split(&v, text, '|'), 0);
	return v;
}

static char *joined(const struct strv *v)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < v->n; i++)
		strbuf_addf(&b, "%s%s", i ? "|" : "", v->items[i]);
	return strbuf_take(&b);
}

TEST(one_value)
{
	static const struct {
		const char *start, *arg, *want;
	} rows[] = {
		{ "", "A=1", "A=1" },
		{ "A=1|B=2", "A=3", "A=3|B=2" },
		{ "", "A=", "A=" },
		{ "", "A=x=y", "A=x=y" },
		{ "", "A=line\nline", "A=line\nline" },
		{ "", "SECRET", "SECRET=s3" },
		{ "", "EMPTY", "EMPTY=" },
		{ "KEEP=1", "ABSENT", "KEEP=1" },
		{ "ABSENT=img", "ABSENT", "ABSENT=img" },
		{ "", "BROKEN", "" },
		{ "", "LC_*", "LC_ALL=C|LC_TIME=de" },
		{ "", "LC*", "LC_ALL=C|LC_TIME=de|LC=no" },
		{ "", "NONE*", "" },
		{ "", "A*=1", "A*=1" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strv struct strv v = list(rows[i].start);
		auto_free char *got = NULL;
		struct err e = ERR_INIT;

		CHECK_OK(spec_env_apply(&v, rows[i].arg, host, &e), e);
		got = joined(&v);
		CHECK_STR(got, rows[i].want);
	}
}

TEST(one_value_refused)
{
	static const char *const bad[] = { "", "=", "=x" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_strv struct strv v = STRV_INIT;
		struct err e = ERR_INIT;

		CHECK_ERR(spec_env_apply(&v, bad[i], host, &e), e, ERR_INVALID);
	}
}

/* HOSTILE "Our own leaks": an image entry without "=" or with "*" must not read the host. */
TEST(image_never_imports_the_host)
{
	auto_strv struct strv v = STRV_INIT;
	auto_strv struct strv image = list("SECRET|LC_*|*|=x||OK=1|HOME*|OK=2|A*=1");
	auto_free char *got = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(spec_env_apply_image(&v, &image, &e), e);
	got = joined(&v);
	CHECK_STR(got, "OK=2|A*=1");
}

TEST(file_syntax)
{
	static const char text[] = "# comment\n\n  A=1\nB=two words \n\tC='quoted'\r\nSECRET\n#D=1\n"
				   "LC_*\nE=";
	auto_strv struct strv v = STRV_INIT;
	auto_free char *got = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(spec_env_apply_text(&v, text, strlen(text), "f", host, &e), e);
	got = joined(&v);
	CHECK_STR(got, "A=1|B=two words |C='quoted'|SECRET=s3|LC_ALL=C|LC_TIME=de|E=");
}

TEST(file_refused)
{
	static const struct {
		const char *text;
		size_t len;
		const char *part;
	} rows[] = {
		{ "A=1\n=2\n", 7, "f line 2" },
		{ "A B=1\n", 6, "blank" },
		{ "A=1\nB=\0x\n", 9, "NUL" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strv struct strv v = STRV_INIT;
		struct err e = ERR_INIT;

		CHECK_ERR(spec_env_apply_text(&v, rows[i].text, rows[i].len, "f", host, &e), e,
			  ERR_INVALID);
		CHECK_CONTAINS(e.text, rows[i].part);
	}
}

TEST(precedence)
{
	auto_strv struct strv image = list("PATH=/img|A=image|B=image|C=image|http_proxy=image");
	auto_strv struct strv files = list("env1|env2");
	auto_strv struct strv env = list("C=flag|D=flag");
	auto_strv struct strv defaults = list("A=conf|Z=conf");
	auto_strv struct strv v = STRV_INIT;
	struct err e = ERR_INIT;
	struct spec_env_args a = { .defaults = &defaults, .image = &image, .host = host,
				   .http_proxy = true, .tty = true, .files = &files, .env = &env };

	test_write("env1", "B=file1\nC=file1\nD=file1\n");
	test_write("env2", "B=file2\n");
	CHECK_OK(spec_env_build(&a, &v, &e), e);
	CHECK_STR(strv_env_get(&v, "PATH"), "/img");
	CHECK_STR(strv_env_get(&v, "A"), "image");
	CHECK_STR(strv_env_get(&v, "B"), "file2");
	CHECK_STR(strv_env_get(&v, "C"), "flag");
	CHECK_STR(strv_env_get(&v, "D"), "flag");
	CHECK_STR(strv_env_get(&v, "Z"), "conf");
	CHECK_STR(strv_env_get(&v, "http_proxy"), "http://p:1");
	CHECK_STR(strv_env_get(&v, "TERM"), "xterm");
	CHECK(strv_env_get(&v, "SECRET") == NULL);
	CHECK(strv_env_get(&v, "HOME") == NULL);
}

TEST(nothing_from_the_host_unasked)
{
	auto_strv struct strv v = STRV_INIT;
	auto_free char *got = NULL;
	struct err e = ERR_INIT;
	struct spec_env_args a = { .host = host };

	CHECK_OK(spec_env_build(&a, &v, &e), e);
	got = joined(&v);
	CHECK_STR(got, "PATH=" SPEC_ENV_PATH);
}

TEST(env_host_and_unset)
{
	auto_strv struct strv image = list("A=1|B=2|BB=3");
	auto_strv struct strv unset = list("B|PATH");
	auto_strv struct strv env = list("C=4");
	auto_strv struct strv v = STRV_INIT;
	auto_strv struct strv w = STRV_INIT;
	auto_free char *got = NULL;
	struct err e = ERR_INIT;
	struct spec_env_args a = { .image = &image, .host = host, .unset = &unset, .env = &env };

	CHECK_OK(spec_env_build(&a, &v, &e), e);
	got = joined(&v);
	CHECK_STR(got, "A=1|BB=3|C=4");
	a.unset_all = true;
	a.env_host = true;
	CHECK_OK(spec_env_build(&a, &w, &e), e);
	CHECK_STR(strv_env_get(&w, "SECRET"), "s3");
	CHECK(strv_env_get(&w, "A") == NULL);
	CHECK_STR(strv_env_get(&w, "C"), "4");
}

TEST(missing_and_huge_files)
{
	auto_strv struct strv files = list("absent");
	auto_strv struct strv big = list("big");
	auto_strv struct strv v = STRV_INIT;
	struct err e = ERR_INIT;
	struct spec_env_args a = { .host = host, .files = &files };
	int fd = open("big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK_ERR(spec_env_build(&a, &v, &e), e, ERR_NOT_FOUND);
	CHECK_CONTAINS(e.text, "absent");
	CHECK(fd >= 0 && ftruncate(fd, SPEC_ENV_FILE_MAX_BYTES + 1) == 0 && close(fd) == 0);
	a.files = &big;
	strv_done(&v);
	CHECK_ERR(spec_env_build(&a, &v, &e), e, ERR_LIMIT);
}

TEST(too_many_variables)
{
	auto_strv struct strv v = STRV_INIT;
	struct err e = ERR_INIT;
	int r = 0;

	/* find() is linear, so this also shows that the limit keeps it bearable */
	for (int i = 0; r == 0 && i <= SPEC_ENV_MAX; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "V%d=x", i);
		r = spec_env_apply(&v, text, host, &e);
	}
	CHECK_ERR(r, e, ERR_LIMIT);
	CHECK_INT(v.n, SPEC_ENV_MAX);
}

TEST(default_only_where_absent)
{
	auto_strv struct strv v = list("HOME=/x");

	CHECK_INT(spec_env_default(&v, "HOME", "/root"), 0);
	CHECK_INT(spec_env_default(&v, "HOSTNAME", "h"), 0);
	CHECK_STR(strv_env_get(&v, "HOME"), "/x");
	CHECK_STR(strv_env_get(&v, "HOSTNAME"), "h");
}
