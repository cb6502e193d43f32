/* The scanner for our own JSON: what it reads, and what it leaves to the full parser. */
#include "test.h"

#include "jscan.h"

struct seen {
	char *text;
	struct strv list;
	int64_t number;
	bool on;
};

static bool scan(const char *text, struct seen *ret)
{
	struct jscan s = jscan_begin(text, strlen(text));
	const char *name = NULL;
	size_t len = 0;

	while (jscan_member(&s, &name, &len)) {
		if (len != 1)
			return false;
		if (*name == 't')
			(void)jscan_str(&s, &ret->text);
		else if (*name == 'l')
			(void)jscan_strv(&s, &ret->list, 3);
		else if (*name == 'n')
			(void)jscan_int(&s, &ret->number);
		else
			(void)jscan_bool(&s, &ret->on);
	}
	return jscan_end(&s);
}

static bool refused(const char *text)
{
	struct seen v = { 0 };
	bool ok = scan(text, &v);

	free(v.text);
	strv_done(&v.list);
	return !ok;
}

TEST(what_we_write_is_read)
{
	struct seen v = { 0 };

	CHECK(scan("{\"t\":\"a \\\"b\\\"\\n\\\\\xc3\xbc\",\"l\":[\"x\",\"\"],"
		   "\"n\":-9223372036854775807,\"b\":true}\n", &v));
	CHECK_STR(v.text, "a \"b\"\n\\\xc3\xbc");
	CHECK_UINT(v.list.n, 2);
	CHECK_STR(v.list.items[1], "");
	CHECK_INT(v.number, -INT64_MAX);
	CHECK(v.on);
	free(v.text);
	strv_done(&v.list);
	CHECK(scan("{}", &v));
	CHECK(scan("{\"l\":[]}   \n", &v));
}

TEST(numbers_end_where_they_should)
{
	struct seen v = { 0 };

	CHECK(scan("{\"n\":9223372036854775807}", &v));
	CHECK_INT(v.number, INT64_MAX);
	CHECK(scan("{\"n\":0}", &v));
	CHECK_INT(v.number, 0);
	CHECK(refused("{\"n\":9223372036854775808}"));
	CHECK(refused("{\"n\":01}"));
	CHECK(refused("{\"n\":-0}"));
	CHECK(refused("{\"n\":-}"));
	CHECK(refused("{\"n\":1.0}"));
	CHECK(refused("{\"n\":1e3}"));
	CHECK(refused("{\"n\":1"));
	CHECK(refused("{\"n\":}"));
}

TEST(strings_are_valid_utf8_without_controls)
{
	CHECK(refused("{\"t\":\"a\nb\"}"));
	CHECK(refused("{\"t\":\"\\u0041\"}"));
	CHECK(refused("{\"t\":\"\\x\"}"));
	CHECK(refused("{\"t\":\"\x80\"}"));
	CHECK(refused("{\"t\":\"\xc0\x80\"}"));
	CHECK(refused("{\"t\":\"\xed\xa0\x80\"}"));
	CHECK(refused("{\"t\":\"\xf4\x90\x80\x80\"}"));
	CHECK(refused("{\"t\":\"\xe2\x82\"}"));
	CHECK(refused("{\"t\":\"open"));
	CHECK(refused("{\"t\":\"open\\"));
	CHECK(!refused("{\"t\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}"));
}

TEST(other_shapes_are_left_to_the_parser)
{
	CHECK(refused(""));
	CHECK(refused("[]"));
	CHECK(refused("{"));
	CHECK(refused("{ \"n\":1}"));
	CHECK(refused("{\"n\": 1}"));
	CHECK(refused("{\"n\":1,}"));
	CHECK(refused("{,\"n\":1}"));
	CHECK(refused("{\"n\":1}}"));
	CHECK(refused("{\"n\":1}x"));
	CHECK(refused("{\"l\":[\"a\",]}"));
	CHECK(refused("{\"l\":[1]}"));
	CHECK(refused("{\"l\":[\"a\"\"b\"]}"));
	CHECK(refused("{\"l\":[\"1\",\"2\",\"3\",\"4\"]}"));
	CHECK(refused("{\"b\":null}"));
	CHECK(refused("{\"b\":tru}"));
	CHECK(refused("{\"t\":{}}"));
	CHECK(refused("{\"\\n\":1}"));
}
