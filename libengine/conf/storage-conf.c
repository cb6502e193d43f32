/* storage.conf. */
#include "storage-conf.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf-file.h"
#include "fd.h"
#include "json.h"
#include "log.h"
#include "path.h"

#define SYSTEM_ROOT "/var/lib/containers/storage"	/* podman's when nothing is configured */
#define SYSTEM_RUN "/run/containers/storage"
#define OURS "ctr-lite"
#define STORES_MAX 100
#define PATH_TEXT_MAX 4096

void storage_conf_done(struct storage_conf *c)
{
	int saved = errno;

	free(c->root);
	free(c->run);
	free(c->podman_root);
	free(c->driver);
	strv_done(&c->additional);
	*c = (struct storage_conf)STORAGE_CONF_INIT;
	errno = saved;
}

/* Places */

static int add_variable(struct strbuf *b, const char *name, size_t n)
{
	auto_free char *key = strndup(name, n);
	const char *value = key ? getenv(key) : NULL;

	if (!key)
		return -ENOMEM;
	if (!value && streq(key, "UID"))
		strbuf_addf(b, "%u", (unsigned int)geteuid());
	else if (value)
		strbuf_add(b, value);
	else
		return -ENOENT;
	return 0;
}

/* $NAME and ${NAME} are the environment's; $UID is known without it.  The result is absolute. */
static int expand(const char *key, const char *s, char **ret, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	int r = 0;

	strbuf_add(&b, "");
	for (const char *p = s; r == 0 && *p;) {
		bool braces = p[0] == '$' && p[1] == '{';
		const char *name = p + 1 + braces;
		size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

		if (*p != '$' || n == 0 || (braces && name[n] != '}')) {
			strbuf_addc(&b, *p++);
			continue;
		}
		r = add_variable(&b, name, n);
		p = name + n + braces;
	}
	if (r == -ENOENT || (r == 0 && !b.failed && *b.data != '/'))
		return err_set(e, ERR_CORRUPT, "storage.conf: %s is \"%.200s\", %s", key, s,
			       r < 0 ? "of which a variable is not set" : "which is no absolute path");
	if (r < 0 || b.failed)
		return err_sys(e, ENOMEM, "read storage.conf");
	*ret = path_clean_abs(b.data);
	return *ret ? 0 : err_sys(e, ENOMEM, "read storage.conf");
}

/* Ours below what is configured; NULL where that is what podman has anyway. */
static int below(const char *path, const char *usual, char **ret, struct err *e)
{
	if (usual && streq(path, usual))
		return 0;
	*ret = path_join(path, OURS);
	return *ret ? 0 : err_sys(e, ENOMEM, "read storage.conf");
}

static char *usual_root(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return strdup(SYSTEM_ROOT);
	if (data && *data == '/')
		return str_printf("%s/containers/storage", data);
	return home && *home == '/' ? str_printf("%s/.local/share/containers/storage", home) : NULL;
}

struct fields {
	const char *driver, *root, *run, *rootless;
	const json_t *options;
};

static const struct json_field rows[] = {
	{ "driver", JSON_KIND_STR, offsetof(struct fields, driver), 0, 100 },
	{ "graphroot", JSON_KIND_STR, offsetof(struct fields, root), 0, PATH_TEXT_MAX },
	{ "runroot", JSON_KIND_STR, offsetof(struct fields, run), 0, PATH_TEXT_MAX },
	{ "rootless_storage_path", JSON_KIND_STR, offsetof(struct fields, rootless), 0, PATH_TEXT_MAX },
	{ "options", JSON_KIND_OBJECT, offsetof(struct fields, options) },
	{ 0 },
};

const char *const storage_conf_keys[] = { "driver", "graphroot", "runroot", "rootless_storage_path",
					  "options.additionalimagestores",
					  NULL };

/* @own: a file that speaks of this user's store.  The system's says to others only where below it
 * theirs are (rootless_storage_path). */
static int read_places(const struct fields *f, bool own, struct storage_conf *c, struct err *e)
{
	auto_free char *usual = usual_root();
	const char *root = own && f->root && *f->root ? f->root : NULL;
	const char *key = root ? "graphroot" : "rootless_storage_path";
	int r = 0;

	if (!root && geteuid() != 0 && f->rootless && *f->rootless)
		root = f->rootless;
	if (root)
		r = expand(key, root, &c->podman_root, e);
	if (r == 0 && root)
		r = below(c->podman_root, usual, &c->root, e);
	if (r == 0 && own && f->run && *f->run) {
		auto_free char *run = NULL;

		r = expand("runroot", f->run, &run, e);
		if (r == 0)
			r = below(run, geteuid() == 0 ? SYSTEM_RUN : NULL, &c->run, e);
	}
	return r;
}

/* Options */

static int read_stores(const json_t *list, struct storage_conf *c, struct err *e)
{
	auto_strv struct strv paths = STRV_INIT;
	int r = json_read_strv(list, &paths, STORES_MAX, "storage.conf: additionalimagestores", e);

	for (size_t i = 0; r == 0 && i < paths.n; i++) {
		char *path = NULL;

		if (!*paths.items[i])
			continue;
		r = expand("additionalimagestores", paths.items[i], &path, e);
		if (r == 0 && strv_add_take(&c->additional, path) < 0)
			r = err_sys(e, ENOMEM, "read storage.conf");
	}
	return r;
}

static int read_options(const json_t *o, struct storage_conf *c, struct err *e)
{
	const json_t *stores = json_object_get(o, "additionalimagestores");
	const json_t *partial = json_object_get(json_object_get(o, "pull_options"), "enable_partial_images");

	if (partial)
		c->no_partial_images = json_is_false(partial) ||
				       (json_is_string(partial) && streq(json_string_value(partial), "false"));
	return stores ? read_stores(stores, c, e) : 0;
}

/* How podman's driver is to mount, and what it may overlook: the engine finds that out by trying. */
static bool is_void(const char *key)
{
	static const char *const keys[] = { "mount_program", "mountopt", "ignore_chown_errors",
					    "skip_mount_home" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (streq(key, keys[i]))
			return true;
	return false;
}

int storage_conf_option(struct storage_conf *c, const char *option, struct err *e)
{
	const char *eq = strchrnul(option, '='), *dot;
	auto_free char *key = strndup(option, (size_t)(eq - option));
	const char *name = key;
	char *path = NULL;
	int r;

	if (!key)
		return err_sys(e, ENOMEM, "read the storage options");
	if (!*eq)
		return err_set(e, ERR_INVALID, "storage option \"%.100s\": KEY=VALUE is expected", option);
	dot = strrchr(key, '.');
	if (dot && !str_starts(key, "overlay.") && !str_starts(key, "overlay2.") && *key != '.')
		return err_set(e, ERR_UNSUPPORTED, "storage option %.100s: layers are stored for overlay", key);
	if (dot)
		name = dot + 1;
	if (is_void(name)) {
		log_info("storage option %s has no effect: the kernel's overlay is used as it needs to be", key);
		return 0;
	}
	if (!streq(name, "additionalimagestore") && !streq(name, "additionalimagestores") &&
	    !streq(name, "imagestore"))
		return err_set(e, ERR_UNSUPPORTED, "storage option %.100s has no meaning here", key);
	r = expand(name, eq + 1, &path, e);
	if (r == 0 && strv_add_take(&c->additional, path) < 0)
		r = err_sys(e, ENOMEM, "read the storage options");
	return r;
}

static int read_env(struct storage_conf *c, struct err *e)
{
	const char *driver = getenv("STORAGE_DRIVER"), *opts = getenv("STORAGE_OPTS");
	auto_strv struct strv list = STRV_INIT;
	int r = 0;

	if (driver && *driver) {
		free(c->driver);
		c->driver = strdup(driver);
		if (!c->driver)
			return err_sys(e, ENOMEM, "read STORAGE_DRIVER");
	}
	if (opts && *opts && strv_split(&list, opts, ',') < 0)
		return err_sys(e, ENOMEM, "read STORAGE_OPTS");
	for (size_t i = 0; r == 0 && i < list.n; i++)
		if (*list.items[i])
			r = storage_conf_option(c, list.items[i], e);
	return r < 0 ? err_wrap(e, r, "STORAGE_OPTS") : 0;
}

static int read_file(const json_t *j, bool own, struct storage_conf *c, struct err *e)
{
	const json_t *storage = json_object_get(j, "storage");
	struct fields f = { 0 };
	int r = storage ? json_read(storage, rows, &f, JSON_ALLOW_UNKNOWN, "storage.conf: storage", e) : 0;

	if (r == 0)
		r = read_places(&f, own, c, e);
	if (r == 0 && f.driver && *f.driver) {
		c->driver = strdup(f.driver);
		r = c->driver ? 0 : err_sys(e, ENOMEM, "read storage.conf");
	}
	if (r == 0 && f.options)
		r = read_options(f.options, c, e);
	return r;
}

int storage_conf_load(struct storage_conf *ret, struct err *e)
{
	struct storage_conf c = STORAGE_CONF_INIT;
	auto_json json_t *j = NULL;
	bool own = false;
	int r = conf_storage_load(geteuid() != 0, &j, &own, e);

	if (r > 0)
		r = read_file(j, own, &c, e);
	if (r >= 0 && !c.podman_root)
		c.podman_root = usual_root();
	if (r >= 0)
		r = read_env(&c, e);
	if (r < 0) {
		storage_conf_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}
