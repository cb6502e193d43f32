/* Tables, sizes, times and YAML as people see them. */
#include <locale.h>
#include <time.h>

#include "filter.h"
#include "json.h"
#include "out.h"
#include "test.h"
#include "yaml.h"

/* Run @print with stdout in a file and return what it wrote. */
static char *capture(void (*print)(void))
{
	char *text = NULL;
	size_t len;
	int fd = open("out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), saved;

	CHECK(fd >= 0);
	(void)fflush(stdout);
	saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	CHECK(dup3(fd, STDOUT_FILENO, 0) == STDOUT_FILENO);
	print();
	(void)fflush(stdout);
	CHECK(dup3(saved, STDOUT_FILENO, 0) == STDOUT_FILENO);
	(void)close(saved);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	CHECK_INT(fd_read_file(fd, 65536, &text, &len), 0);
	(void)close(fd);
	return text;
}

static void print_table(void)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	auto_json json_t *views =
		json_pack("[{s:s,s:s},{s:s,s:s}]", "ID", "1", "Name", "a-name-of-some-length", "ID",
			  "2", "Name", "tab\there\x1b[0m");
	auto_json json_t *headings = json_pack("{s:s}", "ID", "THE ID");
	const struct out_list l = { .views = views, .headings = headings };

	CHECK_INT(out_format_parse("x", "table {{.ID}} {{.Name}}\\t{{.ID}}", "", false, &f, NULL),
		  0);
	CHECK_INT(out_list_print(&f, &l, false, NULL), 0);
	CHECK_INT(out_list_print(&f, &l, true, NULL), 0);
}

TEST(columns_are_aligned_and_cells_cleaned)
{
	auto_free char *text = capture(print_table);

	/* a tab within a value parts cells, as it does for podman */
	CHECK_STR(text, "THE ID      NAME                   THE ID\n"
			"1           a-name-of-some-length  1\n"
			"2           tab                    here\\x1b[0m  2\n"
			"1           a-name-of-some-length  1\n"
			"2           tab                    here\\x1b[0m  2\n");
}

static void print_lines(void)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	auto_json json_t *views = json_pack("[{s:s},{s:s}]", "ID", "1", "ID", "2");
	const struct out_list l = { .views = views };

	CHECK_INT(out_format_parse("x", "{{.ID}}\\tx", "", false, &f, NULL), 0);
	CHECK_INT(f.kind, OUT_TEMPLATE);
	CHECK_INT(out_list_print(&f, &l, false, NULL), 0);
}

TEST(a_template_has_a_line_for_each_object)
{
	auto_free char *text = capture(print_lines);

	CHECK_STR(text, "1\tx\n2\tx\n");
}

static void print_json(void)
{
	auto_json json_t *j = json_pack("[{s:s,s:[]}]", "a", "<&>\x1b\x7f\xc2\x9b\xc3\xa4", "b");

	CHECK_INT(out_json(j, 5, NULL), 0);
}

TEST(json_is_indented_and_has_no_control_characters)
{
	auto_free char *text = capture(print_json);

	CHECK_STR(text, "[\n     {\n          \"a\": \"<&>\\u001B\\u007f\\u009b\xc3\xa4\",\n"
			"          \"b\": []\n     }\n]\n");
}

TEST(formats)
{
	struct out_format f = OUT_FORMAT_INIT;
	struct err e = ERR_INIT;

	CHECK_INT(out_format_parse("x", "json", "t", true, &f, &e), 0);
	CHECK_INT(f.kind, OUT_JSON);
	CHECK_INT(out_format_parse("x", "{{json .}}", "t", true, &f, &e), 0);
	CHECK_INT(f.kind, OUT_JSON);
	CHECK_INT(out_format_parse("x", NULL, "t", true, &f, &e), 0);
	CHECK_INT(f.kind, OUT_TABLE);
	out_format_done(&f);
	CHECK_INT(out_format_parse("x", "table", "t", true, &f, &e), 0);
	CHECK_INT(f.kind, OUT_TABLE);
	out_format_done(&f);
	CHECK_ERR(out_format_parse("x", "{{", "t", true, &f, &e), e, ERR_INVALID);
}

TEST(sizes)
{
	static const struct {
		uint64_t bytes;
		int digits;
		const char *want;
	} cases[] = {
		{ 0, 3, "0 B" }, { 999, 3, "999 B" }, { 1000, 3, "1 kB" }, { 1997924, 3, "2 MB" },
		{ 1982256, 3, "1.98 MB" }, { 999499, 3, "999 kB" }, { 999600, 3, "1 MB" },
		{ 999600, 4, "999.6 kB" }, { 999960, 4, "1 MB" }, { 1234567890, 4, "1.235 GB" },
		{ UINT64_MAX, 3, "18.4 EB" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_free char *s = out_size(cases[i].bytes, cases[i].digits, " ");

		CHECK_STR(s, cases[i].want);
	}
}

TEST(durations)
{
	static const struct {
		int64_t s;
		const char *want;
	} cases[] = {
		{ -5, "Less than a second" }, { 0, "Less than a second" }, { 1, "1 second" },
		{ 59, "59 seconds" }, { 60, "About a minute" }, { 119, "About a minute" },
		{ 120, "2 minutes" }, { 3599, "59 minutes" }, { 3600, "About an hour" },
		{ 5399, "About an hour" }, { 5400, "2 hours" }, { 47 * 3600, "47 hours" },
		{ 48 * 3600, "2 days" }, { 13 * 86400, "13 days" }, { 14 * 86400, "2 weeks" },
		{ 59 * 86400, "8 weeks" }, { 60 * 86400, "2 months" }, { 729 * 86400, "24 months" },
		{ 730 * 86400, "2 years" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_free char *s = out_duration(cases[i].s * 1000000000);

		CHECK_STR(s, cases[i].want);
	}
}

TEST(times_go_out_and_come_back)
{
	auto_free char *zero = out_rfc3339(0, true),
		       *whole = out_rfc3339(1795365154000000000, true);
	auto_free char *part = out_rfc3339(1795365154312000000, true);
	int64_t ns = 1;

	CHECK_STR(zero, "0001-01-01T00:00:00Z");
	CHECK_STR(whole, "2026-11-22T16:32:34Z");
	CHECK_STR(part, "2026-11-22T16:32:34.312Z");
	CHECK_INT(out_rfc3339_parse(part, &ns), 0);
	CHECK_INT(ns, 1795365154312000000);
	CHECK_INT(out_rfc3339_parse(zero, &ns), 0);
	CHECK_INT(ns, 0);
	CHECK_INT(out_rfc3339_parse("2026-11-22T16:32:34+02:00", &ns), 0);
	CHECK_INT(ns, 1795365154000000000 - 7200000000000);
	CHECK_INT(out_rfc3339_parse("2026-11-22", &ns), -EINVAL);
}

TEST(times_that_people_write)
{
	static const struct {
		const char *text;
		int64_t want;	/* -1: refused */
	} cases[] = {
		{ "1795365154", 1795365154000000000 },
		{ "1795365154.5", 1795365154500000000 },
		{ "2026-11-22T16:32:34Z", 1795365154000000000 },
		{ "2026-11-22T16:32:34", 1795365154000000000 },
		{ "2026-11-22 16:32:34.25", 1795365154250000000 },
		{ "2026-11-22", 1795305600000000000 },
		{ "2026-11-22T16:32", 1795365120000000000 },
		{ "", -1 },
		{ "yesterday", -1 },
		{ "2026-11-22T16:32:34+2", -1 },
		{ "2026-13-22", -1 },
		{ "99999999999999", -1 },
		{ "1.2.3", -1 },
	};
	int64_t ns, now = out_now_ns();
	struct err e = ERR_INIT;

	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r = out_time_parse(cases[i].text, &ns, &e);

		CHECK_MSG((r == 0) == (cases[i].want >= 0), "%s: %d", cases[i].text, r);
		if (r == 0)
			CHECK_MSG(ns == cases[i].want, "%s is %lld", cases[i].text, (long long)ns);
	}
	CHECK_INT(out_time_parse("10m", &ns, &e), 0);
	CHECK(now - ns >= 599000000000 && now - ns <= 601000000000);
}

static void print_yaml(void)
{
	auto_json json_t *j =
		json_pack("{s:s, s:s, s:[s,s], s:{s:i}, s:[], s:s, s:s, s:[{s:i,s:n}]}", "plain",
			  "a b", "number", "12", "list", "x", "- y", "map", "k", 1, "none", "lines",
			  "one\ntwo", "escape", "\x1b[0m", "rows", "a", 1, "b");

	CHECK(j != NULL);
	yaml_print(j);
}

TEST(yaml_reads_back_as_what_it_was)
{
	auto_free char *text = capture(print_yaml);

	CHECK_STR(text,
		  "plain: a b\nnumber: '12'\nlist:\n- x\n- '- y'\nmap:\n  k: 1\nnone: []\n"
		  "lines: |-\n  one\n  two\nescape: \"\\x1b[0m\"\nrows:\n- a: 1\n  b: null\n");
}

TEST(references_match_patterns)
{
	static const struct {
		const char *pattern, *ref;
		bool want;
	} cases[] = {
		{ "alpine", "docker.io/library/alpine:latest", true },
		{ "library/alpine", "docker.io/library/alpine:latest", true },
		{ "alpine:latest", "docker.io/library/alpine:latest", true },
		{ "alpine:3", "docker.io/library/alpine:latest", false },
		{ "alp*", "docker.io/library/alpine:latest", true },
		{ "pine", "docker.io/library/alpine:latest", false },
		{ "y", "localhost/x/y:1", true },
		{ "x", "localhost/x/y:1", false },
		{ "localhost/*", "localhost/y:1", true },
		{ "localhost/*", "localhost/x/y:1", false },
		{ "host:5000/a", "host:5000/a:t", true },
		{ "a", "host:5000/a", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_MSG(filter_match_reference(cases[i].pattern, cases[i].ref) == cases[i].want,
			  "%s against %s", cases[i].pattern, cases[i].ref);
}

static bool is_value(void *ctx, const struct filter *f, const void *object)
{
	(void)ctx;
	return streq(f->value, object);
}

static bool is_first(void *ctx, const struct filter *f, const void *object)
{
	const char *s = object;

	(void)ctx;
	return strchr(s, f->value[0]) != NULL;
}

TEST(filters_of_one_key_are_alternatives_and_of_different_keys_not)
{
	static const struct filter_key keys[] = { { "is", false, NULL, is_value },
						  { "label", true, NULL, is_first },
						  { NULL, false, NULL, NULL } };
	static const struct filter_words words = { "invalid filter \"%s\"",
						   "%s is an invalid filter" };
	static const struct {
		const char *texts;	/* separated by blanks */
		const char *matches, *refuses;
	} cases[] = {
		{ "is=a is=b", "b", "c" },	{ "label=x label=y", "xy", "x" },
		{ "is=ab label=a", "ab", "b" }, { "is!=a", "b", "a" },
		{ "is!=a is!=b", "c", "b" },	{ "is=xz label=x label=z", "xz", "x" },
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_strv struct strv texts = STRV_INIT;
		auto_filters struct filters f = FILTERS_INIT;

		CHECK_INT(strv_split(&texts, cases[i].texts, ' '), 0);
		CHECK_OK(filters_parse(&texts, keys, &words, NULL, &f, &e), e);
		CHECK_MSG(filters_match(&f, NULL, cases[i].matches), "%s", cases[i].texts);
		CHECK_MSG(!filters_match(&f, NULL, cases[i].refuses), "%s", cases[i].texts);
	}
	for (size_t i = 0; i < 2; i++) {
		static const char *const bad[] = { "nothing", "no=x" };
		static const char *const says[] = { "invalid filter \"nothing\"",
						    "no is an invalid filter" };
		auto_strv struct strv texts = STRV_INIT;
		auto_filters struct filters f = FILTERS_INIT;

		CHECK_INT(strv_add(&texts, bad[i]), 0);
		CHECK_ERR(filters_parse(&texts, keys, &words, NULL, &f, &e), e, ERR_INVALID);
		CHECK_STR(e.text, says[i]);
	}
}
