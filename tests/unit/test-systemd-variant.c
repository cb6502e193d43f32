/* GVariant text of unit properties. */
#include "test.h"

#include "variant.h"

TEST(scalars)
{
	static const struct {
		const char *in;
		char type;
		int64_t i;
		uint64_t u;
	} rows[] = {
		{ "true", 'b', 1, 0 },		 { "false", 'b', 0, 0 },
		{ "5", 'i', 5, 0 },		 { "-5", 'i', -5, 0 },
		{ " 0x10 ", 'i', 16, 0 },	 { "uint64 18446744073709551615", 't', 0, UINT64_MAX },
		{ "uint32 7", 'u', 0, 7 },	 { "int64 -9", 'x', -9, 0 },
		{ "byte 0xff", 'y', 0, 255 },	 { "int16 -1", 'n', -1, 0 },
		{ "uint16 65535", 'q', 0, 65535 }, { "boolean true", 'b', 1, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct variant v;

		CHECK_INT(variant_parse(rows[i].in, &v), 0);
		CHECK_INT(v.type, rows[i].type);
		CHECK(!v.array && v.n == 1);
		CHECK_INT(v.items[0].i, rows[i].i);
		CHECK_UINT(v.items[0].u, rows[i].u);
		variant_done(&v);
	}
}

TEST(strings_and_arrays)
{
	struct variant v;

	CHECK_INT(variant_parse("'it\\'s'", &v), 0);
	CHECK_STR(v.items[0].s, "it's");
	variant_done(&v);
	CHECK_INT(variant_parse("\"x\"", &v), 0);
	CHECK_STR(v.items[0].s, "x");
	variant_done(&v);
	CHECK_INT(variant_parse("[ 'a', 'b' ]", &v), 0);
	CHECK(v.array && v.n == 2 && v.type == 's');
	CHECK_STR(v.items[1].s, "b");
	variant_done(&v);
	CHECK_INT(variant_parse("[byte 0x07, 0x01]", &v), 0);
	CHECK(v.array && v.n == 2 && v.type == 'y' && v.items[0].u == 7 && v.items[1].u == 1);
	variant_done(&v);
	CHECK_INT(variant_parse("@as []", &v), 0);
	CHECK(v.array && v.n == 0 && v.type == 's');
	variant_done(&v);
	CHECK_INT(variant_parse("1.5", &v), 0);
	CHECK(v.type == 'd' && v.items[0].d > 1.4 && v.items[0].d < 1.6);
	variant_done(&v);
}

TEST(refused)
{
	static const char *const rows[] = {
		"", " ", "x", "'", "'a", "'a\\", "[", "[1", "[1,", "[1 2]", "[]", "[1]x", "1 2", "uint64",
		"uint64 x", "uint64 -1", "uint64 18446744073709551616", "byte 256", "int32 2147483648",
		"truely", "uint32 'a'", "['a', 1]", "(1, 2)", "{'a': 1}", "@as ['a']", "nan", "double inf",
		"string 5",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct variant v;

		CHECK_MSG(variant_parse(rows[i], &v) < 0, "accepted: %s", rows[i]);
	}
}

TEST(seconds_are_microseconds)
{
	static const struct {
		const char *in;
		int r;
		uint64_t want;
	} rows[] = {
		{ "uint64 7", 0, 7000000 },	{ "1.5", 0, 1500000 },
		{ "0", 0, 0 },			{ "uint64 18446744073709551615", 0, UINT64_MAX },
		{ "-1", -ERANGE, 0 },		{ "'1s'", -EINVAL, 0 },
		{ "[1]", -EINVAL, 0 },		{ "true", -EINVAL, 0 },
		{ "uint64 18446744073709551614", -ERANGE, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct variant v;

		CHECK_INT(variant_parse(rows[i].in, &v), 0);
		CHECK_INT(variant_sec_to_usec(&v), rows[i].r);
		if (rows[i].r == 0)
			CHECK(v.type == 't' && v.items[0].u == rows[i].want);
		variant_done(&v);
	}
}
