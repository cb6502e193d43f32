/* Reading config.json by tables of rows. */
#include "oci-config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fd.h"
#include "file.h"
#include "json.h"

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

const char *const hook_names[] = {
	[HOOK_PRESTART] = "prestart",
	[HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer",
	[HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart",
	[HOOK_POSTSTOP] = "poststop",
};
static_assert(sizeof(hook_names) / sizeof(hook_names[0]) == HOOK_COUNT_, "a hook without name");

static const struct { const char *name; int resource; } rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS }, { "RLIMIT_CORE", RLIMIT_CORE }, { "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA }, { "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS }, { "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE }, { "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS }, { "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME }, { "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};
/* clang-format on */

/* One array of objects: room for all elements, one call for each. */
static int read_array(const json_t *arr, size_t size, void *ret_items, size_t *ret_n, size_t max,
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

static int read_cap_set(const json_t *arr, uint64_t *ret, const char *where, struct err *e)
{
	for (size_t i = 0; i < json_array_size(arr); i++) {
		const char *name = json_string_value(json_array_get(arr, i));
		int cap = name ? cap_parse(name) : -EINVAL;

		if (cap < 0)
			return err_set(e, ERR_INVALID, "%s[%zu]: \"%s\" is not a capability", where, i,
				       name ? name : "");
		*ret |= UINT64_C(1) << cap;
	}
	return 0;
}

static int read_caps(const json_t *obj, struct caps *c, struct err *e)
{
	struct {
		const json_t *sets[5];
	} v = { 0 };
	uint64_t *const to[] = { &c->bounding, &c->effective, &c->permitted, &c->inheritable,
				 &c->ambient };
	static const struct json_field rows[] = {
		{ "bounding", JSON_KIND_ARRAY, 0 * sizeof(json_t *), 0, 256 },
		{ "effective", JSON_KIND_ARRAY, 1 * sizeof(json_t *), 0, 256 },
		{ "permitted", JSON_KIND_ARRAY, 2 * sizeof(json_t *), 0, 256 },
		{ "inheritable", JSON_KIND_ARRAY, 3 * sizeof(json_t *), 0, 256 },
		{ "ambient", JSON_KIND_ARRAY, 4 * sizeof(json_t *), 0, 256 },
		{ 0 },
	};
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, "$.process.capabilities", e);

	for (int i = 0; r == 0 && i < 5; i++) {
		char where[64];

		(void)snprintf(where, sizeof(where), "$.process.capabilities.%s", rows[i].name);
		r = read_cap_set(v.sets[i], to[i], where, e);
	}
	return r;
}

/* 2^64-1 does not fit JSON integers of 63 bits; oci_config_load() has made it -1. */
static int limit_value(int64_t v, rlim_t *ret)
{
	if (v < -1)
		return -EINVAL;
	*ret = v == -1 ? RLIM_INFINITY : (rlim_t)v;
	return 0;
}

static int read_rlimit(const json_t *obj, void *item, const char *where, struct err *e)
{
	struct oci_rlimit *l = item;
	struct {
		const char *type;
		int64_t hard, soft;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "type", JSON_KIND_STR, offsetof(__typeof__(v), type), JSON_REQUIRED, 64 },
		{ "hard", JSON_KIND_I64, offsetof(__typeof__(v), hard), JSON_REQUIRED },
		{ "soft", JSON_KIND_I64, offsetof(__typeof__(v), soft), JSON_REQUIRED },
		{ 0 },
	};
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r < 0)
		return r;
	l->resource = -1;
	for (size_t i = 0; i < sizeof(rlimit_names) / sizeof(rlimit_names[0]); i++)
		if (streq(rlimit_names[i].name, v.type))
			l->resource = rlimit_names[i].resource;
	if (l->resource < 0)
		return err_set(e, ERR_INVALID, "%s.type: \"%s\" is not a resource limit", where, v.type);
	if (limit_value(v.hard, &l->value.rlim_max) < 0 ||
	    limit_value(v.soft, &l->value.rlim_cur) < 0)
		return err_set(e, ERR_INVALID, "%s: a limit is negative", where);
	return 0;
}

static int read_groups(const json_t *arr, struct oci_process *p, const char *where, struct err *e)
{
	size_t n = json_array_size(arr);

	if (n == 0)
		return 0;
	p->groups = calloc(n, sizeof(*p->groups));
	if (!p->groups)
		return err_sys(e, ENOMEM, "%s.additionalGids", where);
	for (size_t i = 0; i < n; i++) {
		const json_t *g = json_array_get(arr, i);
		json_int_t v = json_integer_value(g);

		if (!json_is_integer(g) || v < 0 || v >= UINT32_MAX)
			return err_set(e, ERR_CORRUPT, "%s.additionalGids[%zu]: expected 0..%u", where,
				       i, UINT32_MAX - 1);
		p->groups[p->n_groups++] = (gid_t)v;
	}
	return 0;
}

static int read_user(const json_t *obj, struct oci_process *p, const char *process, struct err *e)
{
	struct {
		uint32_t uid, gid, umask;
		const json_t *groups;
	} v = { .umask = UINT32_MAX };
	static const struct json_field rows[] = {
		{ "uid", JSON_KIND_U32, offsetof(__typeof__(v), uid), JSON_REQUIRED, UINT32_MAX - 1 },
		{ "gid", JSON_KIND_U32, offsetof(__typeof__(v), gid), JSON_REQUIRED, UINT32_MAX - 1 },
		{ "umask", JSON_KIND_U32, offsetof(__typeof__(v), umask), 0, 0777 },
		{ "additionalGids", JSON_KIND_ARRAY, offsetof(__typeof__(v), groups), 0,
		  OCI_GROUPS_MAX },
		{ 0 },
	};
	char where[64];
	int r;

	(void)snprintf(where, sizeof(where), "%s.user", process);
	r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);
	if (r < 0)
		return r;
	p->uid = v.uid;
	p->gid = v.gid;
	p->has_umask = v.umask != UINT32_MAX;
	p->umask = p->has_umask ? v.umask : 0;
	return read_groups(v.groups, p, where, e);
}

static int read_ioprio(const json_t *obj, struct oci_process *p, struct err *e)
{
	struct {
		const char *class;
		uint32_t priority;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "class", JSON_KIND_STR, offsetof(__typeof__(v), class), JSON_REQUIRED, 64 },
		{ "priority", JSON_KIND_U32, offsetof(__typeof__(v), priority), 0, 7 },
		{ 0 },
	};
	static const char *const classes[] = { "IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT",
					       "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE" };
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, "$.process.ioPriority", e);

	if (r < 0)
		return r;
	for (int i = 1; i < 4; i++)
		if (streq(v.class, classes[i])) {
			p->has_ioprio = true;
			p->ioprio = IOPRIO_PRIO_VALUE(i, (int)v.priority);
			return 0;
		}
	return err_set(e, ERR_INVALID, "$.process.ioPriority.class: \"%s\" is not a class", v.class);
}

static int read_console_size(const json_t *obj, struct oci_process *p, struct err *e)
{
	static const struct json_field rows[] = {
		{ "height", JSON_KIND_U32, offsetof(struct oci_process, rows), 0, UINT16_MAX },
		{ "width", JSON_KIND_U32, offsetof(struct oci_process, cols), 0, UINT16_MAX },
		{ 0 },
	};

	return json_read(obj, rows, p, JSON_ALLOW_UNKNOWN, "$.process.consoleSize", e);
}

struct process_parts {
	const json_t *args, *env, *user, *caps, *rlimits, *console_size, *io_priority, *scheduler;
	const json_t *affinity;
	int64_t oom_score_adj;
};

#define PART(member) (sizeof(struct oci_process) + offsetof(struct process_parts, member))
static const struct json_field process_rows[] = {
	{ "terminal", JSON_KIND_BOOL, offsetof(struct oci_process, terminal) },
	{ "noNewPrivileges", JSON_KIND_BOOL, offsetof(struct oci_process, no_new_privileges) },
	{ "cwd", JSON_KIND_STR, offsetof(struct oci_process, cwd), JSON_REQUIRED, 4095 },
	{ "apparmorProfile", JSON_KIND_STR, offsetof(struct oci_process, apparmor_profile), 0, 4096 },
	{ "selinuxLabel", JSON_KIND_STR, offsetof(struct oci_process, selinux_label), 0, 4096 },
	{ "args", JSON_KIND_ARRAY, PART(args), 0, OCI_ARGS_MAX },
	{ "env", JSON_KIND_ARRAY, PART(env), 0, OCI_ARGS_MAX },
	{ "user", JSON_KIND_OBJECT, PART(user), JSON_REQUIRED },
	{ "capabilities", JSON_KIND_OBJECT, PART(caps) },
	{ "rlimits", JSON_KIND_ARRAY, PART(rlimits), 0, 256 },
	{ "consoleSize", JSON_KIND_OBJECT, PART(console_size) },
	{ "ioPriority", JSON_KIND_OBJECT, PART(io_priority) },
	{ "scheduler", JSON_KIND_OBJECT, PART(scheduler) },
	{ "execCPUAffinity", JSON_KIND_OBJECT, PART(affinity) },
	{ "oomScoreAdj", JSON_KIND_I64, PART(oom_score_adj) },
	{ 0 },
};

/* Environment entries reach execve() as they are: what is no assignment would confuse programs. */
static int check_env(const struct strv *env, const char *where, struct err *e)
{
	for (size_t i = 0; i < env->n; i++)
		if (env->items[i][0] == '=' || !strchr(env->items[i], '='))
			return err_set(e, ERR_INVALID, "%s.env[%zu]: \"%.60s\" is not NAME=VALUE", where,
				       i, env->items[i]);
	return 0;
}

int oci_process_read(const json_t *obj, struct oci_process *ret, const char *where, struct err *e)
{
	struct {
		struct oci_process p;
		struct process_parts parts;
	} v = { .parts.oom_score_adj = INT64_MIN };
	char at[64];
	int r = json_read(obj, process_rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	*ret = v.p;
	if (r < 0)
		return r;
	ret->doc = obj;
	(void)snprintf(at, sizeof(at), "%s.args", where);
	if (v.parts.args)
		r = json_read_strv(v.parts.args, &ret->args, OCI_ARGS_MAX, at, e);
	(void)snprintf(at, sizeof(at), "%s.env", where);
	if (r == 0 && v.parts.env)
		r = json_read_strv(v.parts.env, &ret->env, OCI_ARGS_MAX, at, e);
	if (r == 0)
		r = check_env(&ret->env, where, e);
	if (r == 0)
		r = read_user(v.parts.user, ret, where, e);
	if (r == 0 && v.parts.caps) {
		ret->has_caps = true;
		r = read_caps(v.parts.caps, &ret->caps, e);
	}
	(void)snprintf(at, sizeof(at), "%s.rlimits", where);
	if (r == 0)
		r = read_array(v.parts.rlimits, sizeof(*ret->rlimits), &ret->rlimits, &ret->n_rlimits,
			       256, read_rlimit, at, e);
	if (r == 0 && v.parts.console_size)
		r = read_console_size(v.parts.console_size, ret, e);
	if (r == 0 && v.parts.io_priority)
		r = read_ioprio(v.parts.io_priority, ret, e);
	if (r < 0)
		return r;
	if (v.parts.affinity && json_object_size(v.parts.affinity) > 0)
		return err_set(e, ERR_UNSUPPORTED, "%s.execCPUAffinity is not supported", where);
	ret->scheduler = v.parts.scheduler;
	if (v.parts.oom_score_adj != INT64_MIN) {
		if (v.parts.oom_score_adj < -1000 || v.parts.oom_score_adj > 1000)
			return err_set(e, ERR_INVALID, "%s.oomScoreAdj: expected -1000..1000", where);
		ret->has_oom_score_adj = true;
		ret->oom_score_adj = (int)v.parts.oom_score_adj;
	}
	if (ret->args.n == 0 || !ret->args.items[0][0])
		return err_set(e, ERR_CMD_NOT_FOUND, "executable file \"\" not found in $PATH: No such "
			       "file or directory");
	if (ret->cwd[0] != '/')
		return err_set(e, ERR_INVALID, "%s.cwd: \"%.200s\" is not an absolute path", where,
			       ret->cwd);
	return 0;
}

void oci_process_done(struct oci_process *p)
{
	strv_done(&p->args);
	strv_done(&p->env);
	free(p->groups);
	free(p->rlimits);
	*p = (struct oci_process){ 0 };
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
	if (json_array_size(v.uids) || json_array_size(v.gids))
		return err_set(e, ERR_UNSUPPORTED, "%s: id-mapped mounts are not supported", where);
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
		return err_set(e, ERR_INVALID, "%s.options: a bind mount has an option that only a "
			       "file system can have", where);
	if (!v.destination[0])
		return err_set(e, ERR_INVALID, "%s.destination is empty", where);
	if (m->opts.bind ? !v.source || !v.source[0] : !m->type)
		return err_set(e, ERR_INVALID, "%s: has no %s", where,
			       m->opts.bind ? "source" : "type");
	return 0;
}

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
			return err_set(e, ERR_INVALID, "%s.type: \"%s\" is not a namespace", where, v.type);
		if (c->ns[k].present)
			return err_set(e, ERR_INVALID, "%s: a second %s namespace", where, v.type);
		c->ns[k].present = true;
		c->ns[k].path = v.path && v.path[0] ? v.path : NULL;
	}
	return 0;
}

static int read_id_map(const json_t *arr, struct idmap_range *to, uint32_t *ret_n, const char *where,
		       struct err *e)
{
	size_t n = json_array_size(arr);

	if (n > IDMAP_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d ranges", where, IDMAP_MAX);
	for (size_t i = 0; i < n; i++) {
		static const struct json_field rows[] = {
			{ "containerID", JSON_KIND_U32, offsetof(struct idmap_range, container),
			  JSON_REQUIRED, UINT32_MAX - 1 },
			{ "hostID", JSON_KIND_U32, offsetof(struct idmap_range, host), JSON_REQUIRED,
			  UINT32_MAX - 1 },
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
	} v = { .mode = 0666 };
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
		return err_set(e, ERR_INVALID, "%s.type: \"%s\" is not c, b, u or p", where, v.type);
	}
	if (v.major < 0 || v.major > 0xfff || v.minor < 0 || v.minor > 0xfffff)
		return err_set(e, ERR_INVALID, "%s: device number %" PRId64 ":%" PRId64 " is out of range",
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
			return err_set(e, ERR_CORRUPT, "$.linux.sysctl.%.100s: expected a string", name);
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
		r = read_time_offset(v.boottime, "boottime", &c->time_secs[1], &c->time_nanosecs[1], e);
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
		return err_set(e, ERR_INVALID, "$.linux.personality.domain: \"%s\" is not LINUX or LINUX32",
			       v.domain);
	return 0;
}

struct linux_parts {
	const json_t *namespaces, *uids, *gids, *devices, *masked, *readonly, *sysctl, *time_offsets;
	const json_t *personality, *rdt, *memory_policy, *net_devices;
	const char *mount_label;
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
	{ "mountLabel", JSON_KIND_STR, LINUX(mount_label), 0, 4096 },
	{ "rootfsPropagation", JSON_KIND_STR, offsetof(struct oci_config, rootfs_propagation), 0, 32 },
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
	} parts[] = {
		{ "intelRdt", json_object_size(l->rdt) > 0 },
		{ "memoryPolicy", json_object_size(l->memory_policy) > 0 },
		{ "netDevices", json_object_size(l->net_devices) > 0 },
		{ "mountLabel", l->mount_label && l->mount_label[0] },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].asked)
			return err_set(e, ERR_UNSUPPORTED, "$.linux.%s is not supported", parts[i].name);
	return 0;
}

static int read_linux(const json_t *obj, struct oci_config *c, struct err *e)
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
	c->cgroups_path = v->c.cgroups_path;
	c->resources = v->c.resources;
	c->seccomp = v->c.seccomp;
	r = check_unsupported(&v->l, e);
	if (r == 0)
		r = read_ns(v->l.namespaces, c, e);
	if (r == 0)
		r = read_id_map(v->l.uids, c->idmap.uid, &c->idmap.n_uid, "$.linux.uidMappings", e);
	if (r == 0)
		r = read_id_map(v->l.gids, c->idmap.gid, &c->idmap.n_gid, "$.linux.gidMappings", e);
	if (r == 0)
		r = read_array(v->l.devices, sizeof(*c->devices), &c->devices, &c->n_devices,
			       OCI_PATHS_MAX, read_device, "$.linux.devices", e);
	if (r == 0 && v->l.masked)
		r = json_read_strv(v->l.masked, &c->masked, OCI_PATHS_MAX, "$.linux.maskedPaths", e);
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

static int read_hook(const json_t *obj, void *item, const char *where, struct err *e)
{
	struct {
		const char *path;
		const json_t *args, *env;
		uint32_t timeout;
	} v = { 0 };
	static const struct json_field rows[] = {
		{ "path", JSON_KIND_STR, offsetof(__typeof__(v), path), JSON_REQUIRED, 4095 },
		{ "args", JSON_KIND_ARRAY, offsetof(__typeof__(v), args) },
		{ "env", JSON_KIND_ARRAY, offsetof(__typeof__(v), env) },
		{ "timeout", JSON_KIND_U32, offsetof(__typeof__(v), timeout), 0, 86400 },
		{ 0 },
	};
	struct oci_hook *h = item;
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r < 0)
		return r;
	if (v.path[0] != '/')
		return err_set(e, ERR_INVALID, "%s.path: \"%.200s\" is not absolute", where, v.path);
	h->path = v.path;
	h->timeout_s = v.timeout;
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
		r = read_array(arr, sizeof(*ret->items[k]), &ret->items[k], &ret->n[k], OCI_HOOKS_MAX,
			       read_hook, where, e);
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

static int check_version(const char *version, struct err *e)
{
	if (!str_starts(version, "1.") || strchr("012", version[2]) == NULL || version[3] != '.')
		return err_set(e, ERR_UNSUPPORTED, "$.ociVersion: \"%s\" is not a version from 1.0 to 1.2",
			       version);
	return 0;
}

struct root_parts {
	const char *version;
	const json_t *root, *process, *mounts, *linux_, *annotations, *hooks, *solaris, *windows, *vm;
};

static int read_root(const json_t *obj, struct oci_config *c, struct err *e)
{
	static const struct json_field rows[] = {
		{ "path", JSON_KIND_STR, offsetof(struct oci_config, root_path), JSON_REQUIRED, 4095 },
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
		return err_set(e, ERR_UNSUPPORTED, "$.linux.namespaces: a container without a mount "
			       "namespace of its own is not supported");
	if (c->hostname && c->hostname[0] && !c->ns[NS_UTS].present)
		return err_set(e, ERR_INVALID, "$.hostname needs a uts namespace");
	if (c->domainname && c->domainname[0] && !c->ns[NS_UTS].present)
		return err_set(e, ERR_INVALID, "$.domainname needs a uts namespace");
	if (c->time_offsets && (!c->ns[NS_TIME].present || c->ns[NS_TIME].path))
		return err_set(e, ERR_INVALID, "$.linux.timeOffsets needs a new time namespace");
	if (c->ns[NS_USER].present && !c->ns[NS_USER].path && (!c->idmap.n_uid || !c->idmap.n_gid))
		return err_set(e, ERR_INVALID, "$.linux: a new user namespace needs uidMappings and "
			       "gidMappings");
	if ((c->idmap.n_uid || c->idmap.n_gid) && !c->ns[NS_USER].present)
		return err_set(e, ERR_INVALID, "$.linux: uidMappings and gidMappings need a user "
			       "namespace");
	return 0;
}

int oci_config_read_consume(json_t *doc, struct oci_config *ret, struct err *e)
{
	struct root_parts v = { 0 };
	static const struct json_field rows[] = {
		{ "ociVersion", JSON_KIND_STR, offsetof(struct root_parts, version), JSON_REQUIRED, 64 },
		{ "root", JSON_KIND_OBJECT, offsetof(struct root_parts, root), JSON_REQUIRED },
		{ "process", JSON_KIND_OBJECT, offsetof(struct root_parts, process) },
		{ "mounts", JSON_KIND_ARRAY, offsetof(struct root_parts, mounts), 0, OCI_MOUNTS_MAX },
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
		r = read_array(v.mounts, sizeof(*ret->mounts), &ret->mounts, &ret->n_mounts,
			       OCI_MOUNTS_MAX, read_mount, "$.mounts", e);
	if (r == 0)
		r = read_linux(v.linux_, ret, e);
	if (r == 0 && v.process) {
		ret->has_process = true;
		r = oci_process_read(v.process, &ret->process, "$.process", e);
	}
	if (r == 0 && v.hooks)
		r = oci_hooks_read(v.hooks, &ret->hooks, e);
	ret->annotations = v.annotations;
	ret->hooks_doc = v.hooks;
	return r < 0 ? r : check_whole(ret, e);
}

/*
 * Writers in Go print "no limit" as 2^64-1, which no JSON integer of 63 bits holds: outside of
 * strings it becomes -1, which means the same in rlimits.
 */
static void patch_unlimited(char *buf, size_t len)
{
	static const char max[] = "18446744073709551615";
	bool in_string = false;

	if (!memmem(buf, len, max, sizeof(max) - 1))
		return;
	for (size_t i = 0; i < len; i++) {
		if (in_string && buf[i] == '\\') {
			i++;
		} else if (buf[i] == '"') {
			in_string = !in_string;
		} else if (!in_string && len - i >= sizeof(max) - 1 && i > 0 &&
			   memcmp(buf + i, max, sizeof(max) - 1) == 0 && strchr(": \t\n", buf[i - 1])) {
			memset(buf + i, ' ', sizeof(max) - 1);
			buf[i] = '-';
			buf[i + 1] = '1';
		}
	}
}

int oci_config_load(int bundle_fd, struct oci_config *ret, struct err *e)
{
	auto_free char *buf = NULL;
	json_t *doc;
	size_t len;
	int r = file_read(bundle_fd, "config.json", OCI_CONFIG_MAX_BYTES, &buf, &len);

	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "config.json is larger than %u bytes", OCI_CONFIG_MAX_BYTES);
	if (r < 0)
		return err_sys(e, r, "read config.json of the bundle");
	patch_unlimited(buf, len);
	r = json_parse(buf, len, OCI_CONFIG_MAX_BYTES, "config.json", &doc, e);
	if (r < 0)
		return r;
	r = oci_config_read_consume(doc, ret, e);
	return r < 0 ? err_wrap(e, r, "config.json") : 0;
}

void oci_config_done(struct oci_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		mount_opts_done(&c->mounts[i].opts);
	free(c->mounts);
	oci_process_done(&c->process);
	strv_done(&c->masked);
	strv_done(&c->readonly);
	free(c->devices);
	free(c->sysctls);
	oci_hooks_done(&c->hooks);
	json_decref(c->doc);
	*c = (struct oci_config){ 0 };
}
