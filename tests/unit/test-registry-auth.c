/* Challenges, credentials and whom they may be sent to. */
#include "test.h"

#include <sys/stat.h>

#include "auth-store.h"
#include "base64.h"
#include "credentials.h"
#include "fd.h"
#include "file.h"
#include "http.h"
#include "str.h"
#include "token.h"
#include "www-authenticate.h"

TEST(challenges)
{
	struct www_challenge c[4];
	struct err e = ERR_INIT;

	CHECK_INT(www_authenticate_parse("Bearer realm=\"https://a.io/t\",service=\"s\",scope=\"x:y,z:p\"", c,
					 4, &e), 1);
	CHECK_INT(c[0].scheme, WWW_BEARER);
	CHECK_STR(c[0].realm, "https://a.io/t");
	CHECK_STR(c[0].service, "s");
	CHECK_STR(c[0].scope, "x:y,z:p");
	CHECK_INT(www_authenticate_parse("bAsIc realm = \"q\\\"u\" , charset=UTF-8, Bearer realm=r", c, 4, &e), 2);
	CHECK_INT(c[0].scheme, WWW_BASIC);
	CHECK_STR(c[0].realm, "q\"u");
	CHECK_INT(c[1].scheme, WWW_BEARER);
	CHECK_STR(c[1].realm, "r");
	CHECK_INT(www_authenticate_parse("Negotiate, NTLM, Basic realm=x", c, 4, &e), 3);
	CHECK_INT(c[0].scheme, WWW_OTHER);
	CHECK_INT(c[2].scheme, WWW_BASIC);
	CHECK_INT(www_authenticate_parse("", c, 4, &e), 0);
	CHECK_INT(www_authenticate_parse("A, B, C, D, E, F", c, 4, &e), 4);
}

TEST(challenges_refused)
{
	static const char *const table[] = {
		"Bearer realm=\"open", "Bearer realm=", "Bearer realm=\"a\" service=\"b\"", "realm=\"a\"",
		"Bearer realm=\"a\",realm=\"b\"", "Bearer realm=\"a\x01\"", "\"Bearer\"", "Bearer realm=\"a\\",
		"Bearer realm=\"a\nb\"",
	};
	char longer[4000] = "Bearer realm=\"";
	struct www_challenge c[4];
	struct err e;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		e = (struct err)ERR_INIT;
		CHECK_MSG(www_authenticate_parse(table[i], c, 4, &e) < 0, "accepted: %s", table[i]);
		CHECK_INT(e.kind, ERR_CORRUPT);
	}
	memset(longer + strlen(longer), 'a', 2000);
	CHECK_ERR(www_authenticate_parse(longer, c, 4, &e), e, ERR_CORRUPT);
}

TEST(realms)
{
	static const struct {
		const char *registry, *realm;
		bool trusted;
	} table[] = {
		{ "https://registry-1.docker.io", "https://auth.docker.io/token", true },
		{ "https://quay.io", "https://quay.io/v2/auth", true },
		{ "https://registry.gitlab.com", "https://gitlab.com/jwt/auth", true },
		{ "https://a.io", "https://auth.a.io/t", true },
		{ "https://a.io:5000", "https://a.io:5001/t", true },
		{ "http://127.0.0.1:5000", "http://127.0.0.1:5001/t", true },
		{ "http://a.io", "https://a.io/t", true },
		{ "https://A.io", "https://a.IO/t", true },
		{ "https://a.io", "http://a.io/t", false },
		{ "https://a.io", "https://evil.io/t", false },
		{ "https://a.io", "https://a.io.evil.io/t", false },
		{ "https://a.io", "https://eviLa.io/t", false },
		{ "https://a.io", "https://a.io@evil.io/t", false },
		{ "https://r.a.io", "https://xa.io/t", false },
		{ "http://127.0.0.1:5000", "http://127.0.0.2/t", false },
		{ "http://10.0.0.1", "http://1.0.0.1/t", false },
		{ "https://localhost", "https://evil.io/", false },
		{ "https://a.io", "ftp://a.io/", false },
		{ "https://a.io", "nonsense", false },
		{ "https://a.io", "", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		CHECK_MSG(token_realm_trusted(table[i].registry, table[i].realm) == table[i].trusted, "%s %s",
			  table[i].registry, table[i].realm);
}

TEST(origins)
{
	auto_free char *shown = http_url_show("https://u:p@h.io/a?sig=secret#f");

	CHECK(http_same_origin("https://a.io/x", "https://A.io:443/y?z"));
	CHECK(!http_same_origin("https://a.io/x", "http://a.io/x"));
	CHECK(!http_same_origin("https://a.io/x", "https://a.io:444/x"));
	CHECK(!http_same_origin("https://a.io/x", "https://b.io/x"));
	CHECK(!http_same_origin("https://a.io/x", "https://a.io@b.io/x"));
	CHECK_STR(shown, "https://h.io/a");
}

TEST(base64)
{
	static const char *const good[][2] = { { "", "" }, { "YQ==", "a" }, { "YQ", "a" }, { "dTpw", "u:p" },
					       { "dTpwYXNz", "u:pass" } };
	static const char *const bad[] = { "Y", "YQ=", "Y!==", "YQ==YQ==", "Y\n==", "====", "dT pw" };
	auto_free char *basic = NULL;
	struct credentials c = CREDENTIALS_INIT;
	size_t len;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		auto_free char *out = NULL;

		CHECK_INT(base64_decode(good[i][0], &out, &len), 0);
		CHECK_STR(out, good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		auto_free char *out = NULL;
		int r = base64_decode(bad[i], &out, &len);

		/* a single padding sign too few or too many is taken, as others do */
		CHECK_MSG(r == -EINVAL || streq(bad[i], "YQ="), "accepted: %s", bad[i]);
	}
	CHECK_INT(credentials_parse("user:pa:ss", &c, NULL), 0);
	CHECK_STR(c.password, "pa:ss");
	basic = credentials_basic(&c);
	CHECK_STR(basic, "Basic dXNlcjpwYTpzcw==");
	credentials_done(&c);
	CHECK(credentials_parse(":x", &c, NULL) < 0);
	credentials_done(&c);
}

static const char *user_for(const char *name)
{
	static char out[600];
	struct credentials c = CREDENTIALS_INIT;
	struct err e = ERR_INIT;
	int r = credentials_find(NULL, name, &c, &e);

	(void)snprintf(out, sizeof(out), "%s", r < 0 ? e.text : r == 0 ? "none" : c.identity_token
		       ? c.identity_token : c.user);
	credentials_done(&c);
	return out;
}

static void auth_env(void)
{
	CHECK(setenv("HOME", test_tmpdir(), 1) == 0);
	CHECK(setenv("XDG_RUNTIME_DIR", test_tmpdir(), 1) == 0);
	CHECK(unsetenv("XDG_CONFIG_HOME") == 0 && unsetenv("DOCKER_CONFIG") == 0);
	CHECK(unsetenv("REGISTRY_AUTH_FILE") == 0);
}

TEST(auth_files)
{
	auth_env();
	CHECK_STR(user_for("a.io/x"), "none");
	test_mkdir("containers");
	/* a:p b:p c:p d:p */
	test_write("containers/auth.json", "{\"auths\":{\"a.io\":{\"auth\":\"YTpw\"},"
		   "\"a.io/x\":{\"auth\":\"Yjpw\"},\"a.io/x/y\":{\"auth\":\"Yzpw\"},"
		   "\"tok.io\":{\"identitytoken\":\"t0k\"},\"empty.io\":{}}}");
	test_mkdir(".docker");
	test_write(".docker/config.json", "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"ZDpw\"},"
		   "\"a.io\":{\"auth\":\"ZDpw\"},\"https://old.io\":{\"auth\":\"ZDpw\"}}}");
	CHECK_STR(user_for("a.io/z"), "a");
	CHECK_STR(user_for("a.io/x/q"), "b");
	CHECK_STR(user_for("a.io/x/y"), "c");
	CHECK_STR(user_for("a.io/xx"), "a");
	CHECK_STR(user_for("a.io:443/x"), "none");
	CHECK_STR(user_for("docker.io/library/x"), "d");
	CHECK_STR(user_for("old.io/x"), "d");
	CHECK_STR(user_for("tok.io/x"), "t0k");
	CHECK_STR(user_for("empty.io/x"), "none");
	CHECK_STR(user_for("other.io/a.io"), "none");
}

TEST(auth_files_damaged)
{
	auth_env();
	test_mkdir("containers");
	test_write("containers/auth.json", "{\"auths\":{\"a.io\":{\"auth\":\"c2VjcmV0\"}}}"); /* no colon */
	CHECK_CONTAINS(user_for("a.io/x"), "not base64 of user:password");
	test_write("containers/auth.json", "{ \"auths\": secret");
	CHECK_CONTAINS(user_for("a.io/x"), "not a JSON object");
	CHECK(!strstr(user_for("a.io/x"), "secret"));
	test_write("containers/auth.json", "");
	CHECK_STR(user_for("a.io/x"), "none");
	CHECK(setenv("REGISTRY_AUTH_FILE", "missing.json", 1) == 0);
	CHECK_CONTAINS(user_for("a.io/x"), "missing.json");
}

/* Programs docker-credential-NAME that keep what they are given in files beside them. */
static void make_helpers(void)
{
	static const char *const names[] = { "good", "none", "odd", "broken", "keep" };
	auto_free char *path = str_printf("%s/bin:%s", test_tmpdir(), getenv("PATH"));

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as every program of ours does */
	test_mkdir("bin");
	test_mkdir("containers");
	test_write("bin/docker-credential-good",
		   "#!/bin/sh\nread s || :; echo \"{\\\"Username\\\":\\\"$s\\\",\\\"Secret\\\":\\\"x\\\"}\"\n");
	test_write("bin/docker-credential-none", "#!/bin/sh\necho 'credentials not found'; exit 1\n");
	test_write("bin/docker-credential-odd", "#!/bin/sh\necho 'my secret'\n");
	test_write("bin/docker-credential-broken", "#!/bin/sh\necho 'no keyring here'; exit 3\n");
	test_write("bin/docker-credential-keep",
		   "#!/bin/sh\nkept=${0%/*}/kept\ncase $1 in\n"
		   "store) cat >\"$kept\" ;;\n"
		   "get) read s || :; grep -qs \"\\\"$s\\\"\" \"$kept\" && cat \"$kept\" || "
		   "{ echo credentials not found in native keychain; exit 1; } ;;\n"
		   "erase) rm \"$kept\" ;;\n"
		   "list) [ -e \"$kept\" ] && sed 's/.*ServerURL\":\\(\"[^\"]*\"\\).*/{\\1:\"\"}/' \"$kept\" || "
		   "echo {} ;;\nesac\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		auto_free char *file = str_printf("bin/docker-credential-%s", names[i]);

		CHECK(chmod(file, 0755) == 0);
	}
	CHECK(setenv("PATH", path, 1) == 0);
}

TEST(helpers)
{
	auth_env();
	make_helpers();
	test_write("containers/auth.json", "{\"credHelpers\":{\"g.io\":\"good\",\"n.io\":\"none\","
		   "\"o.io\":\"odd\",\"m.io\":\"missing\",\"e.io\":\"../evil\",\"b.io\":\"broken\"}}");
	CHECK_STR(user_for("g.io/x"), "g.io");
	CHECK_STR(user_for("n.io/x"), "none");
	CHECK_CONTAINS(user_for("o.io/x"), "the answer is not");
	CHECK(!strstr(user_for("o.io/x"), "secret"));
	CHECK_CONTAINS(user_for("m.io/x"), "is not installed");
	CHECK_CONTAINS(user_for("e.io/x"), "not a program's name");
	CHECK_CONTAINS(user_for("b.io/x"), "\"no keyring here\"");
	/* what is for all hosts does not stand in the way of an anonymous pull */
	test_write("containers/auth.json", "{\"credsStore\":\"missing\"}");
	CHECK_STR(user_for("a.io/x"), "none");
	test_write("containers/auth.json", "{\"credsStore\":\"good\"}");
	CHECK_STR(user_for("a.io/x"), "a.io");
	CHECK_STR(user_for("docker.io/x"), "https://index.docker.io/v1/");
}

TEST(helpers_of_registries_conf)
{
	auth_env();
	make_helpers();
	CHECK(setenv("CONTAINERS_REGISTRIES_CONF", "registries.conf", 1) == 0);
	test_write("containers/auth.json", "{\"auths\":{\"a.io\":{\"auth\":\"YTpw\"}}}");
	test_write("registries.conf", "credential-helpers = [\"containers-auth.json\", \"good\"]\n");
	CHECK_STR(user_for("a.io/x"), "a");
	CHECK_STR(user_for("b.io/x"), "b.io");
	test_write("registries.conf", "credential-helpers = [\"good\"]\n");
	CHECK_STR(user_for("a.io/x"), "a.io");
	test_write("registries.conf", "credential-helpers = [3]\n");
	CHECK_CONTAINS(user_for("a.io/x"), "credential-helpers");
	CHECK(unsetenv("CONTAINERS_REGISTRIES_CONF") == 0);
}

/* What login does; "" or the message. */
static const char *put(const struct auth_target *t, const char *key, const char *user, char **ret_where)
{
	static char out[600];
	struct auth_target none = { 0 };
	struct credentials c = CREDENTIALS_INIT;
	struct err e = ERR_INIT;
	char *where = NULL;
	int r;

	CHECK_INT(credentials_parse(user, &c, NULL), 0);
	r = auth_store_put(t ? t : &none, key, &c, &where, &e);
	credentials_done(&c);
	(void)snprintf(out, sizeof(out), "%s", r < 0 ? e.text : "");
	if (ret_where)
		*ret_where = where;
	else
		free(where);
	return out;
}

static int take_away(const struct auth_target *t, const char *key)
{
	struct auth_target none = { 0 };
	struct err e = ERR_INIT;
	int r = auth_store_remove(t ? t : &none, key, &e);

	CHECK_MSG(r >= 0, "%s", e.text);
	return r;
}

TEST(credentials_are_kept)
{
	auto_free char *where = NULL, *want = NULL;
	struct stat st;

	auth_env();
	want = str_printf("%s/containers/auth.json", test_tmpdir());
	CHECK_STR(put(NULL, "a.io", "ann:one", &where), "");
	CHECK_STR(where, want);
	CHECK(stat("containers/auth.json", &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK_STR(put(NULL, "a.io/team", "tom:two:three", NULL), "");
	CHECK_STR(user_for("a.io/x"), "ann");
	CHECK_STR(user_for("a.io/team/x"), "tom");
	CHECK_STR(put(NULL, "a.io", "bob:x", NULL), "");
	CHECK_STR(user_for("a.io/x"), "bob");
	CHECK_INT(take_away(NULL, "a.io/team"), 1);
	CHECK_STR(user_for("a.io/team/x"), "bob");
	CHECK_INT(take_away(NULL, "a.io"), 1);
	CHECK_INT(take_away(NULL, "a.io"), 0);
	CHECK_STR(user_for("a.io/x"), "none");
}

TEST(what_else_is_in_the_file_stays)
{
	const struct auth_target docker = { .compat_authfile = "real.json" };
	auto_free char *text = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	size_t len;

	auth_env();
	test_write("real.json", "{\"psFormat\":\"x\",\"auths\":{\"b.io\":{\"auth\":\"YTpw\"}}}");
	CHECK(symlink("real.json", "link.json") == 0);
	CHECK_STR(put(&(struct auth_target){ .authfile = "link.json" }, "a.io", "ann:one", NULL), "");
	CHECK(lstat("link.json", &st) == 0 && S_ISLNK(st.st_mode));
	CHECK_STR(put(&docker, "docker.io", "hub:x", NULL), "");
	CHECK_CONTAINS(put(&docker, "a.io/team", "tom:two", NULL), "--authfile");
	CHECK_INT(file_read_path("real.json", 10000, &text, &len), 0);
	CHECK_CONTAINS(text, "\"psFormat\": \"x\"");
	CHECK_CONTAINS(text, "\"b.io\"");
	CHECK_CONTAINS(text, "\"a.io\"");
	CHECK_CONTAINS(text, "\"https://index.docker.io/v1/\"");
	CHECK(setenv("REGISTRY_AUTH_FILE", "real.json", 1) == 0);
	CHECK_STR(user_for("docker.io/library/x"), "hub");
	CHECK_INT(take_away(NULL, "docker.io"), 1);
	CHECK_STR(user_for("docker.io/library/x"), "none");
	CHECK_INT(auth_store_remove_all(&(struct auth_target){ 0 }, &e), 0);
	CHECK_STR(user_for("b.io/x"), "none");
	/* a file that is not understood is not written over */
	test_write("real.json", "{ \"auths\": ");
	CHECK_CONTAINS(put(NULL, "a.io", "ann:one", NULL), "not a JSON object");
	CHECK(stat("real.json", &st) == 0 && st.st_size == 11);
	CHECK(unsetenv("REGISTRY_AUTH_FILE") == 0);
}

TEST(credentials_are_kept_by_helpers)
{
	const struct auth_target docker = { .compat_authfile = "config.json" };
	auto_free char *where = NULL, *text = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	size_t len;

	auth_env();
	make_helpers();
	test_write("containers/auth.json", "{\"credHelpers\":{\"k.io\":\"keep\",\"b.io\":\"broken\"}}");
	CHECK_STR(put(NULL, "k.io", "ann:one", &where), "");
	CHECK_STR(where, "credential helper: keep");
	CHECK_STR(user_for("k.io/x"), "ann");
	CHECK_CONTAINS(put(NULL, "k.io/team", "ann:one", NULL), "log in to k.io");
	CHECK_CONTAINS(put(NULL, "b.io", "ann:one", NULL), "no keyring here");
	CHECK_INT(take_away(NULL, "k.io"), 1);
	CHECK_INT(take_away(NULL, "k.io"), 0);
	CHECK_STR(user_for("k.io/x"), "none");
	/* docker lists what is in its store, without the secret */
	test_write("config.json", "{\"credsStore\":\"keep\"}");
	CHECK_STR(put(&docker, "a.io", "bob:hidden", NULL), "");
	CHECK_INT(file_read_path("config.json", 10000, &text, &len), 0);
	CHECK_CONTAINS(text, "\"a.io\": {}");
	CHECK(stat("bin/kept", &st) == 0);
	CHECK_INT(auth_store_remove_all(&docker, &e), 0);
	CHECK(stat("bin/kept", &st) < 0);
}
