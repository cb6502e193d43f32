/* ctr-lite-runtime: an OCI runtime with the command line of runc and crun. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "guard.h"
#include "log.h"
#include "matching.h"
#include "opt.h"
#include "path.h"
#include "report.h"
#include "runtime.h"
#include "state.h"
#include "userns.h"

#define PROGRAM "ctr-lite-runtime"
#define ARG(member) offsetof(struct args, member)

/* clang-format off */
static const struct opt global_opts[] = {
	{ 0, "root", "DIR", OPT_STRING, ARG(root), "directory of container states" },
	{ 0, "log", "FILE", OPT_STRING, ARG(log), "write errors to FILE as well" },
	{ 0, "log-format", "FORMAT", OPT_STRING, ARG(log_format), "text or json" },
	{ 0, "debug", NULL, OPT_FLAG, ARG(debug), "say more" },
	{ 0, "systemd-cgroup", NULL, OPT_FLAG, ARG(systemd_cgroup), "cgroups by systemd" },
	{ 0, "cgroup-manager", "MANAGER", OPT_STRING, ARG(cgroup_manager), "cgroupfs, systemd or disabled" },
	{ 0, "rootless", "WHEN", OPT_STRING, ARG(rootless), "true, false or auto" },
	{ 0, "seccomp-cache", "DIR", OPT_STRING, ARG(seccomp_cache), "cache of compiled filters" },
	{ 0, "pdeathsig", NULL, OPT_FLAG, ARG(pdeathsig), "the container dies with our parent" },
	{ 0, "err-fd", "FD", OPT_NUMBER, ARG(err_fd), "write a failure to FD as struct err" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 'v', "version", NULL, OPT_FLAG, ARG(version), "print the version" },
	{ 0 },
};

#define PROCESS_OPTS \
	{ 0, "pid-file", "FILE", OPT_STRING, ARG(pid_file), "write the process ID to FILE" }, \
	{ 0, "console-socket", "PATH", OPT_STRING, ARG(console_socket), "gets the terminal" }, \
	{ 0, "preserve-fds", "N", OPT_NUMBER, ARG(preserve_fds), "pass N descriptors from 3 on" }, \
	{ 0, "no-new-keyring", NULL, OPT_FLAG, ARG(no_new_keyring), "keep the session keyring" }, \
	{ 0, "seccomp-cache", "DIR", OPT_STRING, ARG(seccomp_cache), "cache of filters" }, \
	{ 0, "pdeathsig", NULL, OPT_FLAG, ARG(pdeathsig), "the process dies with our parent" }, \
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" }

#define BUNDLE_OPTS \
	{ 'b', "bundle", "DIR", OPT_STRING, ARG(bundle), "the bundle (default: here)" }, \
	{ 'f', "config", "FILE", OPT_STRING, ARG(config), "in it, instead of config.json" }, \
	{ 0, "no-pivot", NULL, OPT_FLAG, ARG(no_pivot), "do not use pivot_root" }, \
	{ 0, "no-subreaper", NULL, OPT_FLAG, ARG(no_subreaper), "as always: it is none" }

static const struct opt create_opts[] = {
	BUNDLE_OPTS,
	PROCESS_OPTS,
	{ 0 },
};

static const struct opt run_opts[] = {
	BUNDLE_OPTS,
	{ 'd', "detach", NULL, OPT_FLAG, ARG(detach), "do not wait for the container" },
	{ 0, "keep", NULL, OPT_FLAG, ARG(keep), "keep the state when it ends" },
	PROCESS_OPTS,
	{ 0 },
};

static const struct opt exec_opts[] = {
	{ 'p', "process", "FILE", OPT_STRING, ARG(process), "the process as JSON (-: stdin)" },
	{ 't', "tty", NULL, OPT_FLAG, ARG(tty), "with a terminal" },
	{ 'd', "detach", NULL, OPT_FLAG, ARG(detach), "do not wait for the process" },
	{ 'u', "user", "UID[:GID]", OPT_STRING, ARG(user), "as this user" },
	{ 0, "cwd", "DIR", OPT_STRING, ARG(cwd), "working directory" },
	{ 'e', "env", "NAME=VALUE", OPT_LIST, ARG(env), "add to the environment" },
	{ 'c', "cap", "CAPABILITY", OPT_LIST, ARG(caps), "add a capability" },
	{ 'g', "additional-gids", "GID", OPT_LIST, ARG(groups), "add a supplementary group" },
	{ 0, "no-new-privs", NULL, OPT_FLAG, ARG(no_new_privs), "set no_new_privs" },
	{ 0, "apparmor", "PROFILE", OPT_STRING, ARG(apparmor), "AppArmor profile" },
	{ 0, "process-label", "LABEL", OPT_STRING, ARG(process_label), "SELinux label" },
	{ 0, "cgroup", "PATH", OPT_STRING, ARG(sub_cgroup), "in this cgroup of the container's" },
	{ 0, "ignore-paused", NULL, OPT_FLAG, ARG(ignore_paused), "wait in a paused container" },
	PROCESS_OPTS,
	{ 0 },
};

static const struct opt kill_opts[] = {
	{ 'a', "all", NULL, OPT_FLAG, ARG(all), "signal every process of the container" },
	{ 'r', "regex", NULL, OPT_FLAG, ARG(regex), "ID is an extended regular expression" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

static const struct opt delete_opts[] = {
	{ 'f', "force", NULL, OPT_FLAG, ARG(force), "kill it first" },
	{ 'r', "regex", NULL, OPT_FLAG, ARG(regex), "ID is an extended regular expression" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

static const struct opt list_opts[] = {
	{ 'f', "format", "FORMAT", OPT_STRING, ARG(format), "table or json" },
	{ 'q', "quiet", NULL, OPT_FLAG, ARG(quiet), "only IDs" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

static const struct opt spec_opts[] = {
	{ 'b', "bundle", "DIR", OPT_STRING, ARG(bundle), "for config.json (default: here)" },
	{ 'f', "file", "NAME", OPT_STRING, ARG(config), "in it, instead of config.json" },
	{ 0, "rootless", NULL, OPT_FLAG, ARG(spec_rootless), "for an ordinary user" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

#define UPDATE(member) ARG(update.member)
static const struct opt update_opts[] = {
	{ 'r', "resources", "FILE", OPT_STRING, UPDATE(resources), "linux.resources as JSON (-: stdin)" },
	{ 0, "memory", "BYTES", OPT_STRING, UPDATE(memory), "memory (-1: no limit)" },
	{ 0, "memory-reservation", "BYTES", OPT_STRING, UPDATE(memory_reservation), "soft limit" },
	{ 0, "memory-swap", "BYTES", OPT_STRING, UPDATE(memory_swap), "memory and swap together" },
	{ 0, "kernel-memory", "BYTES", OPT_STRING, UPDATE(kernel_memory), "refused: not in cgroup v2" },
	{ 0, "kernel-memory-tcp", "BYTES", OPT_STRING, UPDATE(kernel_memory_tcp), "refused" },
	{ 0, "cpu-period", "USEC", OPT_STRING, UPDATE(cpu_period), "period of the CPU quota" },
	{ 0, "cpu-quota", "USEC", OPT_STRING, UPDATE(cpu_quota), "CPU time in a period" },
	{ 0, "cpu-burst", "USEC", OPT_STRING, UPDATE(cpu_burst), "CPU time that may be saved up" },
	{ 0, "cpu-share", "N", OPT_STRING, UPDATE(cpu_share), "relative share of CPU time" },
	{ 0, "cpu-shares", "N", OPT_STRING, UPDATE(cpu_share), "the same" },
	{ 0, "cpu-idle", "0|1", OPT_STRING, UPDATE(cpu_idle), "only when nobody else wants the CPU" },
	{ 0, "cpu-rt-period", "USEC", OPT_STRING, UPDATE(cpu_rt_period), "refused: not in cgroup v2" },
	{ 0, "cpu-rt-runtime", "USEC", OPT_STRING, UPDATE(cpu_rt_runtime), "refused" },
	{ 0, "cpuset-cpus", "LIST", OPT_STRING, UPDATE(cpuset_cpus), "CPUs, as 0-3,5" },
	{ 0, "cpuset-mems", "LIST", OPT_STRING, UPDATE(cpuset_mems), "memory nodes" },
	{ 0, "pids-limit", "N", OPT_STRING, UPDATE(pids_limit), "processes (-1: no limit)" },
	{ 0, "blkio-weight", "N", OPT_STRING, UPDATE(blkio_weight), "relative share of I/O, 10 to 1000" },
	{ 0, "l3-cache-schema", "TEXT", OPT_STRING, UPDATE(l3_cache), "refused: Intel RDT" },
	{ 0, "mem-bw-schema", "TEXT", OPT_STRING, UPDATE(mem_bw), "refused: Intel RDT" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

static const struct opt ps_opts[] = {
	{ 'f', "format", "FORMAT", OPT_STRING, ARG(format), "table or json" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

static const struct opt events_opts[] = {
	{ 0, "interval", "DURATION", OPT_STRING, ARG(interval), "between statistics (default 5s)" },
	{ 0, "stats", NULL, OPT_FLAG, ARG(stats), "print statistics once" },
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

static const struct opt plain_opts[] = {
	{ 'h', "help", NULL, OPT_FLAG, ARG(help), "print this" },
	{ 0 },
};

enum {
	GUARD = 1,	/* starts a process in a container */
	STATES = 2,	/* reads or writes the directory of states */
};

static const struct command {
	const char *name, *usage, *summary;
	int (*run)(struct args *a, struct err *e);
	const struct opt *opts;
	unsigned int needs;
} commands[] = {
	{ "checkpoint", "ID", "not supported", cmd_unsupported, plain_opts, 0 },
	{ "create", "ID", "create a container", cmd_create, create_opts, GUARD | STATES },
	{ "delete", "ID", "remove what is left of a container", cmd_delete, delete_opts, STATES },
	{ "events", "ID", "print statistics and OOM kills as JSON", cmd_events, events_opts, STATES },
	{ "exec", "ID [COMMAND [ARG...]]", "run a process", cmd_exec, exec_opts, GUARD | STATES },
	{ "features", "", "print what is supported, as JSON", cmd_features, plain_opts, 0 },
	{ "kill", "ID [SIGNAL]", "send a signal (default TERM)", cmd_kill, kill_opts, STATES },
	{ "list", "", "list containers", cmd_list, list_opts, STATES },
	{ "pause", "ID", "freeze the container", cmd_pause, plain_opts, STATES },
	{ "ps", "ID [PS-OPTION...]", "list its processes", cmd_ps, ps_opts, STATES },
	{ "resume", "ID", "thaw it", cmd_resume, plain_opts, STATES },
	{ "restore", "ID", "not supported", cmd_unsupported, plain_opts, 0 },
	{ "run", "ID", "create and start a container", cmd_run, run_opts, GUARD | STATES },
	{ "spec", "", "write a sample config.json", cmd_spec, spec_opts, 0 },
	{ "start", "ID", "start a created container", cmd_start, plain_opts, STATES },
	{ "state", "ID", "print its state as JSON", cmd_state, plain_opts, STATES },
	{ "update", "ID", "change its limits", cmd_update, update_opts, STATES },
};
/* clang-format on */

static void print_version(void)
{
	const struct scmp_version *v = seccomp_version();

	(void)printf(PROGRAM " version " CTR_VERSION "\nspec: " OCI_VERSION "\n");
	if (v)
		(void)printf("libseccomp: %u.%u.%u\n", v->major, v->minor, v->micro);
}

static void print_help(void)
{
	(void)printf("usage: " PROGRAM " [OPTION...] COMMAND [OPTION...] [ARG...]\n\ncommands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	(void)printf("\noptions:\n");
	opt_print(global_opts);
}

static void print_command_help(const struct command *c)
{
	(void)printf("usage: " PROGRAM " %s [OPTION...] %s\n\n%s\n\noptions:\n", c->name, c->usage,
		     c->summary);
	opt_print(c->opts);
}

static bool log_is_json(const struct args *a)
{
	return a->log_format && streq(a->log_format, "json");
}

static int fail(const struct args *a, const struct err *e)
{
	report_to(a->log, log_is_json(a));
	/* Who takes it by descriptor tells the user. */
	if (!a->err_fd || err_send((int)a->err_fd, e) < 0 || a->log)
		report_error(e);
	switch (e->kind) {
	case ERR_CMD_NOT_FOUND:
		return 127;
	case ERR_CMD_NOT_EXEC:
		return 126;
	default:
		return 1;
	}
}

static bool is_host_root(void)
{
	return geteuid() == 0 && userns_is_initial();
}

static int set_root(struct args *a, struct err *e)
{
	static char root[4096];
	const char *run = getenv("XDG_RUNTIME_DIR");
	bool user = !is_host_root() && run && run[0] == '/';

	if (geteuid() != 0 && !user)
		return err_set(e, ERR_INVALID, "XDG_RUNTIME_DIR is not set: --root is needed");
	(void)snprintf(root, sizeof(root), "%s/" PROGRAM, user ? run : "/run");
	a->root = root;
	return 0;
}

static int check_globals(struct args *a, struct err *e)
{
	if (a->debug)
		log_max = LOG_DEBUG;
	a->manager = a->systemd_cgroup ? CGROUP_SYSTEMD : CGROUP_CGROUPFS;
	if (a->cgroup_manager && cgroup_manager_parse(a->cgroup_manager, &a->manager) < 0)
		return err_set(e, ERR_INVALID,
			       "--cgroup-manager: \"%s\" is not cgroupfs, systemd or disabled",
			       a->cgroup_manager);
	if (a->log_format && !streq(a->log_format, "json") && !streq(a->log_format, "text"))
		return err_set(e, ERR_INVALID, "--log-format: \"%s\" is not text or json",
			       a->log_format);
	if (a->rootless && !streq(a->rootless, "auto") && !streq(a->rootless, "true") &&
	    !streq(a->rootless, "false"))
		return err_set(e, ERR_INVALID, "--rootless: \"%s\" is not true, false or auto",
			       a->rootless);
	if (a->rootless && streq(a->rootless, "false") && geteuid() != 0)
		return err_set(e, ERR_DENIED, "--rootless=false needs root");
	if (a->err_fd) {
		if (a->err_fd < 3 || fd_set_cloexec((int)a->err_fd, true) < 0) {
			uint32_t fd = a->err_fd;

			a->err_fd = 0;
			return err_set(e, ERR_INVALID,
				       "--err-fd: %u is not an open descriptor from 3 on", fd);
		}
	}
	return 0;
}

int args_close_fds(struct args *a, struct err *e)
{
	const char *listen = getenv("LISTEN_FDS");
	unsigned int first;

	/* Socket activation: systemd's descriptors come first.  A variable that was merely
	 * inherited names none. */
	if (listen && str_u32(listen, 1024, &a->listen_fds) == 0 && a->listen_fds &&
	    fcntl(3, F_GETFD) >= 0)
		a->preserve_fds += a->listen_fds;
	else
		a->listen_fds = 0;
	if (a->preserve_fds > 65536)
		return err_set(e, ERR_INVALID, "--preserve-fds: %u is too many", a->preserve_fds);
	first = 3 + a->preserve_fds;
	for (unsigned int fd = 3; fd < first; fd++)
		if (fcntl((int)fd, F_GETFD) < 0)
			return err_set(e, ERR_INVALID, "--preserve-fds: descriptor %u is not open",
				       fd);
	if (a->err_fd && a->err_fd < first)
		return err_set(e, ERR_INVALID,
			       "--err-fd is among the descriptors of --preserve-fds");
	if (a->err_fd > first)
		(void)close_range(first, a->err_fd - 1, 0); /* nothing there is as good as closed */
	if (a->err_fd)
		first = a->err_fd + 1;
	(void)close_range(first, ~0U, 0);
	return 0;
}

static int guard(struct args *a, char **argv, struct err *e)
{
	int r;

	/* The copy of us reports to the same descriptor. */
	if (a->err_fd)
		(void)fd_set_cloexec((int)a->err_fd, false); /* open: checked above */
	r = guard_own_program(argv, e);
	if (a->err_fd)
		(void)fd_set_cloexec((int)a->err_fd, true);
	return r;
}

/* Commands go to the bundle, and exec to the container: what they are told stays what it was. */
static int make_paths_absolute(struct args *a, struct err *e)
{
	const char **paths[] = { &a->root, &a->log, &a->seccomp_cache, &a->pid_file,
				 &a->console_socket };
	auto_free char *cwd = NULL;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char **p = paths[i];

		if (!*p || (*p)[0] == '/')
			continue;
		if (!cwd)
			cwd = getcwd(NULL, 0);
		if (!cwd)
			return err_sys(e, errno, "find the working directory");
		if (strv_add_take(&a->owned, path_join(cwd, *p)) < 0)
			return err_sys(e, ENOMEM, "find the path of %s", *p);
		*p = a->owned.items[a->owned.n - 1];
	}
	return 0;
}

int cmd_unsupported(struct args *a, struct err *e)
{
	(void)a;
	return err_set(e, ERR_UNSUPPORTED,
		       "checkpoint and restore are not supported: they take criu, which this runtime "
		       "does not drive; use crun or runc for such a container");
}

static int run_command(struct args *a, int argc, char **argv, char **whole_argv, struct err *e)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];
		int r;

		if (!streq(c->name, argv[0]))
			continue;
		if (c->run == cmd_unsupported)
			return cmd_unsupported(a, e); /* whatever its options */
		r = opt_parse(c->opts, a, argc, argv, e);
		if (r < 0)
			return r;
		if (a->help) {
			print_command_help(c);
			return 0;
		}
		a->argc = argc - r;
		a->argv = argv + r;
		r = c->needs & GUARD ? guard(a, whole_argv, e) : 0;
		if (r == 0 && (c->needs & STATES) && !a->root)
			r = set_root(a, e);
		if (r == 0)
			r = make_paths_absolute(a, e);
		report_to(a->log, log_is_json(a));
		if (r == 0 && a->regex)
			return matching_run(a, c->run, e);
		return r < 0 ? r : c->run(a, e);
	}
	return err_set(e, ERR_INVALID, "unknown command \"%s\"; see --help", argv[0]);
}

int main(int argc, char **argv)
{
	struct args a = { 0 };
	struct err e = ERR_INIT;
	int i, r;

	if (fd_sanitize_std() < 0)
		return 1;
	i = opt_parse(global_opts, &a, argc, argv, &e);
	if (i < 0)
		return fail(&a, &e);
	if (a.version) {
		print_version();
		return 0;
	}
	if (a.help || i >= argc) {
		print_help();
		return a.help ? 0 : 1;
	}
	r = check_globals(&a, &e);
	if (r == 0)
		r = run_command(&a, argc - i, argv + i, argv, &e);
	if (r < 0)
		r = fail(&a, &e);
	strv_done(&a.env);
	strv_done(&a.caps);
	strv_done(&a.groups);
	strv_done(&a.owned);
	r = fflush(stdout) == 0 ? r : 1;
	/* Exit handlers (those of sanitizers) may start threads, whose ids mean something else now.
	 */
	if (a.joined)
		_exit(r);
	return r;
}
