/* Set up once the container runs: noticing the kernel's OOM killer, and our own violent end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "mon.h"
#include "str.h"

/* The cgroup v2 path of @pid, below the mount; false where there is none. */
static bool cgroup_of(const char *pid, char *buf, size_t cap)
{
	auto_free char *text = NULL;
	auto_close int fd = FD_NONE;
	char name[40];
	const char *at;

	(void)snprintf(name, sizeof(name), "/proc/%s/cgroup", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_file(fd, 65536, &text, NULL) < 0)
		return false;
	at = str_starts(text, "0::") ? text : strstr(text, "\n0::");
	if (!at)
		return false;
	at = strchr(at, '/');
	if (!at)
		return false;
	return snprintf(buf, cap, "%.*s", (int)strcspn(at, "\n"), at) < (int)cap;
}

/* Only a cgroup of the container's own tells about the container; it is opened now because the
 * runtime may remove it at the end. */
static int open_oom_events(pid_t pid)
{
	char ours[1024], its[1024], num[16], path[1100];
	int fd;

	(void)snprintf(num, sizeof(num), "%d", (int)pid);
	if (!cgroup_of(num, its, sizeof(its)) || !cgroup_of("self", ours, sizeof(ours)) ||
	    streq(ours, its))
		return FD_NONE;
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", its);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? FD_NONE : fd;
}

bool watch_oom_killed(const struct mon *m)
{
	char text[512];
	const char *at;
	ssize_t n = m->oom_fd < 0 ? -1 : pread(m->oom_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, "\noom_kill ");
	return at && strtoull(at + strlen("\noom_kill "), NULL, 10) > 0;
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
	m->oom_fd = open_oom_events(m->init.pid);
	if (!m->p.runtime_ours)
		guard_start(m);
}
