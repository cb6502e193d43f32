/* policy.json: the file and its scopes, see policy.h. */
#include "policy.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "json.h"

#define SYSTEM_POLICY "/etc/containers/policy.json"
#define USER_POLICY ".config/containers/policy.json"

void policy_done(struct policy *p)
{
	free(p->path);
	json_decref(p->doc);
	*p = (struct policy)POLICY_INIT;
}

static const char *path_set;

void policy_set_path(const char *path)
{
	path_set = path;
}

char *policy_path(void)
{
	const char *home = getenv("HOME");
	auto_free char *user = home && *home == '/' ? str_printf("%s/" USER_POLICY, home) : NULL;

	if (path_set)
		return strdup(path_set);
	if (user && access(user, F_OK) == 0)
		return take_ptr(&user);
	return strdup(SYSTEM_POLICY);
}

/* Reading */

/* The scopes of transports with paths are absolute and written in one way only. */
static int check_scope(const char *path, const char *transport, const char *scope, struct err *e)
{
	bool has_paths = streq(transport, "oci") || streq(transport, "oci-archive") ||
			 streq(transport, "dir");

	if (!*scope || !has_paths)
		return 0;
	if (scope[0] != '/' || !scope[1] || strstr(scope, "//") || strstr(scope, "/./") ||
	    strstr(scope, "/../"))
		return err_set(e, ERR_CORRUPT, "%s: transport %s: the scope \"%.200s\" is no absolute path in "
			       "its shortest form (for all of the transport use \"\")", path, transport, scope);
	return 0;
}

static int check_list(const char *path, const char *transport, const char *scope,
		      const json_t *list, struct err *e)
{
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	auto_free char *where = str_printf("%s: %s%s\"%.200s\"", path, transport ? transport : "",
					   transport ? " " : "", scope);

	if (!where)
		return err_sys(e, ENOMEM, "read %s", path);
	return policy_requirements_parse(list, where, &l, e);
}

static int check_transport(const char *path, const char *name, json_t *scopes, struct err *e)
{
	const char *scope;
	json_t *list;
	int r = 0;

	if (!json_is_object(scopes))
		return err_set(e, ERR_CORRUPT, "%s: transport %.60s: expected an object of scopes", path, name);
	json_object_foreach(scopes, scope, list) {
		r = check_scope(path, name, scope, e);
		if (r == 0)
			r = check_list(path, name, scope, list, e);
		if (r < 0)
			break;
	}
	return r;
}

static int check_document(const char *path, json_t *doc, struct err *e)
{
	json_t *transports = json_object_get(doc, "transports"), *scopes;
	const char *name;
	json_t *v;
	int r;

	if (!json_is_object(doc))
		return err_set(e, ERR_CORRUPT, "%s: expected an object", path);
	json_object_foreach(doc, name, v)
		if (!streq(name, "default") && !streq(name, "transports"))
			return err_set(e, ERR_CORRUPT, "%s: unknown member \"%.60s\"", path, name);
	if (!json_object_get(doc, "default"))
		return err_set(e, ERR_CORRUPT, "%s: the default policy is missing", path);
	if (transports && !json_is_object(transports))
		return err_set(e, ERR_CORRUPT, "%s: transports: expected an object", path);
	r = check_list(path, NULL, "default", json_object_get(doc, "default"), e);
	json_object_foreach(transports, name, scopes) {
		if (r == 0)
			r = check_transport(path, name, scopes, e);
	}
	return r;
}

int policy_load(const char *path, struct policy *ret, struct err *e)
{
	auto_free char *buf = NULL, *file = path ? strdup(path) : policy_path();
	auto_json json_t *doc = NULL;
	size_t len;
	int r;

	if (!file)
		return err_sys(e, ENOMEM, "read the policy");
	r = file_read_path(file, POLICY_MAX_BYTES, &buf, &len);
	if (r == -ENOENT && !path && !path_set)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read %s", file);
	r = json_parse(buf, len, POLICY_MAX_BYTES, file, &doc, e);
	if (r == 0)
		r = check_document(file, doc, e);
	if (r < 0)
		return r;
	ret->path = take_ptr(&file);
	ret->doc = take_ptr(&doc);
	return 0;
}

/* Scopes */

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

/* The most specific scope of a reference with requirements, or NULL; @scope starts as the whole
 * reference and is cut shorter and shorter. */
static const json_t *find_reference(const json_t *scopes, char *scope)
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

/* "/dir:image", "/dir", then its parents, but not the root. */
static const json_t *find_path(const json_t *scopes, char *scope, const char *image)
{
	auto_free char *whole = image && *image ? str_printf("%s:%s", scope, image) : NULL;
	const json_t *list = whole ? json_object_get(scopes, whole) : NULL;

	while (!list && *scope) {
		char *slash = strrchr(scope, '/');

		list = json_object_get(scopes, scope);
		if (!list && slash)
			*slash = '\0';
		else if (!list)
			break;
	}
	return list;
}

static const json_t *find_list(const struct policy *p, const struct policy_subject *s, char **scope)
{
	const json_t *scopes = json_object_get(json_object_get(p->doc, "transports"), s->transport);
	const json_t *list = NULL;

	*scope = strdup(s->ref ? s->ref : s->path ? s->path : "");
	if (*scope && scopes && s->ref)
		list = find_reference(scopes, *scope);
	else if (*scope && scopes && s->path)
		list = find_path(scopes, *scope, s->image);
	if (list || !*scope)
		return list;
	free(*scope);
	list = json_object_get(scopes, "");
	*scope = strdup(list ? s->transport : "default");
	return list ? list : json_object_get(p->doc, "default");
}

/* As if the file said so. */
static int accept_all(struct policy_requirements *ret, struct err *e)
{
	ret->items = calloc(1, sizeof(*ret->items));
	ret->scope = strdup("default");
	ret->n = 1;
	return ret->items && ret->scope ? 0 : err_sys(e, ENOMEM, "read the policy");
}

int policy_find(const struct policy *p, const struct policy_subject *s,
		struct policy_requirements *ret, struct err *e)
{
	auto_free char *scope = NULL;
	const json_t *list;
	int r;

	if (!p->doc || streq(s->transport, "containers-storage"))
		return accept_all(ret, e);
	list = find_list(p, s, &scope);
	if (!scope)
		return err_sys(e, ENOMEM, "read %s", p->path);
	r = policy_requirements_parse(list, p->path, ret, e);
	if (r == 0)
		ret->scope = take_ptr(&scope);
	return r;
}

/* Judging without a signature */

char *policy_subject_str(const struct policy_subject *s)
{
	if (s->ref)
		return str_printf("%s://%s", s->transport, s->ref);
	return str_printf("%s:%s%s%s", s->transport, s->path ? s->path : "", s->image && *s->image ? ":" : "",
			  s->image ? s->image : "");
}

int policy_refuses(const struct policy *p, const struct policy_subject *s,
		   const struct policy_requirements *l, struct err *e)
{
	auto_free char *name = policy_subject_str(s);

	for (size_t i = 0; i < l->n; i++) {
		const struct policy_requirement *q = &l->items[i];

		if (q->type == POLICY_REJECT)
			return err_set(e, ERR_DENIED, "Source image rejected: Running image %s is rejected by "
				       "policy (%s, scope %s)", name ? name : "", p->path, l->scope);
		if (q->unverifiable)
			return err_set(e, ERR_UNSUPPORTED, "Source image rejected: %s asks of %s for %s, which "
				       "cannot be verified here (scope %s)", p->path, name ? name : "",
				       q->unverifiable, l->scope);
	}
	return 0;
}

int policy_check(const char *ref, bool *ret_gpg, struct err *e)
{
	auto_policy struct policy p = POLICY_INIT;
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	const struct policy_subject s = { .transport = "docker", .ref = ref };
	int r = policy_load(NULL, &p, e);

	if (r == 0)
		r = policy_find(&p, &s, &l, e);
	for (size_t i = 0; ret_gpg && i < l.n; i++)
		*ret_gpg |= l.items[i].type == POLICY_SIGNED_BY;
	return r < 0 ? r : policy_refuses(&p, &s, &l, e);
}
