/* Strings: strict numbers, buffers, lists, quoting for terminals. */
#include "test.h"

#include "str.h"

TEST(numbers_are_strict)
{
	static const struct {
		const char *s;
		uint64_t max;
		int r;
		uint64_t v;
	} rows[] = {
		{ "0", 10, 0, 0 }, { "10", 10, 0, 10 }, { "007", 10, 0, 7 },
		{ "11", 10, -ERANGE, 0 }, { "", 10, -EINVAL, 0 }, { "-1", 10, -EINVAL, 0 },
		{ "+1", 10, -EINVAL, 0 }, { " 1", 10, -EINVAL, 0 }, { "1 ", 10, -EINVAL, 0 },
		{ "0x1", 10, -EINVAL, 0 }, { "1e1", 10, -EINVAL, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v = 77;

		CHECK_INT(str_u64(rows[i].s, rows[i].max, &v), rows[i].r);
		CHECK_UINT(v, rows[i].r == 0 ? rows[i].v : 77);
	}
}

TEST(ids_never_wrap)
{
	static const char *const bad[] = { "4294967296", "-1", "4294967295000", "0x0", "1000:" };
	uint32_t v = 77;

	CHECK_INT(str_u32("4294967295", UINT32_MAX, &v), 0);
	CHECK_UINT(v, UINT32_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v = 77;
		CHECK(str_u32(bad[i], UINT32_MAX, &v) < 0);
		CHECK_UINT(v, 77);
	}
}

TEST(signed_numbers)
{
	int64_t v = 0;

	CHECK_INT(str_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v), 0);
	CHECK(v == INT64_MIN);
	CHECK_INT(str_i64("9223372036854775807", INT64_MIN, INT64_MAX, &v), 0);
	CHECK(v == INT64_MAX);
	CHECK_INT(str_i64("9223372036854775808", INT64_MIN, INT64_MAX, &v), -ERANGE);
	CHECK_INT(str_i64("-1000", -1000, 1000, &v), 0);
	CHECK_INT(v, -1000);
	CHECK_INT(str_i64("-1001", -1000, 1000, &v), -ERANGE);
	CHECK_INT(str_i64("+5", -10, 10, &v), 0);
	CHECK_INT(str_i64("--5", -10, 10, &v), -EINVAL);
	CHECK_INT(str_i64("-", -10, 10, &v), -EINVAL);
}

TEST(sizes)
{
	static const struct {
		const char *s;
		int r;
		uint64_t v;
	} rows[] = {
		{ "0", 0, 0 }, { "1024", 0, 1024 }, { "1b", 0, 1 }, { "1k", 0, 1024 },
		{ "1K", 0, 1024 }, { "2kb", 0, 2048 }, { "2KiB", 0, 2048 }, { "3m", 0, 3 << 20 },
		{ "1g", 0, 1 << 30 }, { "1t", 0, 1ull << 40 }, { "", -EINVAL, 0 },
		{ "k", -EINVAL, 0 }, { "-1k", -EINVAL, 0 }, { "1x", -EINVAL, 0 },
		{ "1kk", -EINVAL, 0 }, { "1 k", -EINVAL, 0 }, { "99999999999999p", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 }, { "1.5g", 0, 3ull << 29 },
		{ "0.25k", 0, 256 }, { "1.9", 0, 1 }, { "1.00009m", 0, 1 << 20 },
		{ "16383.5p", 0, 32767ull << 49 }, { "16384.5p", -ERANGE, 0 },
		{ "1.", -EINVAL, 0 }, { ".5g", -EINVAL, 0 }, { "1.5.5", -EINVAL, 0 },
		{ "1.g", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v = 77;

		CHECK_MSG(str_size(rows[i].s, &v) == rows[i].r, "%s", rows[i].s);
		CHECK_UINT(v, rows[i].r == 0 ? rows[i].v : 77);
	}
}

TEST(durations)
{
	static const struct {
		const char *s;
		int r;
		int64_t v;
	} rows[] = {
		{ "0", 0, 0 }, { "1s", 0, 1000000000 }, { "300ms", 0, 300000000 },
		{ "1m30s", 0, 90000000000 }, { "1.5h", 0, 5400000000000 }, { "-2s", 0, -2000000000 },
		{ "7ns", 0, 7 }, { "", -EINVAL, 0 }, { "5", -EINVAL, 0 }, { "s", -EINVAL, 0 },
		{ "1y", -EINVAL, 0 }, { "1e3s", -EINVAL, 0 }, { "0x1s", -EINVAL, 0 },
		{ "infs", -EINVAL, 0 }, { "1 s", -EINVAL, 0 }, { "999999999999h", -ERANGE, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t v = 77;

		CHECK_MSG(str_duration(rows[i].s, &v) == rows[i].r, "%s", rows[i].s);
		CHECK_INT(v, rows[i].r == 0 ? rows[i].v : 77);
	}
}

TEST(buffers_grow)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (int i = 0; i < 1000; i++)
		strbuf_addf(&b, "%d,", i);
	CHECK(!b.failed);
	CHECK_UINT(b.len, 3890);
	CHECK_UINT(strlen(b.data), b.len);
	strbuf_addn(&b, "a\0b", 3);
	CHECK_UINT(b.len, 3893);
}

TEST(an_empty_buffer_gives_an_empty_string)
{
	struct strbuf b = STRBUF_INIT;
	auto_free char *s = strbuf_take(&b);

	CHECK_STR(s, "");
}

TEST(a_failed_buffer_stays_failed)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_add(&b, "x");
	strbuf_addn(&b, "", SIZE_MAX - 8);
	CHECK(b.failed);
	strbuf_add(&b, "y");
	CHECK(strbuf_take(&b) == NULL);
}

TEST(splitting_keeps_empty_parts)
{
	auto_strv struct strv v = STRV_INIT;

	CHECK_INT(strv_split(&v, ",a,,b,", ','), 0);
	CHECK_UINT(v.n, 5);
	CHECK_STR(v.items[0], "");
	CHECK_STR(v.items[1], "a");
	CHECK_STR(v.items[2], "");
	CHECK_STR(v.items[3], "b");
	CHECK_STR(v.items[4], "");
	CHECK(v.items[5] == NULL);
	CHECK(strv_has(&v, "b"));
	CHECK(!strv_has(&v, "c"));
}

TEST(argv_of_an_empty_list)
{
	struct strv v = STRV_INIT;

	CHECK(strv_argv(&v) != NULL && strv_argv(&v)[0] == NULL);
}

TEST(environment_lists)
{
	auto_strv struct strv v = STRV_INIT;

	CHECK_INT(strv_env_set(&v, "A", "1"), 0);
	CHECK_INT(strv_env_set(&v, "AB", "2"), 0);
	CHECK_INT(strv_env_set(&v, "A", "3=4"), 0);
	CHECK_UINT(v.n, 2);
	CHECK_STR(strv_env_get(&v, "A"), "3=4");
	CHECK_STR(strv_env_get(&v, "AB"), "2");
	CHECK_STR(strv_env_get(&v, "B"), NULL);
}

TEST(quoting_hides_what_a_terminal_acts_on)
{
	static const char *const rows[][2] = {
		{ "plain", "\"plain\"" }, { "", "\"\"" }, { "a\"b\\", "\"a\\\"b\\\\\"" },
		{ "\033[2J", "\"\\x1b[2J\"" }, { "a\nb", "\"a\\x0ab\"" }, { "\177", "\"\\x7f\"" },
		{ "\xc2\x9b" "2J", "\"\\xc2\\x9b2J\"" },	/* C1 CSI as UTF-8 */
		{ "\x9b" "2J", "\"\\x9b2J\"" },			/* and as a stray byte */
		{ "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
		{ "\xc3", "\"\\xc3\"" }, { "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_free char *got = str_quote(rows[i][0]);

		CHECK_STR(got, rows[i][1]);
	}
}

TEST(quoting_cuts_long_names)
{
	char big[5000];
	auto_free char *got = NULL;

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	got = str_quote(big);
	CHECK(strlen(got) < 220);
	CHECK(str_ends(got, "...\""));
}

TEST(printable_does_not_cut)
{
	char big[5000];
	auto_free char *got = NULL;

	memset(big, '\a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	got = str_printable(big);
	CHECK_UINT(strlen(got), 4 * (sizeof(big) - 1));
}

TEST(hex)
{
	char out[9], other[65], again[65];

	str_hex("\x00\xff\x1a\x09", 4, out);
	CHECK_STR(out, "00ff1a09");
	CHECK_INT(str_random_hex(32, other), 0);
	CHECK_INT(str_random_hex(32, again), 0);
	CHECK_UINT(strlen(other), 64);
	CHECK(strcmp(other, again) != 0);
	CHECK_UINT(strspn(other, "0123456789abcdef"), 64);
}

TEST(prefixes_and_suffixes)
{
	CHECK(str_ends("a.json", ".json"));
	CHECK(!str_ends("json", ".json"));
	CHECK_STR(str_after("docker://x", "docker://"), "x");
	CHECK_STR(str_after("docker:/x", "docker://"), NULL);
}
