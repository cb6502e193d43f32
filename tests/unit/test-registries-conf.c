/* registries.conf: which files, what they say, and where a reference is fetched from. */
#include "test.h"

#include "conf-file.h"
#include "json.h"
#include "registries-conf.h"
#include "str.h"

static struct registries_conf conf = REGISTRIES_CONF_INIT;

static int load(const char *text, struct err *e)
{
	test_write("r.conf", text);
	CHECK(setenv("CONTAINERS_REGISTRIES_CONF", "r.conf", 1) == 0);
	CHECK(setenv("HOME", test_tmpdir(), 1) == 0);
	CHECK(unsetenv("XDG_CACHE_HOME") == 0);
	registries_conf_done(&conf);
	return registries_conf_load(&conf, e);
}

static void loads(const char *text)
{
	struct err e = ERR_INIT;

	CHECK_OK(load(text, &e), e);
}

/* "ref[!][*] ...": ! insecure, * mirror; or "blocked". */
static const char *sources(const char *ref, bool digested)
{
	static char out[4096];
	struct pull_sources s = PULL_SOURCES_INIT;
	struct err e = ERR_INIT;

	out[0] = '\0';
	if (registries_conf_sources(&conf, ref, digested, &s, &e) < 0)
		return e.kind == ERR_DENIED ? "blocked" : "failed";
	for (size_t i = 0; i < s.n; i++)
		(void)snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s%s%s", i ? " " : "",
			       s.items[i].ref, s.items[i].insecure ? "!" : "", s.items[i].mirror ? "*" : "");
	pull_sources_done(&s);
	return out;
}

TEST(longest_prefix_and_rewriting)
{
	loads("[[registry]]\nprefix='a.io'\nlocation='b.io/all'\n"
	      "[[registry]]\nprefix='a.io/x/'\nlocation='c.io'\ninsecure=true\n"
	      "[[registry]]\nprefix='a.io/x/bad'\nlocation='c.io/bad'\nblocked=true\n"
	      "[[registry]]\nlocation='plain.io:5000'\ninsecure=true\n");
	CHECK_STR(sources("a.io/y/i:1", false), "b.io/all/y/i:1");
	CHECK_STR(sources("a.io/x/i:1", false), "c.io/i:1!");
	CHECK_STR(sources("a.io/xy/i:1", false), "b.io/all/xy/i:1");
	CHECK_STR(sources("a.io/x/bad:1", false), "blocked");
	CHECK_STR(sources("a.io/x/bad/i:1", false), "blocked");
	CHECK_STR(sources("a.io/x/badly:1", false), "c.io/badly:1!");
	CHECK_STR(sources("a.ion/i:1", false), "a.ion/i:1");
	CHECK_STR(sources("plain.io:5000/i:1", false), "plain.io:5000/i:1!");
	CHECK_STR(sources("plain.io/i:1", false), "plain.io/i:1");
}

TEST(wildcards)
{
	loads("[[registry]]\nprefix='*.w.io'\ninsecure=true\n"
	      "[[registry]]\nprefix='*.blocked.io'\nblocked=true\n"
	      "[[registry]]\nprefix='*.to.io'\nlocation='from.io'\n");
	CHECK_STR(sources("a.w.io/i:1", false), "a.w.io/i:1!");
	CHECK_STR(sources("a.b.w.io/i:1", false), "a.b.w.io/i:1!");
	CHECK_STR(sources("a.w.io:50/i:1", false), "a.w.io:50/i:1!");
	CHECK_STR(sources("w.io/i:1", false), "w.io/i:1");
	CHECK_STR(sources("a.w.iox/i:1", false), "a.w.iox/i:1");
	CHECK_STR(sources("q.io/a.w.io/i:1", false), "q.io/a.w.io/i:1");
	CHECK_STR(sources("x.blocked.io/i:1", false), "blocked");
	CHECK_STR(sources("x.to.io/i:1", false), "from.io/i:1");
}

TEST(mirrors)
{
	loads("[[registry]]\nlocation='a.io'\n"
	      "[[registry.mirror]]\nlocation='m1.io/a'\n"
	      "[[registry.mirror]]\nlocation='m2.io'\ninsecure=true\npull-from-mirror='digest-only'\n"
	      "[[registry.mirror]]\nlocation='m3.io'\npull-from-mirror='tag-only'\n"
	      "[[registry]]\nlocation='d.io'\nmirror-by-digest-only=true\n"
	      "[[registry.mirror]]\nlocation='m4.io'\n");
	CHECK_STR(sources("a.io/i:1", false), "m1.io/a/i:1* m3.io/i:1* a.io/i:1");
	CHECK_STR(sources("a.io/i@sha256:0", true), "m1.io/a/i@sha256:0* m2.io/i@sha256:0!* a.io/i@sha256:0");
	CHECK_STR(sources("d.io/i:1", false), "d.io/i:1");
	CHECK_STR(sources("d.io/i@sha256:0", true), "m4.io/i@sha256:0* d.io/i@sha256:0");
}

TEST(refused)
{
	static const struct {
		const char *text, *part;
		enum err_kind kind;
	} table[] = {
		{ "[registries.search]\nregistries=['a.io']\n", "version 1", ERR_UNSUPPORTED },
		{ "[[registry]]\ninsecure=true\n", "neither prefix nor location", ERR_CORRUPT },
		{ "[[registry]]\nprefix='a.io'\n", "location is not set", ERR_CORRUPT },
		{ "[[registry]]\nlocation='https://a.io'\n", "scheme", ERR_CORRUPT },
		{ "[[registry]]\nprefix='*.a.io/x'\nlocation='b.io'\n", "wildcard", ERR_CORRUPT },
		{ "[[registry]]\nlocation='a'\npull-from-mirror='all'\n", "registry.mirror", ERR_CORRUPT },
		{ "[[registry]]\nlocation='a'\n[[registry.mirror]]\n", "no location", ERR_CORRUPT },
		{ "[[registry]]\nlocation='a'\n[[registry.mirror]]\nlocation='b'\npull-from-mirror='x'\n",
		  "must be all", ERR_CORRUPT },
		{ "[[registry]]\nlocation='a'\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation='b'\n"
		  "pull-from-mirror='all'\n", "mirror-by-digest-only", ERR_CORRUPT },
		{ "[[registry]]\nlocation='a'\n[[registry]]\nprefix='p'\nlocation='a'\ninsecure=true\n",
		  "insecure", ERR_CORRUPT },
		{ "short-name-mode='sometimes'\n", "short-name-mode", ERR_CORRUPT },
		{ "unqualified-search-registries=[1]\n", "unqualified-search-registries", ERR_CORRUPT },
		{ "unqualified-search-registries=['']\n", "empty", ERR_CORRUPT },
		{ "[[registry]]\nlocation='a'\ninsecure='yes'\n", "true or false", ERR_CORRUPT },
		{ "[aliases]\na=1\n", "aliases", ERR_CORRUPT },
		{ "x = \n", "line 1", ERR_CORRUPT },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct err e = ERR_INIT;

		CHECK_ERR(load(table[i].text, &e), e, table[i].kind);
		CHECK_CONTAINS(e.text, "r.conf");
		CHECK_CONTAINS(e.text, table[i].part);
	}
	loads("unknown = 1\n[[registry]]\nlocation='a'\nunknown=2\n"); /* as podman: not fatal */
}

TEST(drop_ins_and_the_users_files)
{
	auto_free char *dir = str_printf("%s/.config", test_tmpdir());

	test_mkdir(".config");
	test_mkdir(".config/containers");
	test_mkdir(".config/containers/registries.conf.d");
	CHECK(setenv("HOME", test_tmpdir(), 1) == 0);
	CHECK(unsetenv("CONTAINERS_REGISTRIES_CONF") == 0);
	CHECK(unsetenv("REGISTRIES_CONFIG_PATH") == 0);
	CHECK(setenv("XDG_CACHE_HOME", dir, 1) == 0);
	test_write(".config/containers/registries.conf", "unqualified-search-registries=['one.io']\n"
		   "[[registry]]\nlocation='a.io'\n[aliases]\nx='one.io/x'\ny='one.io/y'\n");
	test_write(".config/containers/registries.conf.d/20.conf",
		   "[[registry]]\nlocation='a.io'\ninsecure=true\n[aliases]\nx='two.io/x'\ny=''\n");
	test_write(".config/containers/registries.conf.d/10.conf",
		   "short-name-mode='disabled'\n[aliases]\nx='lost.io/x'\n");
	test_write(".config/containers/registries.conf.d/ignored", "not toml");
	CHECK_INT(registries_conf_load(&conf, NULL), 0);
	CHECK_STR(conf.search.items[0], "one.io");
	CHECK_INT(conf.mode, SHORT_NAME_DISABLED);
	CHECK_STR(sources("a.io/i:1", false), "a.io/i:1!");
	CHECK_STR(registries_conf_alias(&conf, "x")->value, "two.io/x");
	CHECK(!registries_conf_alias(&conf, "y"));
	CHECK(!registries_conf_alias(&conf, "z"));

	/* What the user chose once comes before the rest. */
	if (geteuid() == 0)
		test_skip("the rest would write to root's own alias file");
	CHECK_INT(registries_conf_record_alias("x", "three.io/x", NULL), 0);
	CHECK_INT(registries_conf_record_alias("w", "three.io/w", NULL), 0);
	registries_conf_done(&conf);
	CHECK_INT(registries_conf_load(&conf, NULL), 0);
	CHECK_STR(registries_conf_alias(&conf, "x")->value, "three.io/x");
	CHECK_STR(registries_conf_alias(&conf, "w")->value, "three.io/w");
}

static char *merged(const char *const *layers, size_t n)
{
	auto_json json_t *all = json_object();

	for (size_t i = 0; i < n; i++) {
		auto_json json_t *one = NULL;
		struct err e = ERR_INIT;

		test_write("m.conf", layers[i]);
		CHECK_INT(conf_load("m.conf", &one, &e), 1);
		CHECK_INT(conf_merge(all, one, true), 0);
	}
	conf_merge_finish(all);
	return json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
}

TEST(merging)
{
	static const char *const plain[] = { "[a]\nx=1\nl=[1]\n[b]\ny=1\n", "[a]\nx=2\nl=[2]\n[c]\nz=1\n" };
	static const char *const append[] = { "l=['a']\n", "l=['b',{append=true}]\n", "l=['c']\n",
					      "l=['d',{append=false}]\n", "l=['e']\n" };
	auto_free char *one = merged(plain, 2), *two = merged(append, 3), *three = merged(append, 5);
	auto_free char *first = merged((const char *const[]){ "l=['a',{append=true}]\n" }, 1);

	CHECK_STR(one, "{\"a\":{\"l\":[2],\"x\":2},\"b\":{\"y\":1},\"c\":{\"z\":1}}");
	CHECK_STR(two, "{\"l\":[\"a\",\"b\",\"c\"]}");
	CHECK_STR(three, "{\"l\":[\"e\"]}");
	CHECK_STR(first, "{\"l\":[\"a\"]}");
}
