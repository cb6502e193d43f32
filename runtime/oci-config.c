/* Reading config.json by tables of rows. */
#include "oci-config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "file.h"
#include "json-section.h"
#include "json.h"
#include "oci-rows.h"
#include "state.h"

int oci_read_array(const json_t *arr, size_t size, void *ret_items, size_t *ret_n, size_t max,
		   int (*one)(const json_t *obj, void *item, const char *where, struct err *e),
		   const char *where, struct err *e)
{
	size_t n = json_array_size(arr);
	char *items;

	if (n == 0)
		return 0;
	if (n > max)
		return err_set(e, ERR_LIMIT, "%s: more than %zu elements", where, max);
	items = calloc(n, size);
	if (!items)
		return err_sys(e, ENOMEM, "%s", where);
	*(void **)ret_items = items;
	*ret_n = n;
	for (size_t i = 0; i < n; i++) {
		char at[96];
		int r;

		(void)snprintf(at, sizeof(at), "%s[%zu]", where, i);
		r = one(json_array_get(arr, i), items + i * size, at, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* clang-format off */
const char *const hook_names[] = {
	[HOOK_PRESTART] = "prestart",
	[HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer",
	[HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart",
	[HOOK_POSTSTOP] = "poststop",
};
static_assert(sizeof(hook_names) / sizeof(hook_names[0]) == HOOK_COUNT_, "a hook without name");

/* clang-format on */

static int read_mount_maps(const json_t *uids, const json_t *gids, struct oci_mount *m,
			   const char *where, struct err *e)
{
	char at[128];
	int r;

	if (!json_array_size(uids) && !json_array_size(gids))
		return 0;
	if (!json_array_size(uids) || !json_array_size(gids))
		return err_set(e, ERR_INVALID, "%s: uidMappings and gidMappings go together", where);
	m->opts.idmap = true;
	m->idmap = calloc(1, sizeof(*m->idmap));
	if (!m->idmap)
		return err_sys(e, ENOMEM, "%s", where);
	(void)snprintf(at, sizeof(at), "%s.uidMappings", where);
	r = oci_id_map_read(uids, m->idmap->uid, &m->idmap->n_uid, at, e);
	if (r < 0)
		return r;
	(void)snprintf(at, sizeof(at), "%s.gidMappings", where);
	return oci_id_map_read(gids, m->idmap->gid, &m->idmap->n_gid, at, e);
}

static int read_mount(const json_t *obj, void *item, const char *where, struct err *e)
{
	struct {
		const char *destination, *type, *source;
		const json_t *options, *uids, *gids;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "destination", JSON_KIND_STR, offsetof(__typeof__(v), destination), JSON_REQUIRED,
		  4095 },
		{ "type", JSON_KIND_STR, offsetof(__typeof__(v), type), 0, 255 },
		{ "source", JSON_KIND_STR, offsetof(__typeof__(v), source), 0, 4095 },
		{ "options", JSON_KIND_ARRAY, offsetof(__typeof__(v), options) },
		{ "uidMappings", JSON_KIND_ARRAY, offsetof(__typeof__(v), uids) },
		{ "gidMappings", JSON_KIND_ARRAY, offsetof(__typeof__(v), gids) },
		{ 0 },
	};
	struct oci_mount *m = item;
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r < 0)
		return r;
	m->destination = v.destination;
	m->source = v.source;
	m->type = v.type && v.type[0] ? v.type : NULL;
	r = mount_opts_parse(v.options, &m->opts, where, e);
	if (r < 0)
		return r;
	if (m->type && (streq(m->type, "bind") || streq(m->type, "rbind"))) {
		m->opts.bind = true;
		m->opts.recursive |= streq(m->type, "rbind");
	}
	if (m->opts.bind && m->opts.fs_only)
		return err_set(e, ERR_INVALID,
			       "%s.options: a bind mount has an option that only a "
			       "file system can have",
			       where);
	if (!v.destination[0])
		return err_set(e, ERR_INVALID, "%s.destination is empty", where);
	r = read_mount_maps(v.uids, v.gids, m, where, e);
	if (r < 0 || m->opts.remount)
		return r;
	if (m->opts.bind ? !v.source || !v.source[0] : !m->type)
		return err_set(e, ERR_INVALID, "%s: has no %s", where,
			       m->opts.bind ? "source" : "type");
	return 0;
}

static int read_hook(const json_t *obj, void *item, const char *where, struct err *e)
{
	struct {
		const char *path;
		const json_t *args, *env;
		uint32_t timeout;
	} v = { .timeout = UINT32_MAX };
	static const struct json_field rows[] = {
		{ "path", JSON_KIND_STR, offsetof(__typeof__(v), path), JSON_REQUIRED, 4095 },
		{ "args", JSON_KIND_ARRAY, offsetof(__typeof__(v), args) },
		{ "env", JSON_KIND_ARRAY, offsetof(__typeof__(v), env) },
		{ "timeout", JSON_KIND_U32, offsetof(__typeof__(v), timeout), 0, INT32_MAX },
		{ 0 },
	};
	struct oci_hook *h = item;
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r < 0)
		return r;
	if (v.path[0] != '/')
		return err_set(e, ERR_INVALID, "%s.path: \"%.200s\" is not absolute", where,
			       v.path);
	h->path = v.path;
	if (v.timeout == 0)
		return err_set(e, ERR_INVALID, "%s.timeout: expected a number from 1 on", where);
	h->timeout_s = v.timeout == UINT32_MAX ? 0 : v.timeout;
	if (v.args)
		r = json_read_strv(v.args, &h->args, OCI_ARGS_MAX, where, e);
	if (r == 0 && h->args.n == 0)
		r = strv_add(&h->args, v.path);
	if (r == 0 && v.env)
		r = json_read_strv(v.env, &h->env, OCI_ARGS_MAX, where, e);
	return r;
}

int oci_hooks_read(const json_t *obj, struct oci_hooks *ret, struct err *e)
{
	for (int k = 0; k < HOOK_COUNT_; k++) {
		const json_t *arr = json_object_get(obj, hook_names[k]);
		char where[48];
		int r;

		(void)snprintf(where, sizeof(where), "$.hooks.%s", hook_names[k]);
		if (!arr || json_is_null(arr))
			continue;
		if (!json_is_array(arr))
			return err_set(e, ERR_CORRUPT, "%s: expected an array", where);
		r = oci_read_array(arr, sizeof(*ret->items[k]), &ret->items[k], &ret->n[k],
				   OCI_HOOKS_MAX, read_hook, where, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void oci_hooks_done(struct oci_hooks *h)
{
	for (int k = 0; k < HOOK_COUNT_; k++) {
		for (size_t i = 0; i < h->n[k]; i++) {
			strv_done(&h->items[k][i].args);
			strv_done(&h->items[k][i].env);
		}
		free(h->items[k]);
	}
	*h = (struct oci_hooks){ 0 };
}

/* Compatible is, as the runtime-spec has it, whatever has our major version in SemVer's form. */
static int check_version(const char *version, struct err *e)
{
	const char *p = version;

	for (int part = 0; part < 3; part++) {
		size_t digits = strspn(p, "0123456789");

		if (digits == 0 || (digits > 1 && p[0] == '0') ||
		    (part == 0 && (digits != 1 || p[0] != '1')))
			break;
		p += digits;
		if (part < 2 && *p++ != '.')
			break;
		if (part == 2 && (*p == '\0' || ((*p == '-' || *p == '+') && p[1])))
			return 0;
	}
	return err_set(e, ERR_UNSUPPORTED,
		       "$.ociVersion: \"%s\" is not a version 1.x.y, and this runtime knows the "
		       "runtime-spec up to " OCI_VERSION,
		       version);
}

static int check_annotations(const json_t *doc, struct err *e)
{
	json_t *obj = (json_t *)(uintptr_t)doc; /* jansson's iterator takes no const */
	const char *key;
	json_t *value;

	json_object_foreach(obj, key, value) {
		if (!key[0])
			return err_set(e, ERR_INVALID, "$.annotations: an empty key");
		if (!json_is_string(value))
			return err_set(e, ERR_CORRUPT, "$.annotations.%.100s: expected a string",
				       key);
	}
	return 0;
}

struct root_parts {
	const char *version;
	const json_t *root, *process, *mounts, *linux_, *annotations, *hooks, *solaris, *windows,
		*vm;
};

static int read_root(const json_t *obj, struct oci_config *c, struct err *e)
{
	static const struct json_field rows[] = {
		{ "path", JSON_KIND_STR, offsetof(struct oci_config, root_path), JSON_REQUIRED,
		  4095 },
		{ "readonly", JSON_KIND_BOOL, offsetof(struct oci_config, root_readonly) },
		{ 0 },
	};
	int r = json_read(obj, rows, c, JSON_ALLOW_UNKNOWN, "$.root", e);

	if (r == 0 && !c->root_path[0])
		return err_set(e, ERR_INVALID, "$.root.path is empty");
	return r;
}

static int check_whole(const struct oci_config *c, struct err *e)
{
	if (!c->ns[NS_MOUNT].present)
		return err_set(e, ERR_UNSUPPORTED,
			       "$.linux.namespaces: a container without a mount "
			       "namespace of its own is not supported");
	if (c->hostname && c->hostname[0] && !c->ns[NS_UTS].present)
		return err_set(e, ERR_INVALID, "$.hostname needs a uts namespace");
	if (c->domainname && c->domainname[0] && !c->ns[NS_UTS].present)
		return err_set(e, ERR_INVALID, "$.domainname needs a uts namespace");
	if (c->time_offsets && (!c->ns[NS_TIME].present || c->ns[NS_TIME].path))
		return err_set(e, ERR_INVALID, "$.linux.timeOffsets needs a new time namespace");
	if (c->ns[NS_USER].present && !c->ns[NS_USER].path && (!c->idmap.n_uid || !c->idmap.n_gid))
		return err_set(e, ERR_INVALID,
			       "$.linux: a new user namespace needs uidMappings and "
			       "gidMappings");
	if ((c->idmap.n_uid || c->idmap.n_gid) && !c->ns[NS_USER].present)
		return err_set(e, ERR_INVALID,
			       "$.linux: uidMappings and gidMappings need a user "
			       "namespace");
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].opts.idmap && !c->mounts[i].idmap && !c->ns[NS_USER].present)
			return err_set(e, ERR_INVALID,
				       "$.mounts[%zu]: idmap needs uidMappings and gidMappings, or "
				       "a user namespace whose maps it takes",
				       i);
	return 0;
}

int oci_config_read_consume(json_t *doc, struct oci_config *ret, struct err *e)
{
	struct root_parts v = { 0 };
	static const struct json_field rows[] = {
		{ "ociVersion", JSON_KIND_STR, offsetof(struct root_parts, version), JSON_REQUIRED,
		  64 },
		{ "root", JSON_KIND_OBJECT, offsetof(struct root_parts, root), JSON_REQUIRED },
		{ "process", JSON_KIND_OBJECT, offsetof(struct root_parts, process) },
		{ "mounts", JSON_KIND_ARRAY, offsetof(struct root_parts, mounts), 0,
		  OCI_MOUNTS_MAX },
		{ "linux", JSON_KIND_OBJECT, offsetof(struct root_parts, linux_), JSON_REQUIRED },
		{ "annotations", JSON_KIND_OBJECT, offsetof(struct root_parts, annotations) },
		{ "hooks", JSON_KIND_OBJECT, offsetof(struct root_parts, hooks) },
		{ "solaris", JSON_KIND_OBJECT, offsetof(struct root_parts, solaris) },
		{ "windows", JSON_KIND_OBJECT, offsetof(struct root_parts, windows) },
		{ "vm", JSON_KIND_OBJECT, offsetof(struct root_parts, vm) },
		{ 0 },
	};
	static const struct json_field names[] = {
		{ "hostname", JSON_KIND_STR, offsetof(struct oci_config, hostname), 0, 64 },
		{ "domainname", JSON_KIND_STR, offsetof(struct oci_config, domainname), 0, 64 },
		{ 0 },
	};
	int r;

	ret->doc = doc;
	r = json_read(doc, rows, &v, JSON_ALLOW_UNKNOWN, "$", e);
	if (r == 0)
		r = json_read(doc, names, ret, JSON_ALLOW_UNKNOWN, "$", e);
	if (r == 0)
		r = check_version(v.version, e);
	if (r == 0 && (v.solaris || v.windows || v.vm))
		r = err_set(e, ERR_UNSUPPORTED, "$: the bundle is not for Linux");
	if (r == 0)
		r = read_root(v.root, ret, e);
	if (r == 0)
		r = oci_read_array(v.mounts, sizeof(*ret->mounts), &ret->mounts, &ret->n_mounts,
				   OCI_MOUNTS_MAX, read_mount, "$.mounts", e);
	if (r == 0)
		r = oci_linux_read(v.linux_, ret, e);
	if (r == 0 && v.process) {
		ret->has_process = true;
		r = oci_process_read(v.process, &ret->process, "$.process", e);
	}
	if (r == 0 && v.hooks)
		r = oci_hooks_read(v.hooks, &ret->hooks, e);
	if (r == 0)
		r = check_annotations(v.annotations, e);
	ret->annotations = v.annotations;
	ret->hooks_doc = v.hooks;
	return r < 0 ? r : check_whole(ret, e);
}

#define DIGITS "0123456789"
#define LONG_DIGITS 19 /* of 2^63 */

/* A run of so many digits has one at every so many bytes. */
static bool has_long_number(const char *buf, size_t len)
{
	for (size_t i = LONG_DIGITS - 1; i < len; i += LONG_DIGITS) {
		size_t start = i;

		while (start > 0 && buf[start] >= '0' && buf[start] <= '9')
			start--;
		if (start < i && strspn(buf + start + 1, DIGITS) >= LONG_DIGITS)
			return true;
	}
	return false;
}

/*
 * The runtime-spec has integers of 64 bits without sign, jansson of 63 bits with one.  Outside of
 * strings, those that do not fit become the negative number of the same bits: what 2^64-1 (no
 * limit) and arguments of system calls are for those who read them.
 */
static int patch_large_integers(char **buf, size_t *len)
{
	auto_strbuf struct strbuf out = STRBUF_INIT;
	const char *p = *buf, *end = p + *len;
	bool in_string = false;

	if (!has_long_number(p, *len))
		return 0;
	while (p < end) {
		size_t n = 1;

		if (in_string && *p == '\\' && p + 1 < end)
			n = 2;
		else if (*p == '"')
			in_string = !in_string;
		else if (!in_string)
			n = strspn(p, DIGITS);
		if (n >= LONG_DIGITS && !strchr(".eE-+", p[n]) && (p == *buf || p[-1] != '-')) {
			char digits[24] = "";
			unsigned long long v;

			memcpy(digits, p, n < sizeof(digits) ? n : sizeof(digits) - 1);
			errno = 0;
			v = strtoull(digits, NULL, 10);
			/* What is larger still, the parser refuses. */
			if (errno == 0 && n < sizeof(digits) && v > INT64_MAX) {
				strbuf_addf(&out, "%lld", (long long)v);
				p += n;
				continue;
			}
		}
		n = n ? n : 1;
		strbuf_addn(&out, p, n);
		p += n;
	}
	if (out.failed)
		return -ENOMEM;
	free(*buf);
	*len = out.len;
	*buf = take_ptr(&out.data);
	return 0;
}

/*
 * Take linux.seccomp out of @buf as text, leaving null: it is most of the file, and only who has no
 * filter of it yet must read it.  A second one is still there, and refused as a duplicate.
 */
static int cut_seccomp(char *buf, size_t len, char **ret, struct err *e)
{
	static const char *const path[] = { "linux", "seccomp", NULL };
	size_t at, n;

	if (!json_section(buf, len, path, &at, &n) || n < 4 || memchr(buf + at, '\0', n))
		return 0;
	*ret = strndup(buf + at, n);
	if (!*ret)
		return err_sys(e, ENOMEM, "read config.json of the bundle");
	memset(buf + at, ' ', n);
	memcpy(buf + at, "null", 4);
	return 0;
}

int oci_config_load(int bundle_fd, const char *name, struct oci_config *ret, struct err *e)
{
	const char *file = name ? name : "config.json";
	auto_free char *buf = NULL, *seccomp = NULL;
	json_t *doc;
	size_t len;
	int r = file[0] == '/' ? file_read_path(file, OCI_CONFIG_MAX_BYTES, &buf, &len)
			       : file_read(bundle_fd, file, OCI_CONFIG_MAX_BYTES, &buf, &len);

	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "%s is larger than %u bytes", file,
			       OCI_CONFIG_MAX_BYTES);
	if (r < 0)
		return err_sys(e, r, "read %s of the bundle", file);
	if (patch_large_integers(&buf, &len) < 0)
		return err_sys(e, ENOMEM, "read %s of the bundle", file);
	r = cut_seccomp(buf, len, &seccomp, e);
	if (r == 0)
		r = json_parse(buf, len, OCI_CONFIG_MAX_BYTES, file, &doc, e);
	if (r < 0)
		return r;
	r = oci_config_read_consume(doc, ret, e);
	ret->seccomp_text = take_ptr(&seccomp);
	return r < 0 ? err_wrap(e, r, "%s", file) : 0;
}

static void oci_mount_done(struct oci_mount *m)
{
	mount_opts_done(&m->opts);
	free(m->idmap);
}

void oci_config_done(struct oci_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		oci_mount_done(&c->mounts[i]);
	free(c->mounts);
	oci_process_done(&c->process);
	strv_done(&c->masked);
	strv_done(&c->readonly);
	free(c->devices);
	free(c->sysctls);
	oci_hooks_done(&c->hooks);
	free(c->seccomp_text);
	json_decref(c->seccomp_doc);
	json_decref(c->doc);
	*c = (struct oci_config){ 0 };
}
