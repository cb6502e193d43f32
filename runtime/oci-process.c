/* The process object of config.json, and of `exec --process`. */
#include <errno.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <stdlib.h>

#include "affinity.h"
#include "fd.h"
#include "json.h"
#include "oci-rows.h"

/* clang-format off */
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

/* A name that nobody here knows goes to @unknown: the runtime-spec wants a warning, no failure. */
static int read_cap_set(const json_t *arr, uint64_t *ret, struct strv *unknown, const char *where,
			struct err *e)
{
	for (size_t i = 0; i < json_array_size(arr); i++) {
		const char *name = json_string_value(json_array_get(arr, i));
		int cap = name ? cap_parse(name) : -EINVAL;

		if (!name)
			return err_set(e, ERR_CORRUPT, "%s[%zu]: expected a string", where, i);
		if (cap >= 0)
			*ret |= UINT64_C(1) << cap;
		else if (strv_add(unknown, name) < 0)
			return err_sys(e, ENOMEM, "%s", where);
	}
	return 0;
}

static int read_caps(const json_t *obj, struct caps *c, struct strv *unknown, struct err *e)
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
		r = read_cap_set(v.sets[i], to[i], unknown, where, e);
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
		return err_set(e, ERR_INVALID, "%s.type: \"%s\" is not a resource limit", where,
			       v.type);
	if (limit_value(v.hard, &l->value.rlim_max) < 0 ||
	    limit_value(v.soft, &l->value.rlim_cur) < 0)
		return err_set(e, ERR_INVALID, "%s: expected 0..%" PRId64 " or no limit (%" PRIu64 ")",
			       where, INT64_MAX, UINT64_MAX);
	if (l->value.rlim_cur > l->value.rlim_max)
		return err_set(e, ERR_INVALID, "%s: soft is above hard", where);
	return 0;
}

static int check_rlimits(const struct oci_process *p, const char *where, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++)
		for (size_t k = 0; k < i; k++)
			if (p->rlimits[i].resource == p->rlimits[k].resource)
				return err_set(e, ERR_INVALID, "%s[%zu]: a second limit of its type",
					       where, i);
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
			return err_set(e, ERR_CORRUPT, "%s.additionalGids[%zu]: expected 0..%u",
				       where, i, UINT32_MAX - 1);
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
		{ "uid", JSON_KIND_U32, offsetof(__typeof__(v), uid), JSON_REQUIRED,
		  UINT32_MAX - 1 },
		{ "gid", JSON_KIND_U32, offsetof(__typeof__(v), gid), JSON_REQUIRED,
		  UINT32_MAX - 1 },
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
		{ "priority", JSON_KIND_U32, offsetof(__typeof__(v), priority), JSON_REQUIRED, 7 },
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
	return err_set(e, ERR_INVALID, "$.process.ioPriority.class: \"%s\" is not a class",
		       v.class);
}

static int read_console_size(const json_t *obj, struct oci_process *p, struct err *e)
{
	static const struct json_field rows[] = {
		{ "height", JSON_KIND_U32, offsetof(struct oci_process, rows), JSON_REQUIRED,
		  UINT16_MAX },
		{ "width", JSON_KIND_U32, offsetof(struct oci_process, cols), JSON_REQUIRED,
		  UINT16_MAX },
		{ 0 },
	};

	return json_read(obj, rows, p, JSON_ALLOW_UNKNOWN, "$.process.consoleSize", e);
}

static int read_affinity(const json_t *obj, struct oci_process *p, const char *process,
			 struct err *e)
{
	static const struct json_field rows[] = {
		{ "initial", JSON_KIND_STR, offsetof(struct oci_process, affinity_initial), 0,
		  4096 },
		{ "final", JSON_KIND_STR, offsetof(struct oci_process, affinity_final), 0, 4096 },
		{ 0 },
	};
	char where[64];
	int r;

	(void)snprintf(where, sizeof(where), "%s.execCPUAffinity", process);
	r = json_read(obj, rows, p, JSON_ALLOW_UNKNOWN, where, e);
	for (int i = 0; r == 0 && i < 2; i++) {
		const char *list = i ? p->affinity_final : p->affinity_initial;
		cpu_set_t cpus;

		if (list && list[0] && affinity_parse(list, &cpus) < 0)
			return err_set(e, ERR_INVALID, "%s.%s: \"%.100s\" is not a list of CPUs",
				       where, rows[i].name, list);
	}
	return r;
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
	{ "apparmorProfile", JSON_KIND_STR, offsetof(struct oci_process, apparmor_profile), 0,
	  4096 },
	{ "selinuxLabel", JSON_KIND_STR, offsetof(struct oci_process, selinux_label), 0, 4096 },
	{ "args", JSON_KIND_ARRAY, PART(args), 0, OCI_ARGS_MAX },
	{ "env", JSON_KIND_ARRAY, PART(env), 0, OCI_ARGS_MAX },
	{ "user", JSON_KIND_OBJECT, PART(user) },
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
			return err_set(e, ERR_INVALID, "%s.env[%zu]: \"%.60s\" is not NAME=VALUE",
				       where, i, env->items[i]);
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
	if (r == 0 && v.parts.user)
		r = read_user(v.parts.user, ret, where, e);
	if (r == 0 && v.parts.caps) {
		ret->has_caps = true;
		r = read_caps(v.parts.caps, &ret->caps, &ret->unknown_caps, e);
	}
	(void)snprintf(at, sizeof(at), "%s.rlimits", where);
	if (r == 0)
		r = oci_read_array(v.parts.rlimits, sizeof(*ret->rlimits), &ret->rlimits,
				   &ret->n_rlimits, 256, read_rlimit, at, e);
	if (r == 0)
		r = check_rlimits(ret, at, e);
	if (r == 0 && v.parts.console_size)
		r = read_console_size(v.parts.console_size, ret, e);
	if (r == 0 && v.parts.io_priority)
		r = read_ioprio(v.parts.io_priority, ret, e);
	if (r < 0)
		return r;
	if (v.parts.affinity)
		r = read_affinity(v.parts.affinity, ret, where, e);
	if (r == 0 && v.parts.scheduler) {
		ret->has_scheduler = true;
		(void)snprintf(at, sizeof(at), "%s.scheduler", where);
		r = scheduler_read(v.parts.scheduler, &ret->scheduler, at, e);
	}
	if (r < 0)
		return r;
	if (v.parts.oom_score_adj != INT64_MIN) {
		if (v.parts.oom_score_adj < -1000 || v.parts.oom_score_adj > 1000)
			return err_set(e, ERR_INVALID, "%s.oomScoreAdj: expected -1000..1000",
				       where);
		ret->has_oom_score_adj = true;
		ret->oom_score_adj = (int)v.parts.oom_score_adj;
	}
	if (ret->args.n == 0 || !ret->args.items[0][0])
		return err_set(e, ERR_CMD_NOT_FOUND,
			       "executable file \"\" not found in $PATH: No such "
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
	strv_done(&p->unknown_caps);
	free(p->groups);
	free(p->rlimits);
	*p = (struct oci_process){ 0 };
}
