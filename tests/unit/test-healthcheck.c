/* Health checks: what options and images say, and what is refused. */
#include "ctrlite/healthcheck.h"
#include "json.h"
#include "test.h"

static void check_test(const struct strv *v, const char *want)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < v->n; i++)
		strbuf_addf(&b, "%s%s", i ? "|" : "", v->items[i]);
	CHECK_STR(b.data ? b.data : "", want);
}

TEST(commands_are_read_as_podman_reads_them)
{
	static const struct {
		const char *text, *test, *argv;
	} cases[] = {
		{ "curl -f x", "CMD-SHELL|curl -f x", "/bin/sh|-c|curl -f x" },
		{ "[\"a\", \"b c\"]", "CMD|a|b c", "a|b c" },
		{ "[\"a b\"]", "CMD-SHELL|a b", "/bin/sh|-c|a b" },
		{ "[\"CMD\", \"a\"]", "CMD|a", "a" },
		{ "[\"CMD-SHELL\", \"a b\"]", "CMD-SHELL|a b", "/bin/sh|-c|a b" },
		{ "CMD a  b", "CMD|a|b", "a|b" },
		{ "CMD-SHELL a | b", "CMD-SHELL|a | b", "/bin/sh|-c|a | b" },
		{ "[not json", "CMD-SHELL|[not json", "/bin/sh|-c|[not json" },
		{ "none", "NONE", NULL },
		{ "[\"NONE\"]", "NONE", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctr_healthcheck h = { .retries = 0 };
		struct ctr_healthcheck_options o = { .cmd = cases[i].text };
		auto_strv struct strv argv = STRV_INIT;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_healthcheck_apply(&h, &o, &e) == 0, "%s: %s", cases[i].text, e.text);
		check_test(&h.test, cases[i].test);
		CHECK_INT(ctr_healthcheck_defined(&h), cases[i].argv != NULL);
		if (cases[i].argv) {
			CHECK_INT(ctr_healthcheck_argv(&h.test, &argv, &e), 0);
			check_test(&argv, cases[i].argv);
			CHECK(h.interval_ns == 30000000000 && h.timeout_ns == 30000000000 && h.retries == 3);
		}
		ctr_healthcheck_done(&h);
	}
}

TEST(what_makes_no_sense_is_refused)
{
	static const uint64_t zero = 0, huge = UINT64_MAX;
	static const struct ctr_healthcheck_options cases[] = {
		{ .cmd = "" }, { .cmd = "[]" }, { .cmd = "[1]" }, { .cmd = "a", .none = true },
		{ .cmd = "a", .interval = "x" }, { .cmd = "a", .interval = "-1s" },
		{ .cmd = "a", .timeout = "0s" }, { .cmd = "a", .start_period = "-1s" },
		{ .cmd = "a", .retries = &zero }, { .cmd = "a", .retries = &huge },
		{ .cmd = "a", .on_failure = "explode" }, { .on_failure = "kill" },
		{ .startup_cmd = "a" }, { .startup_cmd = "a", .none = true },
		{ .cmd = "a", .log_destination = "/no/such/dir" },
		{ .cmd = "a", .log_destination = "/dev/null" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctr_healthcheck h = { .retries = 0 };
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_healthcheck_apply(&h, &cases[i], &e) < 0 && e.text[0], "case %zu", i);
		ctr_healthcheck_done(&h);
	}
}

TEST(options_change_what_the_image_says_and_no_more)
{
	struct ctr_healthcheck h = { .retries = 0 };
	struct ctr_healthcheck_options o = { .interval = "disable", .timeout = "300ms" };
	auto_json json_t *j = json_loads("{\"Test\":[\"CMD\",\"a\"],\"Interval\":1000,\"StartPeriod\":-5,"
					 "\"Retries\":99999999999}", 0, NULL);

	CHECK_INT(ctr_healthcheck_read(j, &h, NULL), 0);
	CHECK(h.interval_ns == 1000 && h.timeout_ns == 30000000000 && !h.start_period_ns && h.retries == 3);
	CHECK_INT(ctr_healthcheck_apply(&h, &o, NULL), 0);
	check_test(&h.test, "CMD|a");
	CHECK(h.interval_ns == 0 && h.timeout_ns == 300000000);
	o = (struct ctr_healthcheck_options){ .none = true };
	CHECK_INT(ctr_healthcheck_apply(&h, &o, NULL), 0);
	check_test(&h.test, "NONE");
	CHECK(!ctr_healthcheck_defined(&h) && !h.timeout_ns);
	ctr_healthcheck_done(&h);
}

TEST(a_wrong_healthcheck_of_an_image_is_an_error)
{
	static const char *const cases[] = {
		"{\"Test\":\"x\"}", "{\"Test\":[1]}", "{\"Interval\":\"x\"}", "{\"Retries\":1.5}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctr_healthcheck h = { .retries = 0 };
		auto_json json_t *j = json_loads(cases[i], 0, NULL);

		CHECK_MSG(ctr_healthcheck_read(j, &h, NULL) < 0, "%s", cases[i]);
		ctr_healthcheck_done(&h);
	}
}
