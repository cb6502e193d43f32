/* Keeping credentials. */
#include "auth-store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth-place.h"
#include "base64.h"
#include "credential-helper.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "path.h"
#include "registries-conf.h"

/* The file, and what its format allows. */
struct place {
	char *path;
	bool compat;		/* docker's config.json */
};

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int find_place(const struct auth_target *t, struct place *ret, struct err *e)
{
	auto_strv struct strv paths = STRV_INIT;

	*ret = (struct place){ 0 };
	if (t->authfile && t->compat_authfile)
		return err_set(e, ERR_INVALID, "--authfile and --compat-auth-file exclude each other");
	if (t->authfile || t->compat_authfile) {
		ret->compat = !t->authfile;
		ret->path = strdup(t->authfile ? t->authfile : t->compat_authfile);
	} else if (env("REGISTRY_AUTH_FILE")) {
		ret->path = strdup(env("REGISTRY_AUTH_FILE"));
	} else if (env("DOCKER_CONFIG")) {
		ret->compat = true;
		ret->path = path_join(env("DOCKER_CONFIG"), "config.json");
	} else if (auth_read_paths(&paths) == 0 && paths.n == 0) {
		return err_set(e, ERR_NOT_FOUND, "there is no place for credentials: set HOME, or give "
			       "--authfile");
	} else {
		ret->path = paths.n ? strdup(paths.items[0]) : NULL;
	}
	return ret->path ? 0 : err_sys(e, ENOMEM, "find the authentication file");
}

/* One edition of a file: returns 1 to have it written, 0 to leave it, or a negative errno. */
struct edit {
	const struct place *place;
	const char *key;	/* as this file spells it */
	char *host;
	const struct credentials *creds;
	char *where;		/* where they went, if not into the file */
	int (*apply)(struct edit *x, json_t *doc, struct err *e);
};

/* Where a link leads is edited, not the link. */
static int open_parent(const char *path, char **ret_name, struct err *e)
{
	auto_free char *real = realpath(path, NULL), *dir = strdup(real ? real : path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int fd, r = 0;

	if (!dir)
		return err_sys(e, ENOMEM, "open %s", path);
	*ret_name = strdup(path_base(dir));
	if (!*ret_name)
		return err_sys(e, ENOMEM, "open %s", path);
	if (slash)
		slash[slash == dir ? 1 : 0] = '\0';
	if (slash)
		r = path_mkdirs(dir, 0700);
	if (r < 0)
		return err_sys(e, r, "make the directory %s", dir);
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "open %s", dir) : fd;
}

static int write_doc(int dir_fd, const char *name, const char *path, const json_t *doc, struct err *e)
{
	char *text = json_dumps(doc, JSON_INDENT(8));
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "write %s", path);
	r = file_replace(dir_fd, name, text, strlen(text), 0600, FILE_SYNC_FULL);
	explicit_bzero(text, strlen(text));
	free(text);
	return r < 0 ? err_sys(e, r, "write %s", path) : 0;
}

/* Two logins at the same time must both be in it: the directory is locked from reading to writing. */
static int edit_file(struct edit *x, struct err *e)
{
	const char *path = x->place->path;
	auto_free char *name = NULL;
	auto_json json_t *doc = NULL;
	auto_close int dir_fd = open_parent(path, &name, e);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = file_lock(dir_fd, true, true);
	if (r < 0)
		return err_sys(e, r, "lock the directory of %s", path);
	r = auth_file_read(path, &doc, e);
	if (r == 0)
		doc = json_object();
	if (r < 0 || !doc)
		return r < 0 ? r : err_sys(e, ENOMEM, "read %s", path);
	r = x->apply(x, doc, e);
	if (r <= 0)
		return r;
	r = write_doc(dir_fd, name, path, doc, e);
	return r < 0 ? r : 1;
}

static int edit_init(struct edit *x, const struct place *p, const char *key, struct err *e)
{
	bool with_path = strchr(key, '/');

	if (p->compat && with_path)
		return err_set(e, ERR_UNSUPPORTED, "%s: docker's format has no key with a path (%s): use "
			       "--authfile", p->path, key);
	x->place = p;
	x->host = strndup(key, strcspn(key, "/"));
	if (!x->host)
		return err_sys(e, ENOMEM, "edit %s", p->path);
	x->key = p->compat && auth_same_host(x->host, "docker.io") ? AUTH_DOCKER_HUB_KEY : key;
	return 0;
}

/* The helper that the file names for the host; borrowed, or NULL. */
static const char *file_helper(const struct edit *x, const json_t *doc)
{
	const char *name = json_string_value(json_object_get(json_object_get(doc, "credHelpers"), x->host));

	if (!name || !*name)
		name = json_string_value(json_object_get(doc, "credsStore"));
	return name && *name ? name : NULL;
}

/* A helper knows hosts, docker.io by docker's key. */
static const char *helper_server(const struct edit *x)
{
	return auth_same_host(x->host, "docker.io") ? AUTH_DOCKER_HUB_KEY : x->host;
}

/* The object of that name in @doc, made where it is missing; NULL without memory. */
static json_t *member_object(json_t *doc, const char *name)
{
	json_t *o = json_object_get(doc, name);

	if (json_is_object(o))
		return o;
	o = json_object();
	return o && json_object_set_new(doc, name, o) == 0 ? o : NULL;
}

/* Putting */

static json_t *auth_entry(const struct credentials *c)
{
	char *pair = c->user ? str_printf("%s:%s", c->user, c->password) : NULL;
	char *coded = pair ? base64_encode(pair, strlen(pair)) : NULL;
	json_t *o = json_object();

	if (coded)
		(void)json_object_set_new(o, "auth", json_string(coded)); /* checked by its size */
	if (c->identity_token)
		(void)json_object_set_new(o, "identitytoken", json_string(c->identity_token));
	if (pair)
		explicit_bzero(pair, strlen(pair));
	if (coded)
		explicit_bzero(coded, strlen(coded));
	free(pair);
	free(coded);
	if (o && json_object_size(o) != (c->user != NULL) + (size_t)(c->identity_token != NULL)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static int put_with_helper(struct edit *x, const char *helper, struct err *e)
{
	int r;

	if (strchr(x->key, '/') && !streq(x->key, AUTH_DOCKER_HUB_KEY))
		return err_set(e, ERR_UNSUPPORTED, "credential helper %s keeps hosts, not %s: log in to %s",
			       helper, x->key, x->host);
	r = credential_helper_store(helper, helper_server(x), x->creds, e);
	if (r < 0)
		return r;
	x->where = str_printf("credential helper: %s", helper);
	return x->where ? 0 : err_sys(e, ENOMEM, "log in");
}

static int apply_put(struct edit *x, json_t *doc, struct err *e)
{
	const char *helper = file_helper(x, doc);
	json_t *auths, *entry;
	int r;

	if (helper) {
		r = put_with_helper(x, helper, e);
		if (r < 0)
			return err_wrap(e, r, "%s", x->place->path);
		if (!x->place->compat)
			return 0;
	}
	auths = member_object(doc, "auths");
	/* docker lists the hosts of its store with nothing in them */
	entry = helper ? json_object() : auth_entry(x->creds);
	if (!auths || !entry || json_object_set_new(auths, x->key, entry) < 0)
		return err_set(e, ERR_INVALID, "the credentials are not UTF-8");
	return 1;
}

static int put_file(const struct place *p, const char *key, const struct credentials *c,
		    char **ret_where, struct err *e)
{
	struct edit x = { .creds = c, .apply = apply_put };
	int r = edit_init(&x, p, key, e);

	if (r == 0)
		r = edit_file(&x, e);
	if (r >= 0) {
		*ret_where = x.where ? x.where : strdup(p->path);
		r = *ret_where ? 0 : err_sys(e, ENOMEM, "log in");
	}
	free(x.host);
	return r;
}

int auth_store_put(const struct auth_target *t, const char *key, const struct credentials *c,
		   char **ret_where, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	struct place p;
	int r = find_place(t, &p, e);

	if (r == 0)
		r = registries_conf_load(&conf, e);
	if (r == 0 && (p.compat || conf.helpers.n == 0)) {
		r = put_file(&p, key, c, ret_where, e);
	} else if (r == 0) {
		r = -ENOENT;
		for (size_t i = 0; r < 0 && i < conf.helpers.n; i++) {
			struct edit x = { .place = &p, .key = key, .creds = c };

			if (e)
				*e = (struct err)ERR_INIT;
			if (streq(conf.helpers.items[i], AUTH_FILE_HELPER)) {
				r = put_file(&p, key, c, ret_where, e);
				continue;
			}
			x.host = strndup(key, strcspn(key, "/"));
			r = x.host ? put_with_helper(&x, conf.helpers.items[i], e)
				   : err_sys(e, ENOMEM, "log in");
			if (r == 0)
				*ret_where = x.where;
			free(x.host);
		}
	}
	free(p.path);
	return r;
}

/* Removing */

static int apply_remove(struct edit *x, json_t *doc, struct err *e)
{
	const char *helper = file_helper(x, doc), *k;
	json_t *auths = json_object_get(doc, "auths"), *v;
	bool whole_host = !strchr(x->key, '/') || streq(x->key, AUTH_DOCKER_HUB_KEY);
	int removed = json_object_del(auths, x->key) == 0, r = 0;
	void *next;

	/* the host in its older spellings */
	json_object_foreach_safe(auths, next, k, v) {
		auto_free char *other = auth_key_host(k);

		if (whole_host && other && auth_same_host(other, x->host) &&
		    (str_starts(k, "http") || !strchr(k, '/')))
			removed |= json_object_del(auths, k) == 0;
	}
	if (helper && whole_host)
		r = credential_helper_erase(helper, helper_server(x), e);
	if (r < 0)
		return err_wrap(e, r, "%s", x->place->path);
	if (r > 0)
		x->where = strdup(helper);
	return removed;
}

static int remove_file(const struct place *p, const char *key, struct err *e)
{
	struct edit x = { .apply = apply_remove };
	int r;

	if (access(p->path, F_OK) < 0)
		return 0; /* nothing is made for forgetting */
	r = edit_init(&x, p, key, e);
	if (r == 0)
		r = edit_file(&x, e);
	if (r == 0 && x.where)
		r = 1;
	free(x.where);
	free(x.host);
	return r;
}

int auth_store_remove(const struct auth_target *t, const char *key, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	auto_free char *host = strndup(key, strcspn(key, "/"));
	struct place p;
	int removed = 0, r = find_place(t, &p, e);

	if (r == 0)
		r = host ? registries_conf_load(&conf, e) : err_sys(e, ENOMEM, "log out");
	if (r == 0 && (p.compat || conf.helpers.n == 0 || strv_has(&conf.helpers, AUTH_FILE_HELPER)))
		r = removed = remove_file(&p, key, e);
	for (size_t i = 0; r >= 0 && !p.compat && !strchr(key, '/') && i < conf.helpers.n; i++) {
		if (streq(conf.helpers.items[i], AUTH_FILE_HELPER))
			continue;
		r = credential_helper_erase(conf.helpers.items[i],
					    auth_same_host(host, "docker.io") ? AUTH_DOCKER_HUB_KEY : host, e);
		removed |= r > 0;
	}
	free(p.path);
	return r < 0 ? r : removed;
}

static int erase_all(const char *helper, struct err *e)
{
	auto_strv struct strv servers = STRV_INIT;
	int r = credential_helper_list(helper, &servers, e);

	for (size_t i = 0; r >= 0 && i < servers.n; i++)
		r = credential_helper_erase(helper, servers.items[i], e);
	return r;
}

static int apply_remove_all(struct edit *x, json_t *doc, struct err *e)
{
	const char *store = json_string_value(json_object_get(doc, "credsStore")), *host;
	json_t *helpers = json_object_get(doc, "credHelpers"), *v;
	int r = store && *store ? erase_all(store, e) : 0;

	json_object_foreach(helpers, host, v)
		if (r >= 0 && json_is_string(v))
			r = credential_helper_erase(json_string_value(v), host, e);
	if (r < 0)
		return err_wrap(e, r, "%s", x->place->path);
	return json_object_set_new(doc, "auths", json_object()) == 0
		       ? 1 : err_sys(e, ENOMEM, "write %s", x->place->path);
}

int auth_store_remove_all(const struct auth_target *t, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	struct edit x = { .apply = apply_remove_all };
	struct place p;
	int r = find_place(t, &p, e);

	if (r == 0)
		r = registries_conf_load(&conf, e);
	x.place = &p;
	if (r == 0 && access(p.path, F_OK) == 0)
		r = edit_file(&x, e);
	for (size_t i = 0; r >= 0 && !p.compat && i < conf.helpers.n; i++)
		if (!streq(conf.helpers.items[i], AUTH_FILE_HELPER))
			r = erase_all(conf.helpers.items[i], e);
	free(p.path);
	return r < 0 ? r : 0;
}
