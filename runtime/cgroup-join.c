/* The cgroup of a process that joins a container. */
#include "cgroup-join.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup-place.h"
#include "cgroup-systemd.h"
#include "fd.h"
#include "foreground.h"
#include "path.h"
#include "str.h"

void joiner_done(struct joiner *j)
{
	(void)fd_close(j->cgroup_fd);
	(void)fd_close(j->procs_fd);
	(void)fd_close(j->init_procs_fd);
	(void)fd_close(j->helper_sock); /* one that was not needed ends */
	if (j->helper.pid > 0)
		(void)proc_wait(&j->helper, NULL); /* it has said what there was to say */
	proc_done(&j->helper);
	free(j->path);
	*j = (struct joiner)JOINER_INIT;
}

/* cgroups(7): who moves a process must be able to write where the two paths part. */
static bool may_move(int mount_fd, const char *path)
{
	auto_free char *own = NULL, *common = NULL;
	auto_close int fd = FD_NONE;
	size_t n = 0;

	if (cgroup_of_pid(0, &own) < 0)
		return true; /* trying it tells */
	for (size_t i = 0;; i++) {
		bool own_end = own[i] == '/' || !own[i], end = path[i] == '/' || !path[i];

		if (own_end && end)
			n = i;
		if (own[i] != path[i] || !own[i])
			break;
	}
	common = strndup(path, n);
	fd = common ? cgroup_open(mount_fd, common) : -ENOMEM;
	return fd >= 0 && faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

static void __attribute__((noreturn)) help(int sock, const char *unit)
{
	struct err e = ERR_INIT;
	pid_t pid;

	foreground_reset_signals();
	if (fd_read_full(sock, &pid, sizeof(pid)) != sizeof(pid))
		_exit(0);
	if (systemd_attach(unit, pid, &e) < 0)
		(void)err_send(sock, &e); /* or the runtime is gone */
	_exit(0);
}

/* Once we see what the container sees, there is no way to systemd, nor to the program that knows
 * it: so somebody stays behind. */
static int leave_helper(struct joiner *j, const char *unit, struct err *e)
{
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	r = proc_fork(&j->helper);
	if (r == 0) {
		(void)fd_close(take_fd(&ours));
		help(theirs, unit);
	}
	if (r < 0)
		return err_sys(e, r, "fork");
	j->helper_sock = take_fd(&ours);
	return 0;
}

static int open_procs(int mount_fd, const char *path)
{
	auto_close int fd = cgroup_open(mount_fd, path);
	int r = fd < 0 ? fd : openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 || r >= 0 ? r : -errno;
}

/* Go on to @sub below the container's cgroup. */
static int descend(struct place *p, const char *sub, struct err *e)
{
	auto_free char *clean = path_clean_abs(sub);
	char *path;
	int fd;

	if (strchr(sub, ':'))
		return err_set(e, ERR_UNSUPPORTED,
			       "--cgroup: \"%s\" names a controller: cgroups of version 1 are not "
			       "supported",
			       sub);
	path = clean ? path_join(p->path, clean + strspn(clean, "/")) : NULL;
	if (!path)
		return err_sys(e, ENOMEM, "--cgroup");
	free(p->path);
	p->path = path;
	fd = cgroup_open(p->mount_fd, path);
	if (fd < 0)
		return err_sys(e, fd, "--cgroup: open %s", path);
	(void)fd_close(p->fd);
	p->fd = fd;
	return 0;
}

int joiner_prepare(struct joiner *j, const struct state *s, pid_t init, const char *sub,
		   struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	auto_free char *now = NULL;
	int r;

	if (!s->cgroup_path && sub)
		return err_set(e, ERR_INVALID,
			       "--cgroup: container \"%s\" has no cgroup of its own", s->id);
	if (!s->cgroup_path)
		return 0;
	r = place_open(&p, s, "exec into", e);
	if (r < 0)
		return r;
	if (sub) {
		r = descend(&p, sub, e);
		if (r < 0)
			return r;
	}
	j->cgroup_fd = take_fd(&p.fd);
	j->path = take_ptr(&p.path);
	j->procs_fd = open_procs(p.mount_fd, j->path);
	/* A container that manages cgroups itself has left its own, where none may be any more. */
	if (!sub && cgroup_of_pid(init, &now) == 0 && !streq(now, j->path))
		j->init_procs_fd = open_procs(p.mount_fd, now);
	if (!may_move(p.mount_fd, j->path) && p.unit && sub)
		return err_set(e, ERR_DENIED,
			       "--cgroup: only systemd may move a process into %s, and it knows no "
			       "cgroups below",
			       p.unit);
	if (!may_move(p.mount_fd, j->path) && p.unit)
		return leave_helper(j, p.unit, e);
	j->clone_fd = j->cgroup_fd;
	return 0;
}

static int ask_helper(struct joiner *j, pid_t pid, struct err *e)
{
	int r = fd_write_all(j->helper_sock, &pid, sizeof(pid));

	if (r == 0)
		r = err_recv(j->helper_sock, e);
	if (r == 1)
		return err_wrap(e, e->code ? -e->code : err_kind_errno(e->kind),
				"put the process into cgroup %s", j->path);
	return r < 0 ? err_sys(e, r, "put the process into cgroup %s", j->path) : 0;
}

static int add(int procs_fd, pid_t pid)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (procs_fd < 0)
		return procs_fd;
	return write(procs_fd, text, (size_t)n) == n ? 0 : -errno;
}

int joiner_join(struct joiner *j, pid_t pid, struct err *e)
{
	int r;

	if (j->cgroup_fd < 0)
		return 0;
	if (j->helper_sock >= 0)
		return ask_helper(j, pid, e);
	r = add(j->procs_fd, pid);
	if ((r == -EBUSY || r == -EOPNOTSUPP) && j->init_procs_fd >= 0)
		r = add(j->init_procs_fd, pid);
	if (r < 0)
		return err_sys(
			e, r,
			"put the process into cgroup %s (it takes write access to cgroup.procs "
			"there and in the cgroup above both)",
			j->path);
	return 0;
}
