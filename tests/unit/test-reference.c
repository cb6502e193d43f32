/* References, short names and platforms. */
#include "test.h"

#include <jansson.h>

#include "json.h"
#include "platform.h"
#include "reference.h"
#include "shortname.h"
#include "str.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(accepted)
{
	static const struct {
		const char *text, *domain, *path, *tag, *digest;
	} table[] = {
		{ "alpine", "", "alpine", "", "" },
		{ "alpine:3.19", "", "alpine", "3.19", "" },
		{ "foo/bar", "", "foo/bar", "", "" },
		{ "docker.io/alpine", "docker.io", "library/alpine", "", "" },
		{ "index.docker.io/alpine", "docker.io", "library/alpine", "", "" },
		{ "docker.io/a/b", "docker.io", "a/b", "", "" },
		{ "localhost/x", "localhost", "x", "", "" },
		{ "localhost:5000/x/y:z", "localhost:5000", "x/y", "z", "" },
		{ "localhost:5000", "", "localhost", "5000", "" },
		{ "[::1]:5000/a", "[::1]:5000", "a", "", "" },
		{ "Quay.IO/a", "Quay.IO", "a", "", "" },
		{ "a@sha256:" HEX, "", "a", "", HEX },
		{ "q.io/a:t@sha256:" HEX, "q.io", "a", "t", HEX },
		{ "a__b/c--d/e.f_g", "", "a__b/c--d/e.f_g", "", "" },
		{ "a:_.-", "", "a", "_.-", "" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct ctr_reference r;
		struct err e = ERR_INIT;

		CHECK_OK(ctr_reference_parse(table[i].text, &r, &e), e);
		CHECK_STR(r.domain, table[i].domain);
		CHECK_STR(r.path, table[i].path);
		CHECK_STR(r.tag, table[i].tag);
		CHECK_STR(r.digest.hex, table[i].digest);
	}
}

TEST(refused)
{
	static const char *const table[] = {
		"", ":", "a:", "a:.x", "a:-x", "a b", "a\nb", "a\x1b", "-a", "a-", "a_", ".a", "a..b", "a___b",
		"a/", "/a", "a//b", "a/../b", "../a", "./a", "host:/x", "host:123456/x", "-h.io/x", "h-.io/x",
		"h..io/x", "http://x/y", "docker://x", "a:b:c", "a@", "a@x", "a@sha256:", "a@sha256:abc",
		"a@sha512:" HEX, "a@sha256:" HEX "0", "a@SHA256:" HEX, "a@sha256:" HEX "/../x",
		"a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", HEX,
		"a@sha256:" HEX "@sha256:" HEX, "\xc3\xa9", "a/b.", "[::1/x", "[]/x",
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct ctr_reference r;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_reference_parse(table[i], &r, &e) < 0, "accepted: %s", table[i]);
		CHECK_INT(e.kind, ERR_INVALID);
		CHECK_CONTAINS(e.text, "invalid reference format");
	}
}

TEST(upper_case_says_so)
{
	static const char *const table[] = { "Foo", "foo/Bar", "q.io/Foo", "docker.io/Library/x" };

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct ctr_reference r;
		struct err e = ERR_INIT;

		CHECK_ERR(ctr_reference_parse(table[i], &r, &e), e, ERR_INVALID);
		CHECK_CONTAINS(e.text, "must be lowercase");
	}
}

TEST(lengths)
{
	char path[300], text[400];
	struct ctr_reference r;

	memset(path, 'a', sizeof(path));
	path[255] = '\0';
	CHECK_INT(ctr_reference_parse(path, &r, NULL), 0);
	(void)snprintf(text, sizeof(text), "docker.io/%s", path); /* library/ makes it too long */
	CHECK(ctr_reference_parse(text, &r, NULL) < 0);
	path[255] = 'a';
	path[256] = '\0';
	CHECK(ctr_reference_parse(path, &r, NULL) < 0);
	path[128] = '\0';
	(void)snprintf(text, sizeof(text), "a:%s", path);
	CHECK_INT(ctr_reference_parse(text, &r, NULL), 0);
	path[128] = 'a';
	path[129] = '\0';
	(void)snprintf(text, sizeof(text), "a:%s", path);
	CHECK(ctr_reference_parse(text, &r, NULL) < 0);
}

TEST(qualify_and_print)
{
	struct ctr_reference r, q;
	char buf[REF_STR_MAX];

	CHECK_INT(ctr_reference_parse("x:1", &r, NULL), 0);
	CHECK_INT(ctr_reference_qualify(&r, "example.com:5000/team", &q, NULL), 0);
	CHECK_STR(ctr_reference_str(&q, buf), "example.com:5000/team/x:1");
	CHECK_INT(ctr_reference_qualify(&r, "docker.io", &q, NULL), 0);
	CHECK_STR(ctr_reference_str(&q, buf), "docker.io/library/x:1");
	CHECK_STR(ctr_reference_name(&q, buf), "docker.io/library/x");
	CHECK_STR(ctr_reference_base(&q), "x");
	CHECK_INT(ctr_reference_parse("x@sha256:" HEX, &r, NULL), 0);
	ctr_reference_default_tag(&r);
	CHECK_STR(ctr_reference_str(&r, buf), "x@sha256:" HEX);
	CHECK_INT(ctr_reference_parse("x", &r, NULL), 0);
	ctr_reference_default_tag(&r);
	CHECK_STR(ctr_reference_str(&r, buf), "x:latest");
}

/* Short names */

static const char *joined(const struct ctr_candidates *c)
{
	static char out[4096];
	char buf[REF_STR_MAX];

	out[0] = '\0';
	for (size_t i = 0; i < c->n; i++)
		(void)snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", i ? " " : "",
			       ctr_reference_str(&c->items[i], buf));
	return out;
}

static void make_conf(struct registries_conf *c)
{
	test_write("r.conf", "unqualified-search-registries = ['q.io', 'docker.io/']\n"
		   "[aliases]\nal = 'h.io/x/al'\nbad = 'al'\ntagged = 'h.io/x:1'\n");
	CHECK(setenv("CONTAINERS_REGISTRIES_CONF", "r.conf", 1) == 0);
	CHECK(setenv("HOME", test_tmpdir(), 1) == 0);
	CHECK(unsetenv("XDG_CACHE_HOME") == 0);
	CHECK_INT(registries_conf_load(c, NULL), 0);
}

TEST(short_names)
{
	struct registries_conf c = REGISTRIES_CONF_INIT;
	struct ctr_candidates got = CTR_CANDIDATES_INIT;
	struct ctr_reference r;
	struct err e = ERR_INIT;

	make_conf(&c);
	CHECK_INT(ctr_reference_parse("foo:1", &r, NULL), 0);
	CHECK_INT(ctr_shortname_local(&c, &r, &got, NULL), 0);
	CHECK_STR(joined(&got), "localhost/foo:1 q.io/foo:1 docker.io/library/foo:1 docker.io/library/foo:1");
	ctr_candidates_done(&got);
	CHECK_INT(ctr_shortname_pull(&c, &r, false, &got, NULL), 0);
	CHECK_STR(joined(&got), "q.io/foo:1 docker.io/library/foo:1");
	ctr_candidates_done(&got);

	CHECK_INT(ctr_reference_parse("al@sha256:" HEX, &r, NULL), 0);
	CHECK_INT(ctr_shortname_pull(&c, &r, false, &got, NULL), 0);
	CHECK_STR(joined(&got), "h.io/x/al@sha256:" HEX);
	CHECK_STR(got.alias_origin, "r.conf");
	ctr_candidates_done(&got);

	CHECK_INT(ctr_reference_parse("bad", &r, NULL), 0);
	CHECK_ERR(ctr_shortname_pull(&c, &r, false, &got, &e), e, ERR_CORRUPT);
	CHECK_INT(ctr_reference_parse("tagged", &r, NULL), 0);
	CHECK_ERR(ctr_shortname_pull(&c, &r, false, &got, &e), e, ERR_CORRUPT);

	c.mode = SHORT_NAME_ENFORCING;
	CHECK_INT(ctr_reference_parse("foo", &r, NULL), 0);
	CHECK_ERR(ctr_shortname_pull(&c, &r, false, &got, &e), e, ERR_DENIED);
	CHECK_INT(ctr_shortname_pull(&c, &r, true, &got, NULL), 0);
	ctr_candidates_done(&got);
	strv_done(&c.search);
	CHECK_ERR(ctr_shortname_pull(&c, &r, false, &got, &e), e, ERR_NOT_FOUND);
	CHECK_CONTAINS(e.text, "r.conf");
	registries_conf_done(&c);
}

/* Platforms */

TEST(platform_parse)
{
	static const struct {
		const char *text, *os, *arch, *variant;
	} table[] = {
		{ "linux/arm64", "linux", "arm64", "" },   { "linux/arm/v7", "linux", "arm", "v7" },
		{ "linux/x86_64", "linux", "amd64", "" },  { "linux/armhf", "linux", "arm", "v7" },
		{ "s390x", "linux", "s390x", "" },	   { "windows/amd64", "windows", "amd64", "" },
	};
	struct ctr_platform p;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CHECK_INT(ctr_platform_parse(table[i].text, &p, NULL), 0);
		CHECK_STR(p.os, table[i].os);
		CHECK_STR(p.arch, table[i].arch);
		CHECK_STR(p.variant, table[i].variant);
	}
	CHECK(ctr_platform_parse("", &p, NULL) < 0);
	CHECK(ctr_platform_parse("a/b/c/d", &p, NULL) < 0);
	CHECK(ctr_platform_parse("linux//v7", &p, NULL) < 0);
	CHECK(ctr_platform_parse("linux/a\nb", &p, NULL) < 0);
}

static const char *chosen(const char *platform, const char *index)
{
	static char name[64];
	auto_json json_t *j = json_loads(index, 0, NULL);
	struct ctr_platform p;
	const json_t *d = NULL;

	CHECK(j);
	CHECK_INT(ctr_platform_parse(platform, &p, NULL), 0);
	if (ctr_platform_choose(j, &p, &d, NULL) < 0)
		return "none";
	(void)snprintf(name, sizeof(name), "%s", json_string_value(json_object_get(d, "digest")));
	return name;
}

#define ENTRY(name, arch, variant) \
	"{\"digest\":\"" name "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\"" variant "}}"

TEST(platform_choose)
{
	static const char many[] = "{\"manifests\":[" ENTRY("a", "amd64", "") ","
		ENTRY("v5", "arm", ",\"variant\":\"v5\"") "," ENTRY("v7", "arm", ",\"variant\":\"v7\"") ","
		ENTRY("v6", "arm", ",\"variant\":\"v6\"") "," ENTRY("v8", "arm64", ",\"variant\":\"v8\"") ","
		ENTRY("att", "unknown", "") "]}";

	CHECK_STR(chosen("linux/amd64", many), "a");
	CHECK_STR(chosen("linux/arm/v7", many), "v7");
	CHECK_STR(chosen("linux/arm/v8", many), "v7");
	CHECK_STR(chosen("linux/arm/v6", many), "v6");
	CHECK_STR(chosen("linux/arm", many), "v7");
	CHECK_STR(chosen("linux/arm64", many), "v8");
	CHECK_STR(chosen("linux/amd64/v3", many), "a");
	CHECK_STR(chosen("linux/s390x", many), "none");
	CHECK_STR(chosen("windows/amd64", many), "none");
	CHECK_STR(chosen("linux/amd64", "{\"manifests\":[{\"digest\":\"only\"}]}"), "only");
	CHECK_STR(chosen("linux/amd64", "{\"manifests\":[{\"digest\":\"x\"},{\"digest\":\"y\"}]}"), "none");
	CHECK_STR(chosen("linux/amd64", "{\"manifests\":{}}"), "none");
	CHECK_STR(chosen("linux/amd64", "{\"manifests\":[1,null,{\"platform\":[]}]}"), "none");
}
