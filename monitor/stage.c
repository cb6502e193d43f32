/*
 * The stage: a child of the monitor that is born in the container's user, mount and network
 * namespaces, prepares them, and becomes the OCI runtime.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy-tree.h"
#include "fd.h"
#include "inner.h"
#include "join.h"
#include "mnt.h"
#include "mon.h"
#include "path.h"
#include "str.h"
#include "userns.h"
#include "volumes.h"

struct stage_ctx {
	struct stage_opts o;
	int user_fd; /* the inner user namespace, or that of another container: the runtime's */
	int sock, err_fd;
	struct params p;
	int fds[3 + MON_FDS_MAX]; /* those for its program, then stdout, stderr, stdin, as far as they came */
	size_t n_fds;
	bool create; /* only made, not run */
};

struct stage_step {
	const char *doing; /* put before the step's error; NULL: it says enough itself */
	int (*run)(struct stage_ctx *c, struct err *e);
};

/* The monitor says so little that a fixed small buffer would do, but parameters come here too. */
static char body[MSG_BODY_MAX];

static int stage_recv(struct stage_ctx *c, enum stage_msg want, enum stage_msg or_else,
		      size_t *ret_len, struct err *e)
{
	uint16_t type = 0;
	size_t n = 0;
	int r = msg_recv(c->sock, &type, body, sizeof(body), ret_len, c->fds + c->n_fds,
			 sizeof(c->fds) / sizeof(c->fds[0]) - c->n_fds, &n);

	c->n_fds += n;
	if (r <= 0)
		_exit(125); /* the monitor is gone: nobody is left to tell */
	if (type != want && type != or_else)
		return err_set(e, ERR_CORRUPT, "unexpected message %u", type);
	return type;
}

/* A new network belongs to the container's own user namespace; that comes later where it is not
 * the stage's. */
static bool inner_net(const struct stage_ctx *c)
{
	return c->o.new_net && (c->o.inner || c->o.joins->nested);
}

/*
 * Needs no ids, only the capabilities that the first process of a user namespace has at once.  Not
 * done by the clone, since a network namespace takes a while: the id mappers start meanwhile.
 */
static int step_unshare(struct stage_ctx *c, struct err *e)
{
	bool net = c->o.new_net && !inner_net(c);
	int r = joins_enter_outer(c->o.joins, e);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS | (net ? CLONE_NEWNET : 0)) == 0)
		return joins_enter(c->o.joins, e);
	if (errno == ENOSPC)
		return err_set(e, ERR_UNSUPPORTED,
			       "the host's limit is reached; look at: sysctl "
			       "user.max_mnt_namespaces user.max_net_namespaces");
	return err_sys(e, errno, "unshare");
}

static int step_loopback(struct stage_ctx *c, struct err *e)
{
	return c->o.new_net && !inner_net(c) ? loopback_up(e) : 0;
}

/* Slave, so that what the host mounts later still appears and what we mount stays with us. */
static int step_propagation(struct stage_ctx *c, struct err *e)
{
	(void)c;
	return mnt_propagation(true, e);
}

/* Before this we may not create a file or become anybody: our ids have no meaning yet. */
static int step_become_root(struct stage_ctx *c, struct err *e)
{
	size_t len;
	int r = stage_recv(c, STAGE_GO, STAGE_GO, &len, e);

	if (r < 0)
		return r;
	if (c->o.new_user || c->o.joins->outer >= 0) {
		r = c->o.keep_groups ? userns_set_root_ids() : userns_become_root();
		if (r < 0)
			return err_sys(
				e, r,
				"become root of the user namespace (is container id 0 mapped?)");
		/* A change of ids clears both. */
		(void)prctl(PR_SET_DUMPABLE, 1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	}
	return 0;
}

/* Its ids are those of our namespace, which are there only now.  The network helper may come when
 * the network namespace is the right one. */
static int step_inner(struct stage_ctx *c, struct err *e)
{
	int r = 0;

	if (c->o.inner) {
		r = inner_make(c->o.inner, c->o.new_net, &c->user_fd, e);
	} else if (c->o.joins->nested) {
		c->user_fd = c->o.joins->fd[JOIN_USER];
		r = inner_net(c) ? inner_make_net(c->user_fd, e) : 0;
	}
	if (r < 0)
		return r;
	r = msg_send(c->sock, STAGE_ROOT, NULL, 0, NULL, 0);
	return r < 0 ? err_sys(e, r, "tell the monitor") : 0;
}

static int step_params(struct stage_ctx *c, struct err *e)
{
	int type, r;
	size_t len;

	do {
		type = stage_recv(c, STAGE_MORE, STAGE_RUN, &len, e);
		if (type < 0)
			return type;
		r = params_add(&c->p, body, len, e);
		if (r < 0)
			return r;
	} while (type == STAGE_MORE);
	r = params_parse(&c->p, PARAMS_RUN, e);
	return r < 0 ? r : params_environ(&c->p, e);
}

/* Mount @fd, a namespace or a detached mount, at <rundir>/ns/@name; nobody but us sees it. */
static int place(const struct stage_ctx *c, int fd, const char *name, bool tree, struct err *e)
{
	auto_free char *path = str_printf("%s/ns/%s", c->p.rundir, name);
	auto_close int at = FD_NONE;
	char from[40];

	if (!path)
		return err_sys(e, ENOMEM, "place a namespace");
	if (tree ? mkdir(path, 0700) : mknod(path, S_IFREG | 0600, 0)) {
		if (errno != EEXIST)
			return err_sys(e, errno, "make %s", path);
	}
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (tree ? move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH)
		 : mount(from, path, NULL, MS_BIND, NULL))
		return err_sys(e, errno, "mount %s", path);
	return 0;
}

/* The network is another's and the user namespace is not: inside, nobody may mount its sysfs. */
static bool foreign_net(const struct stage_ctx *c)
{
	return c->o.inner && c->o.joins->fd[JOIN_NET] >= 0;
}

static int place_sysfs(const struct stage_ctx *c, struct err *e)
{
	auto_free char *path = str_printf("%s/ns/sys", c->p.rundir);

	if (!path || (mkdir(path, 0700) < 0 && errno != EEXIST))
		return err_sys(e, path ? errno : ENOMEM, "make %s/ns/sys", c->p.rundir);
	if (mount("sysfs", path, "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_sys(e, errno, "mount the sysfs of the network namespace");
	return 0;
}

/* What the runtime opens by path: it inherits nothing. */
static int step_place(struct stage_ctx *c, struct err *e)
{
	auto_free char *dir = str_printf("%s/ns", c->p.rundir);
	int pid = c->o.joins->fd[JOIN_PID], cgroup = c->o.joins->fd[JOIN_CGROUP], r = 0;
	auto_close int shm = FD_NONE;

	if (c->user_fd < 0 && pid < 0 && cgroup < 0 && c->o.joins->fd[JOIN_SHM] < 0)
		return 0;
	if (!dir || (mkdir(dir, 0700) < 0 && errno != EEXIST))
		return err_sys(e, dir ? errno : ENOMEM, "make %s", dir ? dir : "a directory");
	if (c->user_fd >= 0)
		r = place(c, c->user_fd, "user", false, e);
	if (r == 0 && pid >= 0)
		r = place(c, pid, "pid", false, e);
	if (r == 0 && cgroup >= 0)
		r = place(c, cgroup, "cgroup", false, e);
	if (r == 0)
		r = joins_shm(c->o.joins, &shm, e);
	if (r == 0 && shm >= 0)
		r = place(c, shm, "shm", true, e);
	return r == 0 && foreign_net(c) ? place_sysfs(c, e) : r;
}

/* What belongs to the container's root: its root directory, the files made for it. */
static int step_owners(struct stage_ctx *c, struct err *e)
{
	const struct params *p = &c->p;
	auto_close int dir = FD_NONE;
	struct stat st;

	if (p->upper_owner && p->upper &&
	    (stat(p->upper_owner, &st) < 0 || chown(p->upper, st.st_uid, st.st_gid) < 0))
		return err_sys(e, errno, "give %s the owner of %s", p->upper, p->upper_owner);
	if (p->own.n == 0 && p->owner.n == 0)
		return 0;
	dir = open(p->rundir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, errno, "open %s", p->rundir);
	for (size_t i = 0; i < p->own.n; i++)
		if (fchownat(dir, p->own.items[i], p->root_uid, p->root_gid,
			     AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return err_sys(e, errno, "set the owner of %s", p->own.items[i]);
	for (size_t i = 0; i < p->owner.n; i++) {
		uint32_t uid, gid;
		const char *path = params_owner(p->owner.items[i], &uid, &gid);
		auto_close int fd = path_open_beneath(dir, path, O_PATH | O_NOFOLLOW);

		if (fd < 0 || fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
			return err_sys(e, fd < 0 ? fd : errno, "give %s to uid %u and gid %u", path, uid,
				       gid);
	}
	return 0;
}

static int step_rootfs(struct stage_ctx *c, struct err *e)
{
	const struct mnt_overlay o = {
		.lower = c->p.lower.items,
		.n_lower = c->p.lower.n,
		.upper = c->p.upper,
		.work = c->p.work,
		.volatile_ = c->p.volatile_,
	};

	return o.n_lower ? mnt_overlay(&o, c->p.rootfs, e) : 0;
}

static int step_copy_up(struct stage_ctx *c, struct err *e)
{
	return volumes_fill(&c->p, e);
}

static int step_prepare(struct stage_ctx *c, struct err *e)
{
	return volumes_prepare(&c->p, e);
}

static int step_append(struct stage_ctx *c, struct err *e)
{
	return append_lines(&c->p, e);
}

/* From here on the container may run: network, log, sockets and lock are all there. */
static int step_wait_exec(struct stage_ctx *c, struct err *e)
{
	size_t len;
	int r = stage_recv(c, STAGE_EXEC, STAGE_EXEC, &len, e);

	c->create = r >= 0 && len == 1 && body[0] == STAGE_CREATE_IT;
	return r < 0 ? r : 0;
}

#define CONSOLE_PATH_MAX 108 /* sun_path */

/* The console socket's path.  Ours connects to a path of any length and closes what it inherits;
 * for another runtime one that is too long goes by a descriptor of the directory, which it inherits
 * and, as everything beyond stdio, does not pass on. */
static int add_console(const struct params *p, struct strv *v)
{
	int fd;

	if (p->runtime_ours || strlen(p->rundir) + sizeof("/console") <= CONSOLE_PATH_MAX)
		return strv_addf(v, "--console-socket=%s/console", p->rundir);
	fd = open(p->rundir, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return -errno;
	return strv_addf(v, "--console-socket=/proc/self/fd/%d/console", fd);
}

static int make_argv(const struct stage_ctx *c, struct strv *v)
{
	const struct params *p = &c->p;
	int r = strv_add(v, p->runtime);

	for (size_t i = 0; r == 0 && i < p->runtime_arg.n; i++)
		r = strv_add(v, p->runtime_arg.items[i]);
	r = r < 0 ? r : strv_addf(v, "--root=%s", p->runtime_root);
	if (p->runtime_ours) {
		r = r < 0 ? r : strv_addf(v, "--err-fd=%d", c->err_fd);
	} else {
		r = r < 0 ? r : strv_addf(v, "--log=%s/runtime.log", p->rundir);
		r = r < 0 ? r : strv_add(v, "--log-format=json");
	}
	r = r < 0 ? r : strv_add(v, c->create ? "create" : "run");
	if (!c->create)
		r = r < 0 ? r : strv_add(v, "--detach");
	if (p->preserve_fds)
		r = r < 0 ? r : strv_addf(v, "--preserve-fds=%u", p->preserve_fds);
	if (p->runtime_ours)
		r = r < 0 ? r : strv_add(v, "--pdeathsig");
	r = r < 0 ? r : strv_addf(v, "--bundle=%s", p->bundle);
	r = r < 0 ? r : strv_addf(v, "--pid-file=%s/pid", p->rundir);
	if (p->terminal)
		r = r < 0 ? r : add_console(p, v);
	return r < 0 ? r : strv_add(v, p->id);
}

/* All that came lies above where it is going to: nothing is overwritten that is still needed. */
static int lift(int *fd, int above)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, above);

	if (up < 0)
		return -errno;
	*fd = up; /* the old one closes at the exec, or is overwritten */
	return 0;
}

static int place_fds(struct stage_ctx *c)
{
	const int n = (int)c->p.preserve_fds;
	int r = n ? lift(&c->err_fd, 3 + n) : 0;

	for (size_t i = 0; n && r == 0 && i < c->n_fds; i++)
		r = lift(&c->fds[i], 3 + n);
	for (int i = 0; r == 0 && i < n; i++)
		if (dup2(c->fds[i], 3 + i) < 0)
			r = -errno;
	return r;
}

static int place_stdio(struct stage_ctx *c)
{
	const size_t n = c->p.preserve_fds;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int in = c->n_fds > n + 2 ? c->fds[n + 2] : null_fd;
	int out = c->n_fds > n ? c->fds[n] : null_fd;
	int err = c->n_fds > n + 1 ? c->fds[n + 1] : null_fd;

	if (null_fd < 0)
		return -errno;
	/* dup2 leaves out close-on-exec: these three are meant to stay. */
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(err, STDERR_FILENO) < 0)
		return -errno;
	return 0;
}

/* The last step: nothing of ours but stdio and the error pipe passes. */
static int step_exec(struct stage_ctx *c, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	int r = c->n_fds < c->p.preserve_fds ? -EBADMSG : place_fds(c);

	if (r < 0)
		return err_sys(e, r, "place its descriptors");
	r = make_argv(c, &argv);
	if (r < 0)
		return err_sys(e, r, "build its arguments");
	r = place_stdio(c);
	if (r < 0)
		return err_sys(e, r, "set up its stdio");
	if (chdir(c->p.rundir) < 0)
		return err_sys(e, errno, "enter %s", c->p.rundir);
	(void)umask(022);
	if (c->p.runtime_ours)
		(void)fd_set_cloexec(c->err_fd, false);
	proc_reset_signals();
	(void)execv(c->p.runtime, argv.items);
	r = errno;
	(void)fd_set_cloexec(c->err_fd, true);
	return err_sys(e, r, "execute %s", c->p.runtime);
}

/* Each step relies on all steps above it. */
static const struct stage_step steps[] = {
	{ "make the mount and network namespaces", step_unshare },
	{ "set up the network namespace", step_loopback },
	{ "set up the mount namespace", step_propagation },
	{ "wait for the id maps", step_become_root },
	{ "make the container's user namespace", step_inner },
	{ "receive the parameters", step_params },
	{ "share namespaces", step_place },
	{ NULL, step_owners },
	{ "mount the root filesystem", step_rootfs },
	{ NULL, step_copy_up },
	{ NULL, step_prepare },
	{ NULL, step_append },
	{ "wait for the monitor", step_wait_exec },
	{ "start the runtime", step_exec },
};

static void __attribute__((noreturn)) stage_main(struct stage_ctx *c, pid_t monitor)
{
	struct err e = ERR_INIT;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != monitor && getppid() != 0)
		_exit(125); /* it died before the line above */
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].run(c, &e) >= 0)
			continue;
		if (steps[i].doing)
			(void)err_wrap(&e, 0, "%s", steps[i].doing);
		(void)err_send(c->err_fd, &e); /* the exit status says at least that it failed */
		_exit(125);
	}
	_exit(125);
}

int stage_start(struct stage *s, const struct stage_opts *o, struct err *e)
{
	struct stage_ctx c = { .o = *o, .user_fd = FD_NONE };
	auto_close int err_wr = FD_NONE, child_sock = FD_NONE;
	pid_t self = getpid();
	int err_pipe[2], sock[2], r;

	if (pipe2(err_pipe, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	s->err_fd = err_pipe[0];
	c.err_fd = err_wr = err_pipe[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return err_sys(e, errno, "make a socket");
	s->sock = sock[0];
	c.sock = child_sock = sock[1];
	r = proc_clone(o->new_user ? CLONE_NEWUSER : 0, &s->proc);
	if (r == 0) {
		(void)fd_close(sock[0]); /* or it would never see the monitor go */
		stage_main(&c, self);
	}
	if (r < 0)
		return o->new_user ? userns_clone_err(e, r) : err_sys(e, r, "fork");
	return 0;
}

int stage_send_params(const struct stage *s, const struct params *p, const int *fds, size_t n_fds,
		      struct err *e)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < p->text_len) {
		size_t n = p->text_len - at;

		if (n > MSG_BODY_MAX) /* cut behind a whole key=value */
			for (n = MSG_BODY_MAX; n > 0 && p->text[at + n - 1] != '\0'; n--)
				;
		if (at + n == p->text_len)
			r = msg_send(s->sock, STAGE_RUN, p->text + at, n, fds, n_fds);
		else
			r = msg_send(s->sock, STAGE_MORE, p->text + at, n, NULL, 0);
		at += n;
	}
	if (r == -EPIPE || r == -ECONNRESET)
		return -ECANCELED; /* it failed and says why */
	return r < 0 ? err_sys(e, r, "pass the parameters on") : 0;
}
