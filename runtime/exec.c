/* The command exec: another process in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "affinity.h"
#include "cgroup-join.h"
#include "child.h"
#include "console.h"
#include "fd.h"
#include "file.h"
#include "filter.h"
#include "filter-cache.h"
#include "foreground.h"
#include "identity.h"
#include "json.h"
#include "lsm.h"
#include "oci-config.h"
#include "path.h"
#include "procfs.h"
#include "runtime.h"
#include "state.h"

#define PROCESS_MAX_BYTES (16u << 20)

struct execution {
	struct args *a;
	int dir_fd, pid_dir_fd; /* of the state; of --pid-file, opened while we see the host */
	struct state state;
	struct proc init;
	struct oci_config cfg; /* only without --process */
	json_t *doc;
	struct oci_process process;
	struct setup setup;
	struct child child;
	struct joiner joiner;
};

static void execution_done(struct execution *x)
{
	child_done(&x->child);
	joiner_done(&x->joiner);
	filter_done(&x->setup.filter);
	if (x->doc)
		oci_process_done(&x->process);
	json_decref(x->doc);
	oci_config_done(&x->cfg);
	proc_done(&x->init);
	state_done(&x->state);
	(void)fd_close(x->setup.host_proc_fd);
	(void)fd_close(x->setup.root_fd);
	(void)fd_close(x->dir_fd);
	(void)fd_close(x->pid_dir_fd);
}

static int read_process_file(struct execution *x, struct err *e)
{
	const char *path = x->a->process;
	auto_free char *buf = NULL;
	size_t len;
	int r = streq(path, "-") ? fd_read_file(STDIN_FILENO, PROCESS_MAX_BYTES, &buf, &len)
				 : file_read_path(path, PROCESS_MAX_BYTES, &buf, &len);

	if (r < 0)
		return err_sys(e, r, "read the process file %s", path);
	r = json_parse(buf, len, PROCESS_MAX_BYTES, path, &x->doc, e);
	return r < 0 ? r : oci_process_read(x->doc, &x->process, "$", e);
}

/* "UID" or "UID:GID", both numbers: names are the engine's business. */
static int parse_user(const char *text, struct oci_process *p, struct err *e)
{
	auto_free char *copy = strdup(text);
	char *colon = copy ? strchr(copy, ':') : NULL;
	uint32_t uid, gid = p->gid;

	if (!copy)
		return err_sys(e, ENOMEM, "read --user");
	if (colon)
		*colon = '\0';
	if (str_u32(copy, UINT32_MAX - 1, &uid) < 0 ||
	    (colon && str_u32(colon + 1, UINT32_MAX - 1, &gid) < 0))
		return err_set(e, ERR_INVALID, "--user: \"%s\" is not UID or UID:GID", text);
	p->uid = uid;
	p->gid = gid;
	return 0;
}

static int add_groups(const struct strv *list, struct oci_process *p, struct err *e)
{
	gid_t *groups;

	if (list->n == 0)
		return 0;
	groups = reallocarray(p->groups, p->n_groups + list->n, sizeof(*groups));
	if (!groups)
		return err_sys(e, ENOMEM, "read --additional-gids");
	p->groups = groups;
	for (size_t i = 0; i < list->n; i++) {
		uint32_t gid;

		if (str_u32(list->items[i], UINT32_MAX - 1, &gid) < 0)
			return err_set(e, ERR_INVALID, "--additional-gids: \"%s\" is not a GID",
				       list->items[i]);
		p->groups[p->n_groups++] = gid;
	}
	return 0;
}

static int add_caps(const struct strv *names, struct caps *c, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		int cap = cap_parse(names->items[i]);

		if (cap < 0)
			return err_set(e, ERR_INVALID, "--cap: \"%s\" is not a capability",
				       names->items[i]);
		c->bounding |= UINT64_C(1) << cap;
		c->effective |= UINT64_C(1) << cap;
		c->permitted |= UINT64_C(1) << cap;
	}
	return 0;
}

/* The container's own process, changed by options: it is read again from the bundle. */
static int process_from_options(struct execution *x, struct err *e)
{
	struct args *a = x->a;
	auto_close int bundle = open(x->state.bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct oci_process *p;
	int r;

	if (bundle < 0)
		return err_sys(e, errno, "open the bundle %s", x->state.bundle);
	r = oci_config_load(bundle, x->state.config, &x->cfg, e);
	if (r < 0)
		return r;
	p = &x->cfg.process;
	p->terminal = a->tty;
	p->rows = p->cols = 0;
	p->no_new_privileges |= a->no_new_privs;
	if (a->cwd)
		p->cwd = a->cwd;
	if (p->cwd[0] != '/')
		return err_set(e, ERR_INVALID, "--cwd: \"%s\" is not an absolute path", p->cwd);
	for (size_t i = 0; r == 0 && i < a->env.n; i++) {
		auto_free char *key = strdup(a->env.items[i]);
		char *eq = key ? strchr(key, '=') : NULL;

		if (!eq || eq == key)
			return err_set(e, ERR_INVALID, "--env: \"%s\" is not NAME=VALUE",
				       a->env.items[i]);
		*eq = '\0';
		r = strv_env_set(&p->env, key, eq + 1);
	}
	strv_done(&p->args);
	for (int i = 1; r == 0 && i < a->argc; i++)
		r = strv_add(&p->args, a->argv[i]);
	if (r < 0)
		return err_sys(e, r, "read the options");
	if (p->args.n == 0 || !p->args.items[0][0])
		return err_set(e, ERR_INVALID, "exec needs a command or --process");
	if (a->user) {
		r = parse_user(a->user, p, e);
		if (r < 0)
			return r;
	}
	r = add_groups(&a->groups, p, e);
	return r < 0 ? r : add_caps(&a->caps, &p->caps, e);
}

static int find_container(struct execution *x, struct err *e)
{
	struct args *a = x->a;
	auto_close int root = FD_NONE;
	enum container_status status;
	int r;

	if (a->argc < 1)
		return err_set(e, ERR_INVALID, "exec takes a container ID");
	r = state_check_id(a->argv[0], e);
	if (r < 0)
		return r;
	root = state_root_open(a->root, false, e);
	if (root < 0)
		return root;
	x->dir_fd = state_dir_open(root, a->argv[0], e);
	if (x->dir_fd < 0)
		return x->dir_fd;
	r = state_read(x->dir_fd, &x->state, e);
	if (r < 0)
		return r;
	status = state_status(x->dir_fd, &x->state, &x->init);
	/* What joins a frozen cgroup freezes, and whoever waits for it with it. */
	if (status == STATUS_PAUSED && !a->ignore_paused)
		return err_set(e, ERR_BUSY,
			       "container \"%s\" is paused: resume it, or use --ignore-paused",
			       a->argv[0]);
	if (status != STATUS_RUNNING && status != STATUS_PAUSED)
		return err_set(e, ERR_BUSY, "container \"%s\" is not running", a->argv[0]);
	return 0;
}

static int prepare_filter(struct execution *x, struct err *e)
{
	int r;

	if (!x->state.has_filter)
		return 0;
	/* Without the filter that the container has, nothing may run in it. */
	r = filter_file_read(x->dir_fd, "seccomp.bpf", x->state.id, &x->setup.filter);
	if (r < 0)
		return err_sys(e, r, "read the container's seccomp filter");
	x->setup.filter.listener_path = x->state.listener_path;
	x->setup.filter.listener_metadata = x->state.listener_metadata;
	return 0;
}

/* CLONE_NEW* of the namespaces in which the container's process differs from us. */
static int differing_namespaces(const struct execution *x, struct err *e)
{
	auto_close int theirs = FD_NONE, ours = FD_NONE;
	char path[40];
	int flags = 0;

	(void)snprintf(path, sizeof(path), "%d/ns", (int)x->init.pid);
	theirs = procfs_open(x->setup.host_proc_fd, path, O_PATH | O_DIRECTORY);
	ours = procfs_open(x->setup.host_proc_fd, "self/ns", O_PATH | O_DIRECTORY);
	if (theirs < 0 || ours < 0)
		return err_sys(e, theirs < 0 ? theirs : ours, "look at the container's namespaces");
	for (int k = 0; k < NS_COUNT_; k++) {
		struct stat a, b;

		if (fstatat(theirs, ns_types[k].proc, &a, 0) < 0 ||
		    fstatat(ours, ns_types[k].proc, &b, 0) < 0) {
			if (errno == ENOENT)
				continue; /* a kernel without that kind */
			return err_sys(e, errno, "look at the container's %s namespace",
				       ns_types[k].name);
		}
		if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
			flags |= (int)ns_types[k].flag;
	}
	return flags;
}

static int open_pid_dir(struct execution *x, struct err *e)
{
	auto_free char *dir = NULL;
	const char *path = x->a->pid_file;

	if (!path)
		return 0;
	dir = path_base(path) == path ? strdup(".")
				      : strndup(path, (size_t)(path_base(path) - path));
	if (!dir)
		return err_sys(e, ENOMEM, "open the directory of %s", path);
	x->pid_dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return x->pid_dir_fd < 0 ? err_sys(e, errno, "open the directory of %s", path) : 0;
}

static void limit_caps(struct execution *x, bool other_user_namespace)
{
	uint64_t grantable = UINT64_MAX;

	if (!other_user_namespace)
		(void)caps_permitted(&grantable); /* else setting them tells */
	identity_limit_caps(x->a->process ? &x->process : &x->cfg.process, grantable);
}

/*
 * Enter all namespaces at once, by the pidfd of a process that was verified to be the container's.
 * From here on we see what it sees; nobody in there may trace us or open our files.
 */
static int join(struct execution *x, struct err *e)
{
	int flags, r;

	x->setup.host_proc_fd = procfs_open_host();
	if (x->setup.host_proc_fd < 0)
		return err_sys(e, x->setup.host_proc_fd, "open /proc");
	flags = differing_namespaces(x, e);
	if (flags < 0)
		return flags;
	/* The kernel lets nobody in from outside of a cgroup namespace: the child enters it once it
	 * is in the cgroup. */
	if (x->joiner.cgroup_fd >= 0 && (flags & CLONE_NEWCGROUP)) {
		flags &= ~CLONE_NEWCGROUP;
		x->setup.join[NS_CGROUP] = fd_dup(x->init.pidfd);
		if (x->setup.join[NS_CGROUP] < 0)
			return err_sys(e, x->setup.join[NS_CGROUP], "join the cgroup namespace");
	}
	/* While our own files in /proc are ours. */
	r = identity_oom_score(&x->setup, e);
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, errno, "hide from the container");
	limit_caps(x, flags & CLONE_NEWUSER);
	if (flags && setns(x->init.pidfd, flags) < 0) {
		if (errno == ESRCH)
			return err_set(e, ERR_BUSY, "container \"%s\" is not running", x->state.id);
		return err_sys(e, errno, "join the container's namespaces");
	}
	x->a->joined = true;
	x->setup.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return x->setup.root_fd < 0 ? err_sys(e, errno, "open the container's root") : 0;
}

static int start(struct execution *x, struct err *e)
{
	bool foreground = !x->a->detach;
	char text[16];
	int r;

	if (foreground)
		foreground_block_signals();
	x->setup.cgroup_fd = x->joiner.clone_fd;
	r = child_clone(&x->child, &x->setup, exec_steps, 0, !foreground, e);
	if (r == 0 && !x->child.placed)
		r = joiner_join(&x->joiner, x->child.proc.pid, e);
	if (r < 0)
		return r;
	if (x->a->pid_file) {
		(void)snprintf(text, sizeof(text), "%d", (int)x->child.proc.pid);
		r = file_replace(x->pid_dir_fd, path_base(x->a->pid_file), text, strlen(text), 0644,
				 FILE_SYNC_NONE);
		if (r < 0)
			return err_sys(e, r, "write the pid file %s", x->a->pid_file);
	}
	x->child.go_after_tty = x->setup.proc->terminal;
	r = x->child.go_after_tty ? 0 : child_go(&x->child, e);
	if (r == 0)
		r = child_serve(&x->child, e);
	return r < 0 || !foreground ? r : foreground_wait(&x->child.proc, x->child.master, e);
}

static void set_labels(const struct args *a, struct oci_process *p)
{
	if (a->apparmor)
		p->apparmor_profile = a->apparmor;
	if (a->process_label)
		p->selinux_label = a->process_label;
}

static int prepare(struct execution *x, struct err *e)
{
	struct args *a = x->a;
	struct setup *s = &x->setup;
	int r = find_container(x, e);

	if (r == 0)
		r = a->process ? read_process_file(x, e) : process_from_options(x, e);
	if (r < 0)
		return r;
	s->proc = a->process ? &x->process : &x->cfg.process;
	s->id = x->state.id;
	s->bundle = x->state.bundle;
	s->annotations = x->state.annotations;
	s->keep_groups = identity_keeps_groups(x->state.annotations);
	s->preserve_fds = a->preserve_fds;
	s->listen_fds = a->listen_fds;
	s->env = a->process ? &x->process.env : &x->cfg.process.env;
	s->pdeathsig = a->pdeathsig;
	s->no_new_keyring = a->no_new_keyring;
	set_labels(a, a->process ? &x->process : &x->cfg.process);
	if (a->tty && a->process)
		x->process.terminal = true;
	r = lsm_check(s->proc, NULL, e);
	if (r < 0)
		return r;
	if (!s->proc->terminal && a->console_socket)
		return err_set(e, ERR_INVALID,
			       "--console-socket is given, but no terminal is asked for");
	if (s->proc->terminal && a->detach && !a->console_socket)
		return err_set(e, ERR_INVALID,
			       "a terminal is asked for: --console-socket is needed");
	if (!a->console_socket)
		console_default_size(a->process ? &x->process : &x->cfg.process);
	r = prepare_filter(x, e);
	if (r == 0)
		r = joiner_prepare(&x->joiner, &x->state, x->init.pid, a->sub_cgroup, e);
	if (r == 0)
		r = child_connect(&x->child, a->console_socket, s->filter.listener_path, e);
	return r < 0 ? r : open_pid_dir(x, e);
}

int cmd_exec(struct args *a, struct err *e)
{
	struct execution x = {
		.a = a,
		.dir_fd = FD_NONE,
		.pid_dir_fd = FD_NONE,
		.init = PROC_INIT,
		.child = CHILD_INIT,
		.joiner = JOINER_INIT,
	};
	int r = args_close_fds(a, e);

	setup_init(&x.setup);
	if (r == 0)
		r = prepare(&x, e);
	if (r == 0)
		r = affinity_set(x.setup.proc->affinity_initial,
				 "$.process.execCPUAffinity.initial", e);
	if (r == 0)
		r = join(&x, e);
	if (r == 0)
		r = start(&x, e);
	if (r < 0)
		child_kill(&x.child);
	execution_done(&x);
	return r;
}
