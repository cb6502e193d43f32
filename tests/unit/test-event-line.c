/* Events as lines: what is written is JSON whatever goes in; files are appended to and renamed. */
#include "event-line.h"

#include <sys/stat.h>

#include "fd.h"
#include "json.h"
#include "stamp.h"
#include "test.h"

TEST(times)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000" },
		{ 951782400123456789, "2000-02-29T00:00:00.123456789" },
		{ 1735689599999999999, "2024-12-31T23:59:59.999999999" },
		{ 4107542400000000000, "2100-03-01T00:00:00.000000000" },
	};
	static const struct {
		const char *text;
		int64_t ns;
	} others[] = {
		{ "1970-01-01T01:00:00+01:00", 0 }, { "1969-12-31T23:30:00-00:30", 0 },
		{ "1970-01-01T00:00:00.5Z", 500000000 }, { "1970-01-01T00:00:01.1234567891Z", 1123456789 },
	};
	static const char *const bad[] = { "", "1970", "1970-01-01", "1970-01-01 00:00:00Z",
					   "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-01-01T24:00:00Z",
					   "1970-01-01T00:00:00+1", "9999-01-01T00:00:00Z", "1970-01-01T00:00:00ZZ" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[STAMP_LEN + 2] = "";
		int64_t ns;

		stamp_format(cases[i].ns, text);
		CHECK_STR(text, cases[i].text);
		text[STAMP_LEN] = 'Z';
		CHECK(stamp_parse(text, STAMP_LEN + 1, &ns));
		CHECK_INT(ns, cases[i].ns);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		int64_t ns = -1;

		CHECK_MSG(stamp_parse(others[i].text, strlen(others[i].text), &ns), "%s", others[i].text);
		CHECK_INT(ns, others[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t ns;

		CHECK_MSG(!stamp_parse(bad[i], strlen(bad[i]), &ns), "%s", bad[i]);
	}
}

TEST(any_text_becomes_json)
{
	static const char *const attrs[] = { "k=v=w", "bare", "q\"uo\\te=\n\t\x01", "\xff\xc0\x80=\xed\xa0\x80\xf0\x9f\x98\x80" };
	const struct event_line l = { .time_ns = 1, .type = "container", .status = "died", .id = "",
				      .name = "na\"me", .attrs = attrs, .n_attrs = 4,
				      .has_exit_code = true, .exit_code = 3 };
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_json json_t *j = NULL;
	struct err e = ERR_INIT;
	json_t *a;

	event_line_add(&b, &l);
	CHECK(!b.failed && b.data[b.len - 1] == '\n' && !memchr(b.data, '\n', b.len - 1));
	CHECK_OK(json_parse(b.data, b.len, 4096, "line", &j, &e), e);
	CHECK_STR(json_string_value(json_object_get(j, "Name")), "na\"me");
	CHECK_INT(json_integer_value(json_object_get(j, "ContainerExitCode")), 3);
	CHECK(!json_object_get(j, "ID") && !json_object_get(j, "Image"));
	a = json_object_get(j, "Attributes");
	CHECK_INT(json_object_size(a), 4);
	CHECK_STR(json_string_value(json_object_get(a, "k")), "v=w");
	CHECK_STR(json_string_value(json_object_get(a, "bare")), "");
	CHECK_STR(json_string_value(json_object_get(a, "q\"uo\\te")), "\n\t\x01");
}

TEST(a_line_that_is_too_long_is_none)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_free char *big = malloc(EVENT_LINE_MAX_BYTES + 1);
	struct event_line l = { .type = "t", .status = "s" };

	memset(big, 'x', EVENT_LINE_MAX_BYTES);
	big[EVENT_LINE_MAX_BYTES] = '\0';
	event_line_add(&b, &l);
	size_t before = b.len;
	l.name = big;
	event_line_add(&b, &l);
	CHECK_INT(b.len, before);
}

TEST(files_are_made_and_renamed)
{
	char path[PATH_MAX + 32], old[PATH_MAX + 40];
	auto_free char *pad = malloc(EVENT_FILE_MAX_BYTES);
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/events/log", test_tmpdir());
	(void)snprintf(old, sizeof(old), "%s.1", path);
	CHECK_INT(event_file_append(path, "a\n", 2), 0);
	CHECK(stat(path, &st) == 0 && st.st_size == 2 && (st.st_mode & 0777) == 0600);
	memset(pad, 'x', EVENT_FILE_MAX_BYTES - 2);
	CHECK_INT(event_file_append(path, pad, EVENT_FILE_MAX_BYTES - 2), 0);
	CHECK(stat(path, &st) == 0 && stat(old, &st) < 0);
	CHECK_INT(event_file_append(path, "b\n", 2), 0);
	CHECK(stat(path, &st) < 0 && stat(old, &st) == 0 && st.st_size == EVENT_FILE_MAX_BYTES + 2);
	CHECK_INT(event_file_append(path, "c\n", 2), 0);
	CHECK(stat(path, &st) == 0 && st.st_size == 2);
	/* what somebody has put in its place is not written to */
	(void)unlink(path);
	test_symlink(old, path);
	CHECK(event_file_append(path, "d\n", 2) < 0);
	(void)unlink(path);
	CHECK(mkfifo(path, 0600) == 0);
	CHECK(event_file_append(path, "d\n", 2) < 0);
	CHECK(stat(old, &st) == 0 && st.st_size == EVENT_FILE_MAX_BYTES + 2);
	CHECK_INT(event_file_append("/nonexistent/a/b", "d\n", 2), -ENOENT);
}
