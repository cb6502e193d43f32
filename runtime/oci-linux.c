/* The member "linux" of config.json: namespaces, id maps, devices, sysctls, paths. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fd.h"
#include "json.h"
#include "oci-rows.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* clang-format off */
const struct ns_type ns_types[] = {
	[NS_USER] = { "user", "user", CLONE_NEWUSER },
	[NS_MOUNT] = { "mount", "mnt", CLONE_NEWNS },
	[NS_PID] = { "pid", "pid", CLONE_NEWPID },
	[NS_NET] = { "network", "net", CLONE_NEWNET },
	[NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", "uts", CLONE_NEWUTS },
	[NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP },
	[NS_TIME] = { "time", "time", CLONE_NEWTIME },
};
/* clang-format on */

static int read_ns(const json_t *arr, struct oci_config *c, struct err *e)
{
	for (size_t i = 0; i < json_array_size(arr); i++) {
		struct {
			const char *type, *path;
		} v = { 0 };
		static const struct json_field rows[] = {
			{ "type", JSON_KIND_STR, offsetof(__typeof__(v), type), JSON_REQUIRED, 64 },
			{ "path", JSON_KIND_STR, offsetof(__typeof__(v), path), 0, 4095 },
			{ 0 },
		};
		char where[48];
		int k = 0, r;

		(void)snprintf(where, sizeof(where), "$.linux.namespaces[%zu]", i);
		r = json_read(json_array_get(arr, i), rows, &v, JSON_ALLOW_UNKNOWN, where, e);
		if (r < 0)
			return r;
		while (k < NS_COUNT_ && !streq(ns_types[k].name, v.type))
			k++;
		if (k == NS_COUNT_)
			return err_set(e, ERR_INVALID, "%s.type: \"%s\" is not a namespace", where,
				       v.type);
		if (c->ns[k].present)
			return err_set(e, ERR_INVALID, "%s: a second %s namespace", where, v.type);
		if (v.path && v.path[0] && v.path[0] != '/')
			return err_set(e, ERR_INVALID, "%s.path: \"%.200s\" is not absolute", where,
				       v.path);
		c->ns[k].present = true;
		c->ns[k].path = v.path && v.path[0] ? v.path : NULL;
	}
	return 0;
}

int oci_id_map_read(const json_t *arr, struct idmap_range *to, uint32_t *ret_n, const char *where,
		    struct err *e)
{
	size_t n = json_array_size(arr);

	if (n > IDMAP_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d ranges", where, IDMAP_MAX);
	for (size_t i = 0; i < n; i++) {
		static const struct json_field rows[] = {
			{ "containerID", JSON_KIND_U32, offsetof(struct idmap_range, container),
			  JSON_REQUIRED, UINT32_MAX - 1 },
			{ "hostID", JSON_KIND_U32, offsetof(struct idmap_range, host),
			  JSON_REQUIRED, UINT32_MAX - 1 },
			{ "size", JSON_KIND_U32, offsetof(struct idmap_range, count), JSON_REQUIRED,
			  UINT32_MAX },
			{ 0 },
		};
		char at[64];
		int r;

		(void)snprintf(at, sizeof(at), "%s[%zu]", where, i);
		r = json_read(json_array_get(arr, i), rows, &to[i], JSON_ALLOW_UNKNOWN, at, e);
		if (r < 0)
			return r;
		if (to[i].count == 0)
			return err_set(e, ERR_INVALID, "%s.size is 0", at);
		if (to[i].count > UINT32_MAX - to[i].container ||
		    to[i].count > UINT32_MAX - to[i].host)
			return err_set(e, ERR_INVALID, "%s: goes beyond the last id", at);
	}
	*ret_n = (uint32_t)n;
	return 0;
}

static int read_device(const json_t *obj, void *item, const char *where, struct err *e)
{
	struct {
		const char *path, *type;
		int64_t major, minor;
		uint32_t mode, uid, gid;
	} v = { .major = -1, .minor = -1, .mode = 0666 };
	static const struct json_field rows[] = {
		{ "path", JSON_KIND_STR, offsetof(__typeof__(v), path), JSON_REQUIRED, 4095 },
		{ "type", JSON_KIND_STR, offsetof(__typeof__(v), type), JSON_REQUIRED, 1 },
		{ "major", JSON_KIND_I64, offsetof(__typeof__(v), major) },
		{ "minor", JSON_KIND_I64, offsetof(__typeof__(v), minor) },
		{ "fileMode", JSON_KIND_U32, offsetof(__typeof__(v), mode) },
		{ "uid", JSON_KIND_U32, offsetof(__typeof__(v), uid), 0, UINT32_MAX - 1 },
		{ "gid", JSON_KIND_U32, offsetof(__typeof__(v), gid), 0, UINT32_MAX - 1 },
		{ 0 },
	};
	struct oci_device *d = item;
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r < 0)
		return r;
	switch (v.type[0]) {
	case 'c':
	case 'u':
		d->type = S_IFCHR;
		break;
	case 'b':
		d->type = S_IFBLK;
		break;
	case 'p':
		d->type = S_IFIFO;
		break;
	default:
		return err_set(e, ERR_INVALID, "%s.type: \"%s\" is not c, b, u or p", where,
			       v.type);
	}
	if (d->type == S_IFIFO)
		v.major = v.minor = 0;
	if (v.major < 0 || v.major > 0xfff || v.minor < 0 || v.minor > 0xfffff)
		return err_set(e, ERR_INVALID,
			       "%s: device number %" PRId64 ":%" PRId64
			       " is missing or out of range",
			       where, v.major, v.minor);
	d->path = v.path;
	d->rdev = makedev((unsigned int)v.major, (unsigned int)v.minor);
	d->mode = v.mode & 07777; /* some writers put the type bits in as well */
	d->uid = v.uid;
	d->gid = v.gid;
	return 0;
}

static int read_sysctls(const json_t *doc, struct oci_config *c, struct err *e)
{
	json_t *obj = (json_t *)(uintptr_t)doc; /* jansson's iterator takes no const */
	const char *name;
	json_t *value;

	if (json_object_size(doc) > OCI_PATHS_MAX)
		return err_set(e, ERR_LIMIT, "$.linux.sysctl: more than %d members", OCI_PATHS_MAX);
	if (json_object_size(doc) == 0)
		return 0;
	c->sysctls = calloc(json_object_size(doc), sizeof(*c->sysctls));
	if (!c->sysctls)
		return err_sys(e, ENOMEM, "$.linux.sysctl");
	json_object_foreach(obj, name, value) {
		if (!json_is_string(value) ||
		    strlen(json_string_value(value)) != json_string_length(value))
			return err_set(e, ERR_CORRUPT, "$.linux.sysctl.%.100s: expected a string",
				       name);
		c->sysctls[c->n_sysctls].name = name;
		c->sysctls[c->n_sysctls++].value = json_string_value(value);
	}
	return 0;
}

static int read_time_offset(const json_t *obj, const char *name, int64_t *secs, uint32_t *nanosecs,
			    struct err *e)
{
	struct {
		int64_t secs;
		uint32_t nanosecs;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "secs", JSON_KIND_I64, offsetof(__typeof__(v), secs) },
		{ "nanosecs", JSON_KIND_U32, offsetof(__typeof__(v), nanosecs), 0, 999999999 },
		{ 0 },
	};
	char where[48];
	int r;

	if (!obj)
		return 0;
	(void)snprintf(where, sizeof(where), "$.linux.timeOffsets.%s", name);
	r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);
	*secs = v.secs;
	*nanosecs = v.nanosecs;
	return r;
}

static int read_time_offsets(const json_t *obj, struct oci_config *c, struct err *e)
{
	struct {
		const json_t *monotonic, *boottime;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "monotonic", JSON_KIND_OBJECT, offsetof(__typeof__(v), monotonic) },
		{ "boottime", JSON_KIND_OBJECT, offsetof(__typeof__(v), boottime) },
		{ 0 },
	};
	int r = json_read(obj, rows, &v, 0, "$.linux.timeOffsets", e);

	if (r == 0)
		r = read_time_offset(v.monotonic, "monotonic", &c->time_secs[0],
				     &c->time_nanosecs[0], e);
	if (r == 0)
		r = read_time_offset(v.boottime, "boottime", &c->time_secs[1], &c->time_nanosecs[1],
				     e);
	c->time_offsets = obj;
	return r;
}

static int read_personality(const json_t *obj, struct oci_config *c, struct err *e)
{
	struct {
		const char *domain;
		const json_t *flags;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "domain", JSON_KIND_STR, offsetof(__typeof__(v), domain), JSON_REQUIRED, 64 },
		{ "flags", JSON_KIND_ARRAY, offsetof(__typeof__(v), flags) },
		{ 0 },
	};
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, "$.linux.personality", e);

	if (r < 0)
		return r;
	if (json_array_size(v.flags))
		return err_set(e, ERR_UNSUPPORTED, "$.linux.personality.flags: none is defined");
	c->has_personality = true;
	if (streq(v.domain, "LINUX"))
		c->personality = PER_LINUX;
	else if (streq(v.domain, "LINUX32"))
		c->personality = PER_LINUX32;
	else
		return err_set(e, ERR_INVALID,
			       "$.linux.personality.domain: \"%s\" is not LINUX or LINUX32",
			       v.domain);
	return 0;
}

struct linux_parts {
	const json_t *namespaces, *uids, *gids, *devices, *masked, *readonly, *sysctl,
		*time_offsets;
	const json_t *personality, *rdt, *memory_policy, *net_devices;
};

#define LINUX(member) (sizeof(struct oci_config) + offsetof(struct linux_parts, member))
static const struct json_field linux_rows[] = {
	{ "namespaces", JSON_KIND_ARRAY, LINUX(namespaces), 0, 64 },
	{ "uidMappings", JSON_KIND_ARRAY, LINUX(uids) },
	{ "gidMappings", JSON_KIND_ARRAY, LINUX(gids) },
	{ "devices", JSON_KIND_ARRAY, LINUX(devices), 0, OCI_PATHS_MAX },
	{ "maskedPaths", JSON_KIND_ARRAY, LINUX(masked), 0, OCI_PATHS_MAX },
	{ "readonlyPaths", JSON_KIND_ARRAY, LINUX(readonly), 0, OCI_PATHS_MAX },
	{ "sysctl", JSON_KIND_OBJECT, LINUX(sysctl) },
	{ "timeOffsets", JSON_KIND_OBJECT, LINUX(time_offsets) },
	{ "personality", JSON_KIND_OBJECT, LINUX(personality) },
	{ "intelRdt", JSON_KIND_OBJECT, LINUX(rdt) },
	{ "memoryPolicy", JSON_KIND_OBJECT, LINUX(memory_policy) },
	{ "netDevices", JSON_KIND_OBJECT, LINUX(net_devices) },
	{ "mountLabel", JSON_KIND_STR, offsetof(struct oci_config, mount_label), 0, 4096 },
	{ "rootfsPropagation", JSON_KIND_STR, offsetof(struct oci_config, rootfs_propagation), 0,
	  32 },
	{ "cgroupsPath", JSON_KIND_STR, offsetof(struct oci_config, cgroups_path), 0, 4095 },
	{ "resources", JSON_KIND_OBJECT, offsetof(struct oci_config, resources) },
	{ "seccomp", JSON_KIND_OBJECT, offsetof(struct oci_config, seccomp) },
	{ 0 },
};

static int check_unsupported(const struct linux_parts *l, struct err *e)
{
	const struct {
		const char *name;
		bool asked;
		const char *why;
	} parts[] = {
		{ "intelRdt", json_object_size(l->rdt) > 0,
		  "it needs root and a CPU with resource control, which this runtime does not drive" },
		/* What is of a later version of the runtime-spec must not be passed over. */
		{ "memoryPolicy", json_object_size(l->memory_policy) > 0, "it is of runtime-spec 1.3" },
		{ "netDevices", json_object_size(l->net_devices) > 0, "it is of runtime-spec 1.3" },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].asked)
			return err_set(e, ERR_UNSUPPORTED, "$.linux.%s is not supported: %s",
				       parts[i].name, parts[i].why);
	return 0;
}

int oci_linux_read(const json_t *obj, struct oci_config *c, struct err *e)
{
	struct {
		struct oci_config c;
		struct linux_parts l;
	} *v = calloc(1, sizeof(*v));
	auto_free void *owner = v;
	int r;

	if (!v)
		return err_sys(e, ENOMEM, "$.linux");
	r = json_read(obj, linux_rows, v, JSON_ALLOW_UNKNOWN, "$.linux", e);
	if (r < 0)
		return r;
	c->rootfs_propagation = v->c.rootfs_propagation;
	c->mount_label = v->c.mount_label;
	c->cgroups_path = v->c.cgroups_path;
	c->resources = v->c.resources;
	c->seccomp = v->c.seccomp;
	r = check_unsupported(&v->l, e);
	if (r == 0)
		r = read_ns(v->l.namespaces, c, e);
	if (r == 0)
		r = oci_id_map_read(v->l.uids, c->idmap.uid, &c->idmap.n_uid, "$.linux.uidMappings", e);
	if (r == 0)
		r = oci_id_map_read(v->l.gids, c->idmap.gid, &c->idmap.n_gid, "$.linux.gidMappings", e);
	if (r == 0)
		r = oci_read_array(v->l.devices, sizeof(*c->devices), &c->devices, &c->n_devices,
				   OCI_PATHS_MAX, read_device, "$.linux.devices", e);
	if (r == 0 && v->l.masked)
		r = json_read_strv(v->l.masked, &c->masked, OCI_PATHS_MAX, "$.linux.maskedPaths",
				   e);
	if (r == 0 && v->l.readonly)
		r = json_read_strv(v->l.readonly, &c->readonly, OCI_PATHS_MAX,
				   "$.linux.readonlyPaths", e);
	if (r == 0)
		r = read_sysctls(v->l.sysctl, c, e);
	if (r == 0 && v->l.time_offsets)
		r = read_time_offsets(v->l.time_offsets, c, e);
	if (r == 0 && v->l.personality)
		r = read_personality(v->l.personality, c, e);
	return r;
}
