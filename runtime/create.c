/* The commands create and run. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup-place.h"
#include "child.h"
#include "console.h"
#include "fd.h"
#include "file.h"
#include "filter.h"
#include "filter-cache.h"
#include "foreground.h"
#include "guard.h"
#include "hooks.h"
#include "identity.h"
#include "idmapped.h"
#include "lsm.h"
#include "path.h"
#include "report.h"
#include "runtime.h"
#include "start-fifo.h"
#include "state.h"
#include "sysctl.h"

struct creation {
	struct args *a;
	const char *id;
	bool run;	       /* create and start in one */
	int root_fd, dir_fd;   /* of the states; of this one, FD_NONE until it is there */
	char *bundle, *rootfs; /* absolute */
	char created[40];
	struct oci_config cfg;
	struct setup setup;
	struct idmapped *idmapped;
	struct state state;
	struct child child;
	struct place place; /* its cgroup */
	struct hook_agent agent; /* with hooks and namespaces to join */
	char *state_text; /* for hooks */
};

static void creation_done(struct creation *c)
{
	child_done(&c->child);
	place_done(&c->place);
	hook_agent_done(&c->agent);
	filter_done(&c->setup.filter);
	idmapped_free(c->idmapped, c->cfg.n_mounts);
	oci_config_done(&c->cfg);
	(void)fd_close(c->root_fd);
	(void)fd_close(c->dir_fd);
	free(c->bundle);
	free(c->rootfs);
	free(c->state_text);
}

/* Relative paths in the bundle are relative to it, so we go there. */
static int open_bundle(struct creation *c, struct err *e)
{
	const char *bundle = c->a->bundle ? c->a->bundle : ".";
	auto_close int fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *root;
	int r;

	if (fd < 0)
		return err_sys(e, errno, "open the bundle %s", bundle);
	if (fchdir(fd) < 0)
		return err_sys(e, errno, "change to the bundle %s", bundle);
	c->bundle = bundle[0] == '/' ? strdup(bundle) : getcwd(NULL, 0);
	if (!c->bundle)
		return err_sys(e, errno, "find the path of the bundle %s", bundle);
	r = oci_config_load(fd, c->a->config, &c->cfg, e);
	if (r < 0)
		return r;
	root = c->cfg.root_path;
	c->rootfs = root[0] == '/' ? strdup(root) : path_join(c->bundle, root);
	return c->rootfs ? 0 : err_sys(e, ENOMEM, "find the root file system");
}

/* Root of a user namespace has all there are; without one the container gets what we have. */
static void limit_caps(struct creation *c)
{
	uint64_t grantable = UINT64_MAX;

	if (!c->cfg.ns[NS_USER].present)
		(void)caps_permitted(&grantable); /* else setting them tells */
	identity_limit_caps(&c->cfg.process, grantable);
}

static int check(struct creation *c, struct err *e)
{
	const struct oci_process *p = &c->cfg.process;

	if (!c->cfg.has_process)
		return err_set(e, ERR_INVALID, "config.json: $.process: missing");
	if (p->terminal && !c->a->console_socket && (!c->run || c->a->detach))
		return err_set(e, ERR_INVALID,
			       "a terminal is asked for: --console-socket is needed");
	if (!p->terminal && c->a->console_socket)
		return err_set(e, ERR_INVALID,
			       "--console-socket is given, but $.process.terminal is not "
			       "true");
	if (lsm_check(p, c->cfg.mount_label, e) < 0)
		return -EOPNOTSUPP;
	limit_caps(c);
	return sysctl_check(&c->cfg, e);
}

static int prepare_filter(struct creation *c, struct err *e)
{
	auto_free char *cache = NULL;
	const char *dir = c->a->seccomp_cache;
	int r;

	if (!c->cfg.seccomp && !c->cfg.seccomp_text)
		return 0;
	if (!dir) {
		cache = path_join(c->a->root, "../ctr-lite-seccomp");
		dir = cache;
	}
	r = c->cfg.seccomp_text ? filter_make(c->cfg.seccomp_text, dir, &c->setup.filter,
					      &c->cfg.seccomp_doc, e)
				: filter_compile(c->cfg.seccomp, &c->setup.filter, e);
	if (r < 0)
		return r;
	c->state.has_filter = true;
	c->state.listener_path = c->setup.filter.listener_path;
	c->state.listener_metadata = c->setup.filter.listener_metadata;
	r = filter_file_write(c->dir_fd, "seccomp.bpf", c->id, &c->setup.filter);
	return r < 0 ? err_sys(e, r, "keep the seccomp filter for exec") : 0;
}

/* Is the namespace behind @fd the one that we are in? */
static bool is_ours(int fd, const struct ns_type *t)
{
	char path[64];
	struct stat a, b;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", t->proc);
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Open what is to be joined; what we are in already needs nothing. */
static int open_namespaces(struct creation *c, struct err *e)
{
	for (int k = 0; k < NS_COUNT_; k++) {
		const struct oci_ns *ns = &c->cfg.ns[k];
		auto_close int fd = FD_NONE;
		struct statfs fs;

		if (!ns->present || !ns->path)
			continue;
		fd = open(ns->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, errno, "open the %s namespace %s", ns_types[k].name,
				       ns->path);
		if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
		    ioctl(fd, NS_GET_NSTYPE) != (int)ns_types[k].flag)
			return err_set(e, ERR_INVALID, "$.linux.namespaces: %s is not a %s namespace",
				       ns->path, ns_types[k].name);
		if (!is_ours(fd, &ns_types[k]))
			c->setup.join[k] = take_fd(&fd);
	}
	return 0;
}

static int join_here(struct creation *c, enum ns_kind k)
{
	int *fd = &c->setup.join[k];

	if (*fd < 0)
		return 0;
	if (setns(*fd, (int)ns_types[k].flag) < 0)
		return -errno;
	*fd = fd_close(*fd);
	c->a->joined = true;
	return 0;
}

/*
 * Pid and time namespaces are for children only.  Joining a user namespace gives the rights to
 * join what it owns and takes away those that we have outside of it; a new one takes away all.  So
 * what can be joined is joined before, and what cannot yet is left to afterwards: to us where it
 * must be before the clone, else to the child.  The mount namespace comes last: it changes what
 * paths mean.
 */
static int join_before_clone(struct creation *c, struct err *e)
{
	static const enum ns_kind order[] = { NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_PID, NS_TIME };
	bool user = c->setup.join[NS_USER] >= 0;
	bool new_user = c->cfg.ns[NS_USER].present && !c->cfg.ns[NS_USER].path;

	for (int pass = user ? 0 : 1; pass < 2; pass++) {
		for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			enum ns_kind k = order[i];
			int r;

			if (pass == 1 && !new_user && k != NS_PID && k != NS_TIME)
				continue;
			r = join_here(c, k);
			if (r < 0 && !(r == -EPERM && pass == 0))
				return err_sys(e, r, "join the %s namespace", ns_types[k].name);
		}
		if (pass == 0) {
			int r = join_here(c, NS_USER);

			if (r < 0)
				return err_sys(e, r, "join the user namespace");
		}
	}
	return 0;
}

/* What we join we stay in: the hooks that belong to the runtime's namespaces need somebody there. */
static int keep_hooks_outside(struct creation *c, struct err *e)
{
	size_t hooks = 0;
	bool join = false;

	for (int k = 0; k < HOOK_COUNT_; k++)
		hooks += c->cfg.hooks.n[k];
	for (int k = 0; k < NS_COUNT_; k++)
		join |= c->setup.join[k] >= 0;
	return hooks && join ? hook_agent_start(&c->cfg.hooks, &c->agent, e) : 0;
}

static int clone_child(struct creation *c, struct err *e)
{
	uint64_t flags = 0;
	int r = open_namespaces(c, e);

	c->setup.user_joined = c->setup.join[NS_USER] >= 0;
	if (r == 0)
		r = idmapped_prepare(&c->cfg, c->setup.join[NS_USER], &c->idmapped, e);
	if (r == 0)
		r = keep_hooks_outside(c, e);
	if (r == 0)
		r = join_before_clone(c, e);
	if (r < 0)
		return r;
	for (int k = 0; k < NS_COUNT_; k++)
		if (c->cfg.ns[k].present && !c->cfg.ns[k].path)
			flags |= ns_types[k].flag;
	if (c->cfg.time_offsets)
		flags &= ~ns_types[NS_TIME].flag; /* the child makes it: offsets come before it enters */
	c->setup.idmapped = c->idmapped;
	c->setup.maps_pending = flags & CLONE_NEWUSER;
	if (c->setup.user_joined) { /* its message queues belong to who makes it: to root */
		c->setup.new_ipc_ns = flags & CLONE_NEWIPC;
		flags &= ~(uint64_t)CLONE_NEWIPC;
	}
	if (place_wanted(&c->place)) {
		c->setup.cgroup_fd = c->place.fd;
		c->setup.cgroup_pending = c->place.fd < 0;
		c->setup.new_cgroup_ns = flags & CLONE_NEWCGROUP;
		flags &= ~(uint64_t)CLONE_NEWCGROUP;
	}
	return child_clone(&c->child, &c->setup, init_steps, flags, !c->run || c->a->detach, e);
}

/* Into its cgroup as the user that started it, before it gets other ids. */
static int place_and_map(struct creation *c, struct err *e)
{
	int r = place_process(&c->place, c->child.proc.pid, c->child.placed, e);

	if (r == 0 && c->setup.maps_pending)
		r = userns_write_maps(c->child.proc.pid, &c->cfg.idmap, e);
	if (r == 0 && (c->setup.maps_pending || c->setup.cgroup_pending))
		r = child_go(&c->child, e);
	return r;
}

/* It was to wait for us, and is gone. */
static int died_early(const struct creation *c, struct err *e)
{
	uint64_t kills = 0;

	if (c->place.fd >= 0)
		(void)cgroup_read_key(c->place.fd, "memory.events", "oom_kill", &kills); /* 0 then */
	return err_set(e, ERR_OS, "the container's process was killed while it was being set up%s",
		       kills ? ": $.linux.resources.memory.limit is too low" : "");
}

static int write_state(struct creation *c, struct err *e)
{
	struct timespec t;
	struct stat st;
	struct tm tm;
	int r;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (gmtime_r(&t.tv_sec, &tm)) {
		size_t n = strftime(c->created, sizeof(c->created), "%Y-%m-%dT%H:%M:%S", &tm);

		(void)snprintf(c->created + n, sizeof(c->created) - n, ".%09ldZ", t.tv_nsec);
	}
	c->state.id = c->id;
	c->state.bundle = c->bundle;
	c->state.config = c->a->config;
	c->state.rootfs = c->rootfs;
	c->state.created = c->created;
	c->state.uid = geteuid();
	c->state.annotations = c->cfg.annotations;
	c->state.hooks = c->cfg.hooks_doc;
	c->state.pid = (uint64_t)c->child.proc.pid;
	if (place_wanted(&c->place)) {
		if (fstat(c->place.fd, &st) < 0)
			return err_sys(e, errno, "look at the cgroup %s", c->place.path);
		c->state.cgroup_path = c->place.path;
		c->state.cgroup_unit = c->place.unit;
		c->state.cgroup_ino = st.st_ino;
	}
	r = proc_start_time(c->child.proc.pid, &c->state.pid_start);
	if (r == -ESRCH)
		return died_early(c, e);
	if (r < 0)
		return err_sys(e, r, "look at the container's process");
	return state_write(c->dir_fd, &c->state, e);
}

static int write_pid_file(const char *path, pid_t pid, struct err *e)
{
	auto_free char *copy = strdup(path);
	auto_close int dir = FD_NONE;
	char text[16], *slash;
	int r;

	if (!copy)
		return err_sys(e, ENOMEM, "write %s", path);
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	dir = open(!slash ? "." : slash == copy ? "/" : copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, errno, "open the directory of %s", path);
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	r = file_replace(dir, path_base(path), text, strlen(text), 0644, FILE_SYNC_NONE);
	return r < 0 ? err_sys(e, r, "write the pid file %s", path) : 0;
}

static const char *state_text(struct creation *c, const char *status)
{
	free(c->state_text);
	c->state_text = state_json(c->id, status, (uint64_t)c->child.proc.pid, c->bundle,
				   c->cfg.annotations);
	return c->state_text;
}

static int run_hooks(struct creation *c, enum hook_kind kind, const char *status, struct err *e)
{
	if (c->cfg.hooks.n[kind] == 0)
		return 0;
	if (!state_text(c, status))
		return err_sys(e, ENOMEM, "run hooks");
	if (c->agent.sock >= 0)
		return hook_agent_run(&c->agent, kind, c->state_text, e);
	return hooks_run(&c->cfg.hooks, kind, c->state_text, e);
}

/* Until its program runs, or, for create, until it waits to be started. */
static int bring_up(struct creation *c, struct err *e)
{
	const struct oci_hooks *h = &c->cfg.hooks;
	bool hooks = h->n[HOOK_PRESTART] || h->n[HOOK_CREATE_RUNTIME];
	int r = place_and_map(c, e);

	if (r == 0)
		r = write_state(c, e);
	if (r == 0 && c->a->pid_file)
		r = write_pid_file(c->a->pid_file, c->child.proc.pid, e);
	c->child.go_after_tty = c->run && !hooks && c->cfg.process.terminal;
	if (r == 0 && c->run && !hooks && !c->child.go_after_tty)
		r = child_go(&c->child, e);
	while (r == 0) {
		r = child_serve(&c->child, e);
		if (r == 0 && !c->run)
			return died_early(c, e);
		if (r <= 0)
			return r;
		if (r == SYNC_HOOKS) {
			r = run_hooks(c, HOOK_PRESTART, "creating", e);
			if (r == 0)
				r = run_hooks(c, HOOK_CREATE_RUNTIME, "creating", e);
			if (r == 0)
				r = child_go(&c->child, e);
			if (r == 0 && c->run)
				r = child_go(&c->child, e);
		} else {
			return child_go(&c->child, e);
		}
	}
	return r;
}

static int prepare(struct creation *c, struct err *e)
{
	struct args *a = c->a;
	struct setup *s = &c->setup;
	int r = args_close_fds(a, e);

	if (r == 0)
		r = state_check_id(c->id, e);
	if (r == 0)
		r = open_bundle(c, e);
	if (r == 0)
		r = check(c, e);
	if (r < 0)
		return r;
	c->root_fd = state_root_open(a->root, true, e);
	if (c->root_fd < 0)
		return c->root_fd;
	c->dir_fd = state_dir_new(c->root_fd, c->id, e);
	if (c->dir_fd < 0)
		return c->dir_fd;
	r = prepare_filter(c, e);
	if (r < 0)
		return r;
	r = place_prepare(&c->place, &c->cfg, c->id, a->manager, e);
	if (r < 0)
		return r;
	if (!a->console_socket)
		console_default_size(&c->cfg.process);
	r = child_connect(&c->child, a->console_socket, s->filter.listener_path, e);
	if (r < 0)
		return r;
	if (!c->run) {
		s->start_fifo = start_fifo_make(c->dir_fd, e);
		if (s->start_fifo < 0)
			return s->start_fifo;
	}
	s->cfg = &c->cfg;
	s->proc = &c->cfg.process;
	s->id = c->id;
	s->bundle = c->bundle;
	s->annotations = c->cfg.annotations;
	s->keep_groups = identity_keeps_groups(c->cfg.annotations);
	s->rootfs = c->rootfs;
	s->no_pivot = a->no_pivot;
	s->no_new_keyring = a->no_new_keyring;
	s->pdeathsig = a->pdeathsig;
	s->preserve_fds = a->preserve_fds;
	s->listen_fds = a->listen_fds;
	s->env = &c->cfg.process.env;
	return 0;
}

static int stay(struct creation *c, struct err *e)
{
	struct err ignored;
	int code = foreground_wait(&c->child.proc, c->child.master, e);

	if (c->a->keep)
		return code;
	if (place_remove(&c->state, &ignored) < 0)
		report_warning(&ignored);
	(void)state_dir_remove(c->root_fd, c->id, &ignored); /* delete can still do it */
	if (run_hooks(c, HOOK_POSTSTOP, "stopped", &ignored) < 0)
		report_warning(&ignored);
	return code;
}

static int create_or_run(struct args *a, bool run, struct err *e)
{
	struct creation c = {
		.a = a,
		.run = run,
		.id = a->argc > 0 ? a->argv[0] : "",
		.root_fd = FD_NONE,
		.dir_fd = FD_NONE,
		.child = CHILD_INIT,
		.place = PLACE_INIT,
		.agent = HOOK_AGENT_INIT,
	};
	struct err ignored;
	int r;

	if (a->argc != 1)
		return err_set(e, ERR_INVALID, "%s takes one container ID", run ? "run" : "create");
	setup_init(&c.setup);
	r = prepare(&c, e);
	if (r == 0 && run && !a->detach)
		foreground_block_signals();
	if (r == 0)
		r = clone_child(&c, e);
	if (r == 0)
		r = bring_up(&c, e);
	if (r == 0 && run)
		r = run_hooks(&c, HOOK_POSTSTART, "running", e);
	if (r == 0 && run && !a->detach)
		r = stay(&c, e);
	if (r < 0) {
		child_kill(&c.child);
		place_undo(&c.place);
		if (c.dir_fd >= 0)
			(void)state_dir_remove(c.root_fd, c.id,
					       &ignored); /* the first failure counts */
	}
	creation_done(&c);
	return r;
}

int cmd_create(struct args *a, struct err *e)
{
	return create_or_run(a, false, e);
}

int cmd_run(struct args *a, struct err *e)
{
	return create_or_run(a, true, e);
}
