/* Changing policy.json, see policy-edit.h. */
#include "policy-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "json.h"
#include "path.h"

#define USER_POLICY ".config/containers/policy.json"

int policy_edit_path(const char *path, char **ret, struct err *e)
{
	const char *home = getenv("HOME");

	if (path)
		*ret = strdup(path);
	else if (geteuid() == 0)
		*ret = policy_path();
	else if (home && *home == '/')
		*ret = str_printf("%s/" USER_POLICY, home);
	else
		return err_set(e, ERR_INVALID, "where to write the policy is not known: $HOME is not set");
	return *ret ? 0 : err_sys(e, ENOMEM, "write the policy");
}

static json_t *requirement(enum policy_type type, const char *key)
{
	const char *word = policy_type_str(type);

	if (!key)
		return json_pack("{s:s}", "type", word);
	if (type == POLICY_SIGNED_BY)
		return json_pack("{s:s, s:s, s:s}", "type", word, "keyType", "GPGKeys", "keyPath", key);
	return json_pack("{s:s, s:s}", "type", word, "keyPath", key);
}

/* podman's rules about which types have keys. */
static int make_list(enum policy_type type, const struct strv *keys, json_t **ret, struct err *e)
{
	bool signed_one = type == POLICY_SIGNED_BY || type == POLICY_SIGSTORE_SIGNED;
	auto_json json_t *list = json_array();
	int r = 0;

	if (signed_one && keys->n == 0)
		return err_set(e, ERR_INVALID, "at least one public key must be defined for type '%s'",
			       policy_type_str(type));
	if (!signed_one && keys->n)
		return err_set(e, ERR_INVALID, "%zu public keys unexpectedly provided for trust type %s",
			       keys->n, type == POLICY_ACCEPT ? "accept" : policy_type_str(type));
	if (!signed_one)
		r = json_array_append_new(list, requirement(type, NULL));
	for (size_t i = 0; r == 0 && i < keys->n; i++) {
		auto_free char *full = realpath(keys->items[i], NULL);

		if (!full)
			return err_sys(e, errno, "public key %s", keys->items[i]);
		r = json_array_append_new(list, requirement(type, full));
	}
	if (r < 0)
		return err_sys(e, ENOMEM, "write the policy");
	*ret = take_ptr(&list);
	return 0;
}

/* The object @name of @in, made where it is missing; borrowed. */
static json_t *object_in(json_t *in, const char *name)
{
	if (!json_object_get(in, name))
		(void)json_object_set_new(in, name, json_object()); /* looked up again below */
	return json_object_get(in, name);
}

/* A scope stays with the transport that has it; a new one is a registry's. */
static int put(json_t *doc, const char *scope, json_t *list, struct err *e)
{
	json_t *transports, *scopes;
	const char *name;
	int r;

	if (streq(scope, "default")) {
		r = json_object_set(doc, "default", list);
	} else if (!json_object_get(doc, "default")) {
		return err_set(e, ERR_INVALID, "default trust policy must be set");
	} else {
		transports = object_in(doc, "transports");
		json_object_foreach(transports, name, scopes)
			if (json_object_get(scopes, scope))
				return json_object_set(scopes, scope, list) < 0 ?
					err_sys(e, ENOMEM, "write the policy") : 0;
		r = json_object_set(object_in(transports, "docker"), scope, list);
	}
	return r < 0 ? err_sys(e, ENOMEM, "write the policy") : 0;
}

/* What the file says now; a user who has none begins with what counts for him. */
static int load(const char *path, struct policy *p, struct err *e)
{
	int r = policy_load(access(path, F_OK) == 0 ? path : NULL, p, e);

	if (r == 0 && !p->doc)
		p->doc = json_pack("{s:[{s:s}]}", "default", "type", policy_type_str(POLICY_ACCEPT));
	return r < 0 ? r : p->doc ? 0 : err_sys(e, ENOMEM, "read %s", path);
}

static int save(const char *path, const json_t *doc, struct err *e)
{
	/* a link to the file is the administrator's wish */
	auto_free char *real = realpath(path, NULL), *target = real ? take_ptr(&real) : strdup(path);
	auto_free char *text = json_dumps(doc, JSON_INDENT(4)), *dir = target ? strdup(target) : NULL;
	auto_close int fd = FD_NONE;
	int r;

	if (!dir || !text)
		return err_sys(e, ENOMEM, "write %s", path);
	if (!strchr(dir, '/')) {
		fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		*strrchr(dir, '/') = '\0';
		r = *dir ? path_mkdirs(dir, 0755) : 0;
		if (r < 0)
			return err_sys(e, r, "make the directory %s", dir);
		fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, errno, "open the directory of %s", path);
	r = file_replace(fd, path_base(target), text, strlen(text), 0644, FILE_SYNC_FULL);
	return r < 0 ? err_sys(e, r, "write %s", path) : 0;
}

int policy_edit(const char *path, const char *scope, enum policy_type type, const struct strv *keys,
		struct err *e)
{
	auto_policy struct policy p = POLICY_INIT;
	auto_json json_t *list = NULL;
	int r = make_list(type, keys, &list, e);

	if (r == 0)
		r = load(path, &p, e);
	if (r == 0)
		r = put(p.doc, scope, list, e);
	return r < 0 ? r : save(path, p.doc, e);
}
