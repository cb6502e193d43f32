/*
 * Sessions with a parent of their own: a child of the command that goes on when the command ends,
 * holds the record and the terminal, and reaps the process.  They talk over a socket pair; its end
 * tells each that the other has gone.
 */
#include "exec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "msg.h"

enum held_msg { HELD_STARTED = 1, HELD_FAILED, HELD_EXIT };

struct held_started {
	int32_t pid;
	uint64_t pid_start;
	char id[65];
};

/* Nothing ties the parent to the caller's terminal, directory or descriptors. */
static int leave_caller(struct err *e)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0)
		return err_sys(e, errno, "open /dev/null");
	(void)setsid();
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null_fd, fd) < 0)
			return err_sys(e, errno, "close the caller's terminal");
	(void)fd_close(null_fd);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, "ctr-lite-exec");
	return chdir("/") < 0 ? err_sys(e, errno, "enter /") : 0;
}

/* What is not close-on-exec is not ours but came from the caller. */
static void close_inherited(void)
{
	auto_dir DIR *d = opendir("/proc/self/fd");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		int fd = atoi(de->d_name), flags = fd > 2 ? fcntl(fd, F_GETFD) : -1;

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			(void)close(fd);
	}
}

/* Until the process has ended.  Once nobody reads the terminal it is read here, so that the
 * process never waits for a reader. */
static void hold(struct exec_run *x, int *sock)
{
	char buf[16384];

	for (;;) {
		struct pollfd p[] = {
			{ .fd = x->proc.pidfd, .events = POLLIN },
			{ .fd = *sock, .events = POLLIN },
			{ .fd = *sock < 0 ? x->pty : -1, .events = POLLIN },
		};
		ssize_t n;

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents)
			return;
		if (p[1].revents)
			*sock = fd_close(*sock);
		if (!p[2].revents)
			continue;
		n = read(x->pty, buf, sizeof(buf));
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			x->pty = fd_close(x->pty); /* the process has closed it */
	}
}

static void __attribute__((noreturn)) held_main(struct exec_run *x, int sock)
{
	struct err err = ERR_INIT;
	struct held_started started = { .pid = 0 };
	int32_t code;
	int exit_code, r;

	proc_reset_signals();
	r = leave_caller(&err);

	r = r < 0 ? r : exec_spawn(x, &err);
	if (r < 0) {
		(void)msg_send(sock, HELD_FAILED, &err, sizeof(err), NULL, 0);
		_exit(1);
	}
	close_inherited();
	started.pid = (int32_t)x->proc.pid;
	started.pid_start = x->proc_start;
	memcpy(started.id, x->id, sizeof(started.id));
	/* The command may have been killed meanwhile: then nobody listens. */
	(void)msg_send(sock, HELD_STARTED, &started, sizeof(started), &x->pty, x->pty >= 0);
	hold(x, &sock);
	if (exec_finish(x, &exit_code, NULL) == 0 && sock >= 0) {
		code = exit_code;
		(void)msg_send(sock, HELD_EXIT, &code, sizeof(code), NULL, 0);
	}
	_exit(0);
}

static int await_start(struct exec_run *x, int sock, struct err *e)
{
	union {
		struct held_started started;
		struct err err;
	} m;
	uint16_t type;
	size_t len, n_fds = 0;
	int r = msg_recv(sock, &type, &m, sizeof(m), &len, &x->pty, 1, &n_fds);

	if (r < 0)
		return err_sys(e, r, "start the session");
	if (n_fds == 0)
		x->pty = FD_NONE;
	if (r > 0 && type == HELD_STARTED && len == sizeof(m.started)) {
		memcpy(x->id, m.started.id, sizeof(x->id));
		x->proc_start = m.started.pid_start;
		/* Ended already: then its exit code is on the way, and there is nobody to signal.
		 */
		(void)proc_open(m.started.pid, m.started.pid_start, &x->proc);
		return 0;
	}
	if (r == 0 || type != HELD_FAILED || len != sizeof(m.err))
		return err_set(e, ERR_OS, "the parent of the session died");
	if (e)
		*e = m.err;
	return err_kind_errno(m.err.kind);
}

static int await_exit(int sock, struct ctr_exec_result *ret, struct err *e)
{
	int32_t code;
	uint16_t type;
	size_t len;
	int r = msg_recv(sock, &type, &code, sizeof(code), &len, NULL, 0, NULL);

	if (r <= 0 || type != HELD_EXIT || len != sizeof(code))
		return err_set(e, ERR_OS, "the parent of the session died; its process goes on");
	ret->exit_code = code;
	return 0;
}

int exec_held(struct exec_run *x, struct ctr_exec_result *ret, struct err *e)
{
	auto_close int ours = FD_NONE;
	struct proc parent = PROC_INIT;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket pair");
	(void)fflush(NULL); /* what is not written yet is not written twice */
	r = proc_fork(&parent);
	if (r == 0) {
		(void)close(pair[0]);
		held_main(x, pair[1]);
	}
	ours = pair[0];
	(void)close(pair[1]);
	if (r < 0)
		return err_sys(e, r, "make the parent of the session");
	r = await_start(x, ours, e);
	if (r == 0) {
		memcpy(ret->id, x->id, sizeof(ret->id));
		ret->detached = x->o->detach;
	}
	if (r == 0 && !ret->detached)
		r = exec_copy(x->o, x->pty, &x->proc, ours, ret, e);
	if (r == 0 && !ret->detached && !ret->hung_up)
		r = await_exit(ours, ret, e);
	/* Left alone it goes on, and whoever gets our children reaps it. */
	if (!ret->detached && !ret->hung_up)
		(void)proc_wait(&parent, NULL);
	proc_done(&parent);
	return r;
}
