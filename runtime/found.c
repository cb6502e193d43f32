/* Finding a container and its processes. */
#include "found.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup-place.h"
#include "fd.h"
#include "str.h"

void found_done(struct found *f)
{
	(void)fd_close(f->root_fd);
	(void)fd_close(f->dir_fd);
	state_done(&f->state);
	proc_done(&f->init);
}

int found_open(struct args *a, struct found *f, struct err *e)
{
	int r;

	if (a->argc < 1)
		return err_set(e, ERR_INVALID, "a container ID is missing");
	r = state_check_id(a->argv[0], e);
	if (r < 0)
		return r;
	f->root_fd = state_root_open(a->root, false, e);
	if (f->root_fd == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "container \"%s\" does not exist", a->argv[0]);
	if (f->root_fd < 0)
		return f->root_fd;
	f->dir_fd = state_dir_open(f->root_fd, a->argv[0], e);
	if (f->dir_fd < 0)
		return f->dir_fd;
	r = state_read(f->dir_fd, &f->state, e);
	if (r < 0)
		return r;
	f->status = state_status(f->dir_fd, &f->state, &f->init);
	return 0;
}

int no_more_args(const struct args *a, int max, struct err *e)
{
	return a->argc > max ? err_set(e, ERR_INVALID, "unexpected argument \"%s\"", a->argv[max])
			     : 0;
}

int found_check_alive(const struct found *f, const char *doing, struct err *e)
{
	if (f->status != STATUS_CREATED && f->status != STATUS_RUNNING &&
	    f->status != STATUS_PAUSED)
		return err_set(e, ERR_BUSY, "cannot %s container \"%s\": it is %s", doing,
			       f->state.id, container_status_str(f->status));
	return 0;
}

static int each_in_cgroup(const struct place *p, int (*one)(const struct proc *p, void *arg),
			  void *arg, struct err *e)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int r = cgroup_procs(p->fd, true, &pids, &n);

	if (r < 0)
		return err_sys(e, r, "list the processes of cgroup %s", p->path);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct proc proc = { .pid = pids[i], .pidfd = FD_NONE };

		proc.pidfd = pids[i] > 0 ? (int)syscall(SYS_pidfd_open, pids[i], 0) : FD_NONE;
		if (proc.pidfd >= 0) /* else it has just ended */
			r = one(&proc, arg);
		(void)fd_close(proc.pidfd);
	}
	return r < 0 ? err_sys(e, r, "list processes") : 0;
}

static int each_in_pid_ns(const struct found *f, const char *doing,
			  int (*one)(const struct proc *p, void *arg), void *arg, struct err *e)
{
	char path[64];
	auto_dir DIR *d = opendir("/proc");
	struct dirent *de;
	struct stat want, st;
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)f->init.pid);
	if (!d || stat(path, &want) < 0)
		return err_sys(e, errno, "look at the container's pid namespace");
	if (stat("/proc/self/ns/pid", &st) < 0 ||
	    (st.st_dev == want.st_dev && st.st_ino == want.st_ino))
		return err_set(e, ERR_UNSUPPORTED,
			       "%s needs a cgroup or a pid namespace of the container's own",
			       doing);
	while (r == 0 && (de = readdir(d))) {
		struct proc p = PROC_INIT;
		uint32_t pid;

		if (str_u32(de->d_name, INT32_MAX, &pid) < 0)
			continue;
		p.pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
		p.pid = (pid_t)pid;
		(void)snprintf(path, sizeof(path), "/proc/%u/ns/pid", pid);
		/* The pidfd first: what is then found under the number was that process or is gone.
		 */
		if (p.pidfd >= 0 && stat(path, &st) == 0 && st.st_dev == want.st_dev &&
		    st.st_ino == want.st_ino)
			r = one(&p, arg);
		proc_done(&p);
	}
	return r < 0 ? err_sys(e, r, "list processes") : 0;
}

int found_each_process(const struct found *f, const char *doing,
		       int (*one)(const struct proc *p, void *arg), void *arg, struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	int r;

	if (!f->state.cgroup_path)
		return each_in_pid_ns(f, doing, one, arg, e);
	r = place_open(&p, &f->state, doing, e);
	return r < 0 ? r : each_in_cgroup(&p, one, arg, e);
}
