/* Credentials looked up in auth.json, config.json and credential helpers. */
#include "credentials.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth-place.h"
#include "base64.h"
#include "credential-helper.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "registries-conf.h"
#include "str.h"

static void erase(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}
#define auto_secret __attribute__((cleanup(erase)))

void credentials_done(struct credentials *c)
{
	erase(&c->user);
	erase(&c->password);
	erase(&c->identity_token);
}

int credentials_parse(const char *s, struct credentials *ret, struct err *e)
{
	const char *colon = strchrnul(s, ':');

	if (colon == s)
		return err_set(e, ERR_INVALID, "credentials: the user name is empty");
	ret->user = strndup(s, (size_t)(colon - s));
	ret->password = strdup(*colon ? colon + 1 : "");
	return ret->user && ret->password ? 0 : err_sys(e, ENOMEM, "read the credentials");
}

char *credentials_basic(const struct credentials *c)
{
	auto_secret char *pair = str_printf("%s:%s", c->user, c->password);
	auto_secret char *coded = pair ? base64_encode(pair, strlen(pair)) : NULL;

	return coded ? str_printf("Basic %s", coded) : NULL;
}

/* Files */

static int read_auth(const json_t *entry, const char *path, struct credentials *c, struct err *e)
{
	const char *auth = json_string_value(json_object_get(entry, "auth"));
	const char *token = json_string_value(json_object_get(entry, "identitytoken"));
	auto_secret char *plain = NULL;
	size_t len;
	int r;

	if (token && *token) {
		c->identity_token = strdup(token);
		if (!c->identity_token)
			return err_sys(e, ENOMEM, "read %s", path);
	}
	if (!auth || !*auth)
		return token && *token ? 1 : 0;
	r = base64_decode(auth, &plain, &len);
	if (r == 0 && !strchr(plain, ':'))
		r = -EINVAL;
	if (r < 0)
		return err_set(e, ERR_CORRUPT, "%s: an \"auth\" is not base64 of user:password", path);
	r = credentials_parse(plain, c, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 1;
}

/* @name with ever fewer components, then hosts in their old spelling. */
static const json_t *find_auth(const json_t *auths, const char *name)
{
	auto_free char *key = strdup(name), *host = strndup(name, strcspn(name, "/"));
	json_t *o = (json_t *)(uintptr_t)auths; /* jansson's iterator takes no const */
	const char *k;
	json_t *v;

	for (char *slash; key; *slash = '\0') {
		v = json_object_get(auths, key);
		slash = strrchr(key, '/');
		if (v || !slash)
			break;
	}
	v = key ? json_object_get(auths, key) : NULL;
	if (v)
		return v;
	json_object_foreach(o, k, v) {
		auto_free char *other = auth_key_host(k);

		/* a key with a path of its own is for that path only */
		if (other && host && auth_same_host(other, host) &&
		    (str_starts(k, "http") || !strchr(k, '/')))
			return v;
	}
	return NULL;
}

/* What a store for all hosts keeps is a help: without it the registry is asked anonymously. */
static int ask_store(const char *helper, const char *host, const char *path, struct credentials *c)
{
	struct err why = ERR_INIT;
	int r = credential_helper_get(helper, auth_same_host(host, "docker.io") ? AUTH_DOCKER_HUB_KEY : host,
				      c, &why);

	if (r < 0)
		log_warn("%s: %s", path, why.text);
	return r < 0 ? 0 : r;
}

static int find_in_file(const char *path, bool must_exist, bool bare, const char *name,
			struct credentials *c, struct err *e)
{
	auto_free char *host = strndup(name, strcspn(name, "/"));
	auto_json json_t *j = NULL;
	const char *helper;
	const json_t *auth;
	int r = auth_file_read(path, &j, e);

	if (r == -EACCES && !must_exist)
		return 0;
	if (r == 0 && must_exist)
		return err_sys(e, ENOENT, "read %s", path);
	if (r <= 0)
		return r;
	if (!host)
		return err_sys(e, ENOMEM, "read %s", path);
	helper = json_string_value(json_object_get(json_object_get(j, "credHelpers"), host));
	if (helper && *helper) {
		r = credential_helper_get(helper, host, c, e);
		if (r != 0)
			return r < 0 ? err_wrap(e, r, "%s", path) : r;
	}
	auth = find_auth(bare ? j : json_object_get(j, "auths"), name);
	r = auth ? read_auth(auth, path, c, e) : 0;
	helper = json_string_value(json_object_get(j, "credsStore"));
	return r == 0 && helper && *helper ? ask_store(helper, host, path, c) : r;
}

static int find_in_files(const char *authfile, const char *name, struct credentials *c, struct err *e)
{
	auto_strv struct strv files = STRV_INIT;
	auto_free char *old = NULL;
	const char *env = getenv("REGISTRY_AUTH_FILE"), *home = getenv("HOME");
	int r = 0;

	if (!authfile && env && *env)
		authfile = env;
	if (authfile)
		return find_in_file(authfile, true, false, name, c, e);
	if (auth_read_paths(&files) < 0)
		return err_sys(e, ENOMEM, "find the credentials");
	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = find_in_file(files.items[i], false, false, name, c, e);
	old = home && *home == '/' ? str_printf("%s/.dockercfg", home) : NULL;
	return r == 0 && old ? find_in_file(old, false, true, name, c, e) : r;
}

int credentials_find(const char *authfile, const char *name, struct credentials *ret, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	auto_credentials struct credentials c = CREDENTIALS_INIT;
	auto_free char *host = strndup(name, strcspn(name, "/"));
	int r = host ? registries_conf_load(&conf, e) : err_sys(e, ENOMEM, "find the credentials");

	if (r == 0 && conf.helpers.n == 0)
		r = find_in_files(authfile, name, &c, e);
	for (size_t i = 0; r == 0 && i < conf.helpers.n; i++) {
		const char *helper = conf.helpers.items[i];

		r = streq(helper, AUTH_FILE_HELPER) ? find_in_files(authfile, name, &c, e)
						    : credential_helper_get(helper, host, &c, e);
	}
	if (r > 0) {
		*ret = c;
		c = (struct credentials)CREDENTIALS_INIT;
	}
	return r;
}
