/* policy.json */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "json.h"

#define SYSTEM_POLICY "/etc/containers/policy.json"
#define USER_POLICY ".config/containers/policy.json"
#define POLICY_MAX_BYTES (4u << 20)
#define REQUIREMENTS_MAX 1000

static int check_requirement(const char *path, const char *scope, const json_t *req, const char *ref,
			     struct err *e)
{
	const char *type = json_string_value(json_object_get(req, "type"));

	if (!type)
		return err_set(e, ERR_CORRUPT, "%s: a requirement for \"%s\" has no type", path, scope);
	if (streq(type, "insecureAcceptAnything"))
		return 0;
	if (streq(type, "reject"))
		return err_set(e, ERR_DENIED, "Source image rejected: Running image docker://%s is rejected by "
			       "policy (%s)", ref, path);
	if (streq(type, "signedBy") || streq(type, "sigstoreSigned") || streq(type, "signedBaseLayer"))
		return err_set(e, ERR_UNSUPPORTED, "Source image rejected: %s requires a signature of docker://%s "
			       "(%s), and signatures cannot be verified by this version", path, ref, type);
	return err_set(e, ERR_CORRUPT, "%s: unknown requirement \"%.60s\"", path, type);
}

static int check_list(const char *path, const char *scope, const json_t *list, const char *ref,
		      struct err *e)
{
	size_t n = json_array_size(list);

	if (n == 0 || n > REQUIREMENTS_MAX)
		return err_set(e, ERR_CORRUPT, "%s: \"%s\": expected a list of 1 to %d requirements", path, scope,
			       REQUIREMENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		int r = check_requirement(path, scope, json_array_get(list, i), ref, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* host, then every *.parent of it. */
static const json_t *find_host(const json_t *scopes, char *host)
{
	const json_t *list = json_object_get(scopes, host);

	for (char *dot = strchr(host, '.'); !list && dot; dot = strchr(dot + 1, '.')) {
		auto_free char *wild = str_printf("*%s", dot);

		list = wild ? json_object_get(scopes, wild) : NULL;
	}
	return list;
}

/* The most specific scope with requirements, or NULL; @scope starts as the whole reference and is
 * cut shorter and shorter. */
static const json_t *find_scope(const json_t *scopes, char *scope)
{
	const json_t *list;
	char *cut;

	list = json_object_get(scopes, scope);
	if (list)
		return list;
	cut = strchr(scope, '@');
	if (!cut) {
		char *slash = strrchr(scope, '/');

		cut = strchr(slash ? slash : scope, ':');
	}
	if (cut)
		*cut = '\0';
	for (;;) {
		char *slash = strrchr(scope, '/');

		if (!slash)
			return find_host(scopes, scope);
		list = json_object_get(scopes, scope);
		if (list)
			return list;
		*slash = '\0';
	}
}

int policy_check_file(const char *path, const char *ref, struct err *e)
{
	auto_free char *buf = NULL, *scope = strdup(ref);
	auto_json json_t *j = NULL;
	const json_t *scopes, *list;
	size_t len;
	int r = file_read_path(path, POLICY_MAX_BYTES, &buf, &len);

	if (r < 0 || !scope)
		return err_sys(e, r < 0 ? r : ENOMEM, "read %s", path);
	r = json_parse(buf, len, POLICY_MAX_BYTES, path, &j, e);
	if (r < 0)
		return r;
	scopes = json_object_get(json_object_get(j, "transports"), "docker");
	list = scopes ? find_scope(scopes, scope) : NULL;
	if (!list && scopes) {
		scope[0] = '\0';
		list = json_object_get(scopes, "");
	}
	if (list)
		return check_list(path, scope, list, ref, e);
	return check_list(path, "default", json_object_get(j, "default"), ref, e);
}

int policy_check(const char *ref, struct err *e)
{
	const char *home = getenv("HOME");
	auto_free char *user = home && *home == '/' ? str_printf("%s/" USER_POLICY, home) : NULL;

	if (user && access(user, F_OK) == 0)
		return policy_check_file(user, ref, e);
	if (access(SYSTEM_POLICY, F_OK) == 0)
		return policy_check_file(SYSTEM_POLICY, ref, e);
	return 0;
}
