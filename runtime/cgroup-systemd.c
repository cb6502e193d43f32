/* Scopes of systemd. */
#include "cgroup-systemd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "proc.h"
#include "str.h"
#include "userns.h"

#define PROGRAM "ctr-lite-systemd"
#define ANNOTATION "org.systemd.property."
#define ERR_FD 3
#define CPU_SET_BYTES 1024 /* 8192 CPUs */

static bool host_root(void)
{
	return geteuid() == 0 && userns_is_initial();
}

int systemd_names(const char *cgroups_path, const char *id, char **ret_slice, char **ret_unit,
		  struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	const char *slice, *prefix = "ctr-lite", *name = id;
	auto_free char *s = NULL, *unit = NULL;

	slice = host_root() ? "system.slice" : "user.slice";
	if (cgroups_path && cgroups_path[0]) {
		if (strv_split(&parts, cgroups_path, ':') < 0)
			return err_sys(e, ENOMEM, "$.linux.cgroupsPath");
		if (parts.n != 3 || !parts.items[2][0])
			return err_set(e, ERR_INVALID,
				       "$.linux.cgroupsPath: \"%.100s\" is not of the form "
				       "slice:prefix:name, as systemd cgroups need it",
				       cgroups_path);
		if (parts.items[0][0])
			slice = parts.items[0];
		prefix = parts.items[1];
		name = parts.items[2];
	}
	if (!str_ends(slice, ".slice") || strchr(slice, '/'))
		return err_set(e, ERR_INVALID, "$.linux.cgroupsPath: \"%.100s\" is no slice",
			       slice);
	if (strchr(name, '/') || strchr(prefix, '/') || str_ends(name, ".slice"))
		return err_set(e, ERR_INVALID,
			       "$.linux.cgroupsPath: \"%.100s\" cannot be the name of a scope",
			       name);
	s = strdup(slice);
	unit = str_printf("%s%s%s.scope", prefix, prefix[0] ? "-" : "", name);
	if (!s || !unit)
		return err_sys(e, ENOMEM, "$.linux.cgroupsPath");
	*ret_slice = take_ptr(&s);
	*ret_unit = take_ptr(&unit);
	return 0;
}

/* "0-2,8" as the bytes of a bit mask: "[byte 0x07, 0x01]". */
static char *set_property(const char *list)
{
	unsigned char bits[CPU_SET_BYTES] = { 0 };
	auto_strbuf struct strbuf b = STRBUF_INIT;
	size_t used = 0;

	for (const char *p = list; *p;) {
		unsigned long first, last;
		char *end;

		if (*p == ',') {
			p++;
			continue;
		}
		first = last = strtoul(p, &end, 10);
		if (end == p || !isdigit((unsigned char)*p))
			return NULL;
		if (*end == '-') {
			p = end + 1;
			last = strtoul(p, &end, 10);
			if (end == p || !isdigit((unsigned char)*p))
				return NULL;
		}
		if (first > last || last >= CPU_SET_BYTES * 8)
			return NULL;
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] |= (unsigned char)(1U << (i % 8));
		used = last / 8 + 1 > used ? last / 8 + 1 : used;
		p = end;
	}
	strbuf_add(&b, "[byte ");
	for (size_t i = 0; i < used; i++)
		strbuf_addf(&b, "%s0x%02x", i ? ", " : "", bits[i]);
	strbuf_addc(&b, ']');
	return strbuf_take(&b);
}

/* "max 100000", "50000", "50000 20000" as time of each second and period, in microseconds. */
static int cpu_max_properties(const char *value, struct strv *ret)
{
	uint64_t quota = UINT64_MAX, period = 100000;
	char first[24];
	size_t n = strcspn(value, " ");
	int r = 0;

	if (value[n] && str_u64(value + n + 1, UINT64_MAX, &period) < 0)
		return -EINVAL;
	if (n >= sizeof(first) || period == 0 || value[0] == '-')
		return value[0] == '-' ? 0 : -EINVAL; /* the quota stays: systemd knows it */
	memcpy(first, value, n);
	first[n] = '\0';
	if (!streq(first, "max")) {
		if (str_u64(first, UINT64_MAX / 1000000, &quota) < 0)
			return -EINVAL;
		quota = quota * 1000000 / period;
		/* systemd counts in hundredths of a second's share. */
		quota = (quota + 9999) / 10000 * 10000;
	}
	if (value[n])
		r = strv_addf(ret, "CPUQuotaPeriodUSec=uint64 %" PRIu64, period);
	return r < 0 ? r : strv_addf(ret, "CPUQuotaPerSecUSec=uint64 %" PRIu64, quota);
}

static int one_property(const struct limit *it, struct strv *ret)
{
	static const struct {
		const char *file, *property;
	} plain[] = {
		{ "memory.max", "MemoryMax" },
		{ "memory.low", "MemoryLow" },
		{ "memory.high", "MemoryHigh" },
		{ "memory.min", "MemoryMin" },
		{ "memory.swap.max", "MemorySwapMax" },
		{ "cpu.weight", "CPUWeight" },
		{ "pids.max", "TasksMax" },
		{ "io.weight", "IOWeight" },
	};
	uint64_t v = UINT64_MAX;

	if (streq(it->file, "cpu.max"))
		return cpu_max_properties(it->value, ret);
	if (streq(it->file, "cpuset.cpus") || streq(it->file, "cpuset.mems")) {
		auto_free char *set = set_property(it->value);

		return !set ? -EINVAL
			    : strv_addf(ret, "%s=%s",
					streq(it->file, "cpuset.cpus") ? "AllowedCPUs"
								       : "AllowedMemoryNodes",
					set);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!streq(plain[i].file, it->file))
			continue;
		/* What is no number ("8:0 50") is written to the file alone. */
		if (!streq(it->value, "max") && str_u64(it->value, UINT64_MAX, &v) < 0)
			return 0;
		return strv_addf(ret, "%s=uint64 %" PRIu64, plain[i].property, v);
	}
	return 0;
}

int systemd_properties(const struct limits *l, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		int r = one_property(&l->items[i], ret);

		if (r < 0)
			return err_set(e, ERR_INVALID,
				       "$.linux.resources.%s: \"%.60s\" is out of range",
				       l->items[i].member, l->items[i].value);
	}
	return 0;
}

int systemd_annotations(const json_t *annotations, struct strv *ret, struct err *e)
{
	json_t *obj = (json_t *)(uintptr_t)annotations,
	       *value; /* jansson's iterator takes no const */
	const char *key;

	json_object_foreach(obj, key, value) {
		const char *name = str_after(key, ANNOTATION);

		if (!name)
			continue;
		for (size_t i = 0; i == 0 || name[i]; i++)
			if (!isalpha((unsigned char)name[i]))
				return err_set(
					e, ERR_INVALID,
					"annotation %.100s: the name of a property is letters "
					"only",
					key);
		if (!json_is_string(value))
			return err_set(e, ERR_CORRUPT, "annotation %.100s: expected a string", key);
		if (strv_addf(ret, "%s=%s", name, json_string_value(value)) < 0)
			return err_sys(e, ENOMEM, "annotation %.100s", key);
	}
	return 0;
}

static char *try_place(const char *dir, const char *sub)
{
	auto_free char *path = str_printf("%s/%s" PROGRAM, dir, sub);

	return path && access(path, X_OK) == 0 ? take_ptr(&path) : NULL;
}

/* Beside the program at @exe; NULL. */
static char *beside(const char *exe)
{
	const char *slash = strrchr(exe, '/');
	auto_free char *dir = slash && slash != exe ? strndup(exe, (size_t)(slash - exe)) : NULL;
	char *r = dir ? try_place(dir, "") : NULL;

	/* only a build tree has us in runtime/ */
	if (!r && dir && str_ends(dir, "/runtime"))
		r = try_place(dir, "../systemd/");
	return r;
}

int systemd_program(char **ret, struct err *e)
{
	const char *env = secure_getenv("CTR_LITE_LIBEXEC");
	char exe[PATH_MAX], *r = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (env && env[0] == '/')
		r = try_place(env, "");
	if (!r && env && env[0] == '/')
		r = try_place(env, "systemd/");
	if (!r && n > 0) {
		exe[n] = '\0';
		r = beside(exe);
	}
	/* We may be a copy in memory (guard.h), which has kept the name that we were called by. */
	if (!r)
		r = beside(program_invocation_name);
	if (!r)
		r = try_place(CTR_LIBEXECDIR, "");
	if (!r)
		return err_set(e, ERR_NOT_FOUND,
			       "cgroups by systemd need the program " PROGRAM ", which is neither "
			       "beside ctr-lite-runtime nor in %s: build with libsystemd, or use "
			       "--cgroup-manager=cgroupfs",
			       CTR_LIBEXECDIR);
	*ret = r;
	return 0;
}

/* Run it; what it has to say comes as struct err. */
static int call(struct strv *args, struct err *e)
{
	auto_free char *path = NULL;
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc p = PROC_INIT;
	struct proc_spawn s = { .n_fds = 1, .dir_fd = FD_NONE };
	struct proc_fd fd;
	int fds[2], status = 0, r = systemd_program(&path, e);

	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "start " PROGRAM);
	rd = fds[0];
	wr = fds[1];
	fd = (struct proc_fd){ .from = wr, .to = ERR_FD };
	s.path = path;
	s.argv = strv_argv(args);
	s.fds = &fd;
	r = proc_spawn(&s, &p, e);
	if (r < 0)
		return r;
	wr = fd_close(wr);
	r = err_recv(rd, e);
	if (proc_wait(&p, &status) < 0)
		status = 1;
	proc_done(&p);
	if (r == 1)
		return e->code ? -e->code : err_kind_errno(e->kind);
	if (r < 0 || status != 0)
		return err_set(e, ERR_OS, PROGRAM " ended with status %d", proc_exit_code(status));
	return 0;
}

static int begin(struct strv *args, const char *verb, const char *unit)
{
	int r = strv_add(args, PROGRAM);

	if (r == 0)
		r = strv_addf(args, "--err-fd=%d", ERR_FD);
	if (r == 0)
		r = strv_add(args, verb);
	return r < 0 ? r : strv_add(args, unit);
}

static int add_properties(struct strv *args, const struct strv *props, bool options)
{
	int r = 0;

	for (size_t i = 0; r == 0 && props && i < props->n; i++)
		r = strv_addf(args, "%s%s", options ? "--property=" : "", props->items[i]);
	return r;
}

int systemd_start_scope(const char *unit, const char *slice, pid_t pid, const struct strv *props,
			struct err *e)
{
	auto_strv struct strv args = STRV_INIT;
	int r = begin(&args, "start-scope", unit);

	if (r == 0)
		r = strv_addf(&args, "--slice=%s", slice);
	if (r == 0)
		r = strv_addf(&args, "--pid=%d", (int)pid);
	if (r == 0)
		r = add_properties(&args, props, true);
	return r < 0 ? err_sys(e, r, "start " PROGRAM) : call(&args, e);
}

int systemd_stop_scope(const char *unit, struct err *e)
{
	auto_strv struct strv args = STRV_INIT;
	int r = begin(&args, "stop-scope", unit);

	return r < 0 ? err_sys(e, r, "start " PROGRAM) : call(&args, e);
}

int systemd_set_properties(const char *unit, const struct strv *props, struct err *e)
{
	auto_strv struct strv args = STRV_INIT;
	int r = begin(&args, "set-property", unit);

	if (props->n == 0)
		return 0;
	if (r == 0)
		r = add_properties(&args, props, false);
	return r < 0 ? err_sys(e, r, "start " PROGRAM) : call(&args, e);
}

int systemd_attach(const char *unit, pid_t pid, struct err *e)
{
	auto_strv struct strv args = STRV_INIT;
	int r = begin(&args, "attach", unit);

	if (r == 0)
		r = strv_addf(&args, "--pid=%d", (int)pid);
	return r < 0 ? err_sys(e, r, "start " PROGRAM) : call(&args, e);
}
