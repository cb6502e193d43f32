/* Finding, reading and merging configuration files. */
#include "conf-file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "json.h"
#include "toml.h"

#define CONF_DIR_FILES_MAX 1000	/* files in one .d directory */
#define APPEND_KEY "append"

int conf_load(const char *path, json_t **ret, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len;
	int r = file_read_path(path, TOML_MAX_BYTES, &buf, &len);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read %s", path);
	r = toml_parse(buf, len, path, ret, e);
	return r < 0 ? r : 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int conf_list_dir(const char *dir, struct strv *ret, struct err *e)
{
	auto_dir DIR *d = opendir(dir);
	size_t first = ret->n;
	struct dirent *de;

	if (!d && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!d)
		return err_sys(e, errno, "read %s", dir);
	while (errno = 0, de = readdir(d)) {
		if (!str_ends(de->d_name, ".conf") || de->d_type == DT_DIR)
			continue;
		if (ret->n - first == CONF_DIR_FILES_MAX)
			return err_set(e, ERR_LIMIT, "%s: more than %d files", dir, CONF_DIR_FILES_MAX);
		if (strv_addf(ret, "%s/%s", dir, de->d_name) < 0)
			return err_sys(e, ENOMEM, "read %s", dir);
	}
	if (errno)
		return err_sys(e, errno, "read %s", dir);
	if (ret->n > first)
		qsort(ret->items + first, ret->n - first, sizeof(*ret->items), by_name);
	return 0;
}

/* Merging */

/* An element {append=true} or {append=false}: 1 or 0; -1 for anything else. */
static int append_mark(const json_t *v)
{
	const json_t *flag = json_is_object(v) && json_object_size(v) == 1
				     ? json_object_get(v, APPEND_KEY) : NULL;

	return json_is_boolean(flag) ? json_is_true(flag) : -1;
}

/* The last mark in @arr, or @otherwise. */
static int array_append(const json_t *arr, int otherwise)
{
	for (size_t i = json_array_size(arr); i-- > 0;) {
		int m = append_mark(json_array_get(arr, i));

		if (m >= 0)
			return m;
	}
	return otherwise;
}

static int merge_array(json_t *into, const char *key, const json_t *old, const json_t *over)
{
	int append = array_append(over, array_append(old, 0) == 1);
	auto_json json_t *arr = json_array();

	for (int pass = append ? 0 : 1; arr && pass < 2; pass++) {
		const json_t *from = pass == 0 ? old : over;

		for (size_t i = 0; i < json_array_size(from); i++)
			if (append_mark(json_array_get(from, i)) < 0 &&
			    json_array_append(arr, json_array_get(from, i)) < 0)
				return -ENOMEM;
	}
	if (!arr || json_array_append_new(arr, json_pack("{s:b}", APPEND_KEY, append)) < 0)
		return -ENOMEM;
	return json_object_set_new_nocheck(into, key, take_ptr(&arr)) < 0 ? -ENOMEM : 0;
}

int conf_merge(json_t *into, const json_t *over, bool append)
{
	json_t *o = (json_t *)(uintptr_t)over; /* jansson's iterator takes no const */
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v) {
		json_t *old = json_object_get(into, key);
		int r;

		if (json_is_object(v) && json_is_object(old))
			r = conf_merge(old, v, append);
		else if (append && json_is_array(v) && json_is_array(old))
			r = merge_array(into, key, old, v);
		else
			/* a copy: what is merged into it later must not change @over */
			r = json_object_set_new_nocheck(into, key, json_deep_copy(v)) < 0 ? -ENOMEM : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

void conf_merge_finish(json_t *conf)
{
	const char *key;
	json_t *v;

	json_object_foreach(conf, key, v) {
		if (json_is_object(v))
			conf_merge_finish(v);
		for (size_t i = json_array_size(v); json_is_array(v) && i-- > 0;)
			if (append_mark(json_array_get(v, i)) >= 0)
				(void)json_array_remove(v, i); /* the index is in range */
	}
}

/* Which files */

char *conf_user_path(const char *name)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg && *xdg == '/')
		return str_printf("%s/containers/%s", xdg, name);
	if (home && *home == '/')
		return str_printf("%s/.config/containers/%s", home, name);
	errno = ENOENT;
	return NULL;
}

static const char *env_path(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* BASE and BASE.d/ *.conf */
static int add_with_dir(struct strv *v, const char *base, struct err *e)
{
	auto_free char *dir = str_printf("%s.d", base);

	if (!dir || strv_add(v, base) < 0)
		return err_sys(e, ENOMEM, "find containers.conf");
	return conf_list_dir(dir, v, e);
}

static int add_rootless(struct strv *v, struct err *e)
{
	auto_free char *user = conf_user_path("containers.conf");
	auto_free char *dir = str_printf("/etc/containers/containers.rootless.conf.d/%u",
					 (unsigned int)getuid());
	int r = add_with_dir(v, "/etc/containers/containers.rootless.conf", e);

	if (r == 0)
		r = dir ? conf_list_dir(dir, v, e) : err_sys(e, ENOMEM, "find containers.conf");
	if (r == 0 && user)
		r = add_with_dir(v, user, e);
	return r;
}

int conf_containers_paths(bool rootless, struct strv *ret, struct err *e)
{
	const char *only = env_path("CONTAINERS_CONF"), *last = env_path("CONTAINERS_CONF_OVERRIDE");
	int r = 0;

	if (only) {
		r = strv_add(ret, only) < 0 ? err_sys(e, ENOMEM, "find containers.conf") : 0;
	} else {
		if (strv_add(ret, "/usr/share/containers/containers.conf") < 0)
			return err_sys(e, ENOMEM, "find containers.conf");
		r = add_with_dir(ret, "/etc/containers/containers.conf", e);
		if (r == 0 && rootless)
			r = add_rootless(ret, e);
	}
	if (r == 0 && last && strv_add(ret, last) < 0)
		r = err_sys(e, ENOMEM, "find containers.conf");
	return r;
}

int conf_containers_load(bool rootless, json_t **ret, struct err *e)
{
	auto_strv struct strv paths = STRV_INIT;
	auto_json json_t *all = json_object();
	int r = all ? conf_containers_paths(rootless, &paths, e) : err_sys(e, ENOMEM, "read containers.conf");

	for (size_t i = 0; r >= 0 && i < paths.n; i++) {
		auto_json json_t *one = NULL;

		r = conf_load(paths.items[i], &one, e);
		if (r > 0 && conf_merge(all, one, true) < 0)
			r = err_sys(e, ENOMEM, "read %s", paths.items[i]);
	}
	if (r < 0)
		return r;
	conf_merge_finish(all);
	*ret = take_ptr(&all);
	return 0;
}

int conf_storage_load(bool rootless, json_t **ret, bool *ret_own, struct err *e)
{
	static const char *const system[] = { "/etc/containers/storage.conf",
					      "/usr/share/containers/storage.conf" };
	const char *only = env_path("CONTAINERS_STORAGE_CONF");
	auto_free char *user = rootless && !only ? conf_user_path("storage.conf") : NULL;
	int r = 0;

	*ret_own = true;
	if (only) {
		r = conf_load(only, ret, e);
		return r ? r : err_set(e, ERR_NOT_FOUND, "CONTAINERS_STORAGE_CONF names %s, which does "
				       "not exist", only);
	}
	if (user)
		r = conf_load(user, ret, e);
	*ret_own = r > 0 || !rootless;
	for (size_t i = 0; r == 0 && i < sizeof(system) / sizeof(*system); i++)
		r = conf_load(system[i], ret, e);
	return r;
}
