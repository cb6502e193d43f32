/* Set up once the container runs: noticing the kernel's OOM killer, and our own violent end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "fd.h"
#include "mon.h"
#include "path.h"
#include "str.h"

/* Only a cgroup of the container's own tells about the container. */
int watch_cgroup(struct mon *m)
{
	auto_free char *its = NULL, *ours = NULL;
	auto_close int mount_fd = cgroup_open_mount();
	int r = mount_fd < 0 ? -ENODATA : cgroup_of_pid(m->init.pid, &its);

	if (r == 0)
		r = cgroup_of_pid(0, &ours);
	if (r == 0 && !streq(its, ours))
		m->cgroup = take_ptr(&its);
	/* without one, or ended already: then nothing is known */
	return r == -ENOMEM ? r : 0;
}

/* It is opened now because the runtime or systemd may remove the cgroup at the end. */
static int open_oom_events(const struct mon *m)
{
	auto_close int mount_fd = m->cgroup ? cgroup_open_mount() : FD_NONE;
	auto_close int dir = mount_fd < 0 ? FD_NONE : cgroup_open(mount_fd, m->cgroup);

	return dir < 0 ? FD_NONE : path_open_beneath(dir, "memory.events", O_RDONLY);
}

void watch_oom(struct mon *m)
{
	char text[512];
	uint64_t kills;
	ssize_t n = m->oom.fd < 0 ? -1 : pread(m->oom.fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (cgroup_key(text, "oom_kill", &kills) == 0 && kills > 0)
		m->oom_killed = true;
}

/* The kernel says when it kills; afterwards there may be no cgroup left to ask. */
static void oom_ready(struct mon *m, struct source *s, uint32_t events)
{
	(void)events;
	watch_oom(m);
	if (m->oom_killed)
		source_close(m, s);
}

static void __attribute__((noreturn)) guard_main(int alive_fd, int init_fd)
{
	struct pollfd pfd[] = { { .fd = 0 }, { .fd = 1, .events = POLLIN } };

	(void)prctl(PR_SET_NAME, "ctr-lite-guard");
	if (dup2(alive_fd, 0) < 0 || dup2(init_fd, 1) < 0 || close_range(2, ~0u, 0) < 0)
		_exit(1);
	while (poll(pfd, 2, -1) < 0)
		;
	if (!pfd[1].revents)
		(void)syscall(SYS_pidfd_send_signal, 1, SIGKILL, NULL,
			      0); /* the last thing we do */
	_exit(0);
}

/*
 * A container must not outlive its monitor.  Ours dies by its parent-death signal; a foreign
 * runtime's does not ask for one, so a small process waits for our end of a pipe to close.
 */
static void guard_start(struct mon *m)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	r = proc_fork(&m->guard);
	if (r == 0) {
		(void)close(fds[1]);
		guard_main(fds[0], m->init.pidfd);
	}
	(void)fd_close(fds[0]);
	if (r < 0)
		(void)fd_close(fds[1]);
	else
		m->guard_fd = fds[1];
}

void guard_stop(struct mon *m)
{
	if (m->guard.pid > 0) {
		(void)proc_signal(&m->guard, SIGKILL);
		(void)proc_wait(&m->guard, NULL);
		proc_done(&m->guard);
	}
	m->guard_fd = fd_close(m->guard_fd);
}

void watch_begin(struct mon *m)
{
	m->oom.fd = open_oom_events(m);
	m->oom.ready = oom_ready;
	(void)source_set(m, &m->oom, EPOLLPRI); /* then it is read once, at the end */
	if (!m->p.runtime_ours)
		guard_start(m);
	if (!m->held)
		health_begin(m);
}
