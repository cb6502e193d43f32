/* JSON rows: what a table accepts, what it refuses, and where it says the fault is. */
#include "test.h"

#include <stddef.h>

#include "json.h"

struct thing {
	const char *name;
	uint64_t size;
	uint32_t id;
	int64_t when;
	bool on;
	const json_t *sub, *list, *any;
};

static const struct json_field thing_fields[] = {
	{ "name", JSON_KIND_STR, offsetof(struct thing, name), JSON_REQUIRED, 8 },
	{ "size", JSON_KIND_U64, offsetof(struct thing, size), 0, 1000 },
	{ "id", JSON_KIND_U32, offsetof(struct thing, id), 0, 0 },
	{ "when", JSON_KIND_I64, offsetof(struct thing, when), 0, 0 },
	{ "on", JSON_KIND_BOOL, offsetof(struct thing, on), 0, 0 },
	{ "sub", JSON_KIND_OBJECT, offsetof(struct thing, sub), 0, 0 },
	{ "list", JSON_KIND_ARRAY, offsetof(struct thing, list), 0, 2 },
	{ "any", JSON_KIND_ANY, offsetof(struct thing, any), 0, 0 },
	{ 0 },
};

static int read_thing(const char *text, unsigned int flags, json_t **ret_doc, struct thing *t,
		      struct err *e)
{
	CHECK_OK(json_parse(text, strlen(text), 10000, "test", ret_doc, e), *e);
	return json_read(*ret_doc, thing_fields, t, flags, "$", e);
}

TEST(a_whole_document)
{
	struct err e = ERR_INIT;
	struct thing t = { 0 };
	auto_json json_t *doc = NULL;

	CHECK_OK(read_thing("{\"name\":\"n\",\"size\":1000,\"id\":4294967295,\"when\":-5,\"on\":true,"
			    "\"sub\":{},\"list\":[1,2],\"any\":3}", 0, &doc, &t, &e), e);
	CHECK_STR(t.name, "n");
	CHECK_UINT(t.size, 1000);
	CHECK_UINT(t.id, UINT32_MAX);
	CHECK_INT(t.when, -5);
	CHECK(t.on);
	CHECK(json_is_object(t.sub) && json_array_size(t.list) == 2 && json_integer_value(t.any) == 3);
}

TEST(absent_and_null_leave_the_member_alone)
{
	struct err e = ERR_INIT;
	struct thing t = { .size = 5, .on = true };
	auto_json json_t *doc = NULL;

	CHECK_OK(read_thing("{\"name\":\"n\",\"size\":null}", 0, &doc, &t, &e), e);
	CHECK_UINT(t.size, 5);
	CHECK(t.on);
}

TEST(refusals_name_the_place)
{
	static const struct {
		const char *text;
		enum err_kind kind;
		const char *says;
	} rows[] = {
		{ "{}", ERR_CORRUPT, "$.name: missing" },
		{ "{\"name\":null}", ERR_CORRUPT, "$.name: missing" },
		{ "{\"name\":1}", ERR_CORRUPT, "$.name: expected a string" },
		{ "{\"name\":\"123456789\"}", ERR_LIMIT, "$.name: longer than 8" },
		{ "{\"name\":\"n\",\"size\":1001}", ERR_CORRUPT, "$.size: expected 0..1000" },
		{ "{\"name\":\"n\",\"size\":-1}", ERR_CORRUPT, "$.size: expected 0..1000" },
		{ "{\"name\":\"n\",\"size\":1.5}", ERR_CORRUPT, "$.size" },
		{ "{\"name\":\"n\",\"size\":\"1\"}", ERR_CORRUPT, "$.size" },
		{ "{\"name\":\"n\",\"id\":4294967296}", ERR_CORRUPT, "$.id: expected 0..4294967295" },
		{ "{\"name\":\"n\",\"on\":1}", ERR_CORRUPT, "$.on: expected true or false" },
		{ "{\"name\":\"n\",\"sub\":[]}", ERR_CORRUPT, "$.sub: expected an object" },
		{ "{\"name\":\"n\",\"list\":{}}", ERR_CORRUPT, "$.list: expected an array" },
		{ "{\"name\":\"n\",\"list\":[1,2,3]}", ERR_LIMIT, "$.list: more than 2" },
		{ "{\"name\":\"n\",\"other\":1}", ERR_CORRUPT, "unknown member other" },
		{ "[]", ERR_CORRUPT, "$: expected an object" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		struct thing t = { 0 };
		auto_json json_t *doc = NULL;

		CHECK_ERR(read_thing(rows[i].text, 0, &doc, &t, &e), e, rows[i].kind);
		CHECK_CONTAINS(e.text, rows[i].says);
	}
}

TEST(wire_documents_may_know_more)
{
	struct err e = ERR_INIT;
	struct thing t = { 0 };
	auto_json json_t *doc = NULL;

	CHECK_OK(read_thing("{\"name\":\"n\",\"other\":1}", JSON_ALLOW_UNKNOWN, &doc, &t, &e), e);
}

static enum err_kind parse_kind(const char *text, size_t len, size_t max)
{
	struct err e = ERR_INIT;
	auto_json json_t *doc = NULL;

	return json_parse(text, len, max, "test", &doc, &e) < 0 ? e.kind : ERR_NONE;
}

TEST(parsing_is_strict)
{
	static const char *const bad[] = {
		"", "{", "{}x", "{\"a\":1,\"a\":2}", "{\"a\":01}", "{'a':1}", "{\"a\":1,}",
		"{\"a\":\"\xff\"}", "nul", "{\"a\":\"x\\u0000y\"}",
		"{\"a\":99999999999999999999}", "\"text\"trailing",
	};
	char deep[9000];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(parse_kind(bad[i], strlen(bad[i]), 1000) == ERR_CORRUPT, "%s", bad[i]);
	memset(deep, '[', sizeof(deep));
	CHECK_INT(parse_kind(deep, sizeof(deep), sizeof(deep)), ERR_CORRUPT);
	CHECK_INT(parse_kind("{}", 2, 1), ERR_LIMIT);
	CHECK_INT(parse_kind("{}", 2, 2), ERR_NONE);
}

TEST(files_of_ours)
{
	auto_close int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;
	auto_json json_t *doc = NULL;

	test_write("good", "{\"a\":1}");
	test_write("bad", "{\n\n\"a\"");
	CHECK_OK(json_parse_file(dir, "good", 100, &doc, &e), e);
	CHECK_INT(json_integer_value(json_object_get(doc, "a")), 1);
	CHECK_ERR(json_parse_file(dir, "bad", 100, &doc, &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "bad: line 3");
	CHECK_ERR(json_parse_file(dir, "absent", 100, &doc, &e), e, ERR_NOT_FOUND);
	CHECK(json_parse_file(dir, "good", 3, &doc, &e) < 0);
}

TEST(lists_of_strings)
{
	struct err e = ERR_INIT;
	auto_json json_t *doc = json_pack("[s,s]", "a", "b");
	auto_json json_t *mixed = json_pack("[s,i]", "a", 1);
	auto_json json_t *nul = json_pack("[s%]", "a\0b", (size_t)3);
	auto_json json_t *back = NULL;
	auto_strv struct strv v = STRV_INIT, w = STRV_INIT;

	CHECK_OK(json_read_strv(doc, &v, 2, "$.args", &e), e);
	CHECK_UINT(v.n, 2);
	CHECK_STR(v.items[1], "b");
	CHECK_ERR(json_read_strv(doc, &w, 1, "$.args", &e), e, ERR_LIMIT);
	CHECK_ERR(json_read_strv(mixed, &w, 9, "$.args", &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "$.args[1]");
	CHECK_ERR(json_read_strv(nul, &w, 9, "$.args", &e), e, ERR_CORRUPT);
	back = json_from_strv(&v);
	CHECK(json_equal(back, doc));
}
