/* registries.d, see registries-d.h. */
#include "registries-d.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "json.h"
#include "path.h"
#include "str.h"
#include "yaml-read.h"

#define SYSTEM_DIR "/etc/containers/registries.d"
#define USER_DIR ".config/containers/registries.d"
#define SYSTEM_LOOKASIDE "/var/lib/containers/sigstore"
#define USER_LOOKASIDE ".local/share/containers/sigstore"

void registries_d_done(struct registries_d *d)
{
	json_decref(d->scopes);
	json_decref(d->by_default);
	*d = (struct registries_d)REGISTRIES_D_INIT;
}

/* Reading */

struct settings {
	const char *lookaside, *staging, *sigstore, *sigstore_staging;
	bool attachments;
};
#define AT(m) offsetof(struct settings, m)
/* clang-format off */
static const struct json_field settings_fields[] = {
	{ "lookaside",                JSON_KIND_STR,  AT(lookaside), 0, 4096 },
	{ "lookaside-staging",        JSON_KIND_STR,  AT(staging), 0, 4096 },
	{ "sigstore",                 JSON_KIND_STR,  AT(sigstore), 0, 4096 },
	{ "sigstore-staging",         JSON_KIND_STR,  AT(sigstore_staging), 0, 4096 },
	{ "use-sigstore-attachments", JSON_KIND_BOOL, AT(attachments), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

struct file_doc {
	const json_t *by_default, *docker;
};
#define AT(m) offsetof(struct file_doc, m)
/* clang-format off */
static const struct json_field file_fields[] = {
	{ "default-docker", JSON_KIND_OBJECT, AT(by_default), 0, 0 },
	{ "docker",         JSON_KIND_OBJECT, AT(docker), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

static int check_settings(const json_t *j, const char *path, struct err *e)
{
	struct settings s = { 0 };

	return json_read(j, settings_fields, &s, JSON_ALLOW_UNKNOWN, path, e);
}

static int merge_file(struct registries_d *d, const json_t *doc, const char *path, struct err *e)
{
	struct file_doc f = { 0 };
	const char *scope;
	json_t *settings;
	int r = json_read(doc, file_fields, &f, JSON_ALLOW_UNKNOWN, path, e);

	if (r == 0 && f.by_default) {
		if (d->by_default)
			return err_set(e, ERR_CORRUPT, "%s: default-docker is set in another file as well", path);
		r = check_settings(f.by_default, path, e);
		d->by_default = json_deep_copy(f.by_default);
	}
	json_object_foreach((json_t *)(uintptr_t)f.docker, scope, settings) {
		if (r == 0)
			r = check_settings(settings, path, e);
		if (r == 0 && json_object_get(d->scopes, scope))
			r = err_set(e, ERR_CORRUPT, "%s: \"%.200s\" is set in another file as well", path, scope);
		if (r == 0 && json_object_set(d->scopes, scope, settings) < 0)
			r = err_sys(e, ENOMEM, "read %s", path);
	}
	return r;
}

static int load_file(struct registries_d *d, const char *path, struct err *e)
{
	auto_free char *buf = NULL;
	auto_json json_t *doc = NULL;
	size_t len;
	int r = file_read_path(path, YAML_MAX_BYTES, &buf, &len);

	if (r < 0)
		return err_sys(e, r, "read %s", path);
	r = yaml_read(buf, len, path, &doc, e);
	return r < 0 ? r : merge_file(d, doc, path, e);
}

static char *find_dir(void)
{
	const char *home = getenv("HOME");
	auto_free char *user = home && *home == '/' ? str_printf("%s/" USER_DIR, home) : NULL;

	if (user && access(user, F_OK) == 0)
		return take_ptr(&user);
	return strdup(SYSTEM_DIR);
}

int registries_d_load(const char *dir, struct registries_d *ret, struct err *e)
{
	auto_registries_d struct registries_d d = { .scopes = json_object() };
	auto_free char *at = dir ? strdup(dir) : find_dir();
	auto_dir DIR *list = at ? opendir(at) : NULL;
	struct dirent *de;
	int r = 0;

	if (!d.scopes || !at)
		return err_sys(e, ENOMEM, "read registries.d");
	if (!list && errno != ENOENT)
		return err_sys(e, errno, "read %s", at);
	while (r == 0 && list && (de = readdir(list))) {
		auto_free char *path = NULL;

		if (de->d_name[0] == '.' || !str_ends(de->d_name, ".yaml"))
			continue;
		path = path_join(at, de->d_name);
		r = path ? load_file(&d, path, e) : err_sys(e, ENOMEM, "read %s", at);
	}
	if (r < 0)
		return r;
	*ret = d;
	d = (struct registries_d)REGISTRIES_D_INIT;
	return 0;
}

/* Asking */

static const char *setting(const json_t *settings, const char *name, const char *old_name)
{
	const char *s = json_string_value(json_object_get(settings, name));

	return s && *s ? s : json_string_value(json_object_get(settings, old_name));
}

/* What is written goes to the staging area where there is one. */
static const char *lookaside_of(const json_t *settings, bool write)
{
	const char *s = write ? setting(settings, "lookaside-staging", "sigstore-staging") : NULL;

	s = s && *s ? s : setting(settings, "lookaside", "sigstore");
	return s && *s ? s : NULL;
}

/* Calls @fn on the settings of @scope, then on those of what it is below of: "host/a/b", "host/a",
 * "host", "*.domain", "". */
static const void *each_scope(const struct registries_d *d, char *scope,
			      const void *(*fn)(const json_t *settings, bool arg), bool arg)
{
	const void *found = NULL;

	for (char *slash; !found; *slash = '\0') {
		found = fn(json_object_get(d->scopes, scope), arg);
		slash = strrchr(scope, '/');
		if (!slash)
			break;
	}
	for (char *dot = strchr(scope, '.'); !found && dot; dot = strchr(dot + 1, '.')) {
		auto_free char *wild = str_printf("*%s", dot);

		found = wild ? fn(json_object_get(d->scopes, wild), arg) : NULL;
	}
	return found ? found : fn(d->by_default, arg);
}

static const void *fn_lookaside(const json_t *settings, bool write)
{
	return lookaside_of(settings, write);
}

static const void *fn_attachments(const json_t *settings, bool ignored)
{
	const json_t *v = json_object_get(settings, "use-sigstore-attachments");

	(void)ignored;
	return json_is_boolean(v) ? v : NULL;
}

/* "host/path:tag" and all that is above of it, as the file may name it. */
static const void *find(const struct registries_d *d, const struct ctr_reference *ref,
			const void *(*fn)(const json_t *settings, bool arg), bool arg)
{
	char text[REF_STR_MAX];
	const void *found = NULL;

	if (json_object_size(d->scopes))
		found = fn(json_object_get(d->scopes, ctr_reference_str(ref, text)), arg);
	(void)ctr_reference_name(ref, text);
	return found ? found : each_scope(d, text, fn, arg);
}

const char *registries_d_lookaside_set(const struct registries_d *d, const char *scope)
{
	auto_free char *copy = strdup(scope);

	return copy ? each_scope(d, copy, fn_lookaside, false) : NULL;
}

bool registries_d_attachments(const struct registries_d *d, const struct ctr_reference *ref)
{
	return json_is_true((const json_t *)find(d, ref, fn_attachments, false));
}

static char *own_lookaside(void)
{
	const char *home = getenv("HOME");

	if (geteuid() == 0)
		return strdup("file://" SYSTEM_LOOKASIDE);
	return home && *home == '/' ? str_printf("file://%s/" USER_LOOKASIDE, home) : NULL;
}

int registries_d_lookaside(const struct registries_d *d, const struct ctr_reference *ref, bool write,
			   char **ret, struct err *e)
{
	const char *set = find(d, ref, fn_lookaside, write);
	auto_free char *base = set ? strdup(set) : own_lookaside();
	size_t len;

	if (!base)
		return err_set(e, ERR_INVALID, "the directory for signatures is not known: $HOME is not set");
	if (!str_starts(base, "file:///") && !str_starts(base, "https://") && !str_starts(base, "http://"))
		return err_set(e, ERR_INVALID, "registries.d: lookaside \"%.200s\" is neither file:///, https:// "
			       "nor http://", base);
	for (len = strlen(base); base[len - 1] == '/'; len--)
		base[len - 1] = '\0';
	*ret = str_printf("%s/%s", base, ref->path);
	return *ret ? 0 : err_sys(e, ENOMEM, "find the signatures");
}
