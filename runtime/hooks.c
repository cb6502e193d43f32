/* Running hooks. */
#include "hooks.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "msg.h"
#include "report.h"

/* The state in a file, so that a hook that never reads cannot block us. */
static int state_fd(const char *state)
{
	auto_close int fd = memfd_create("state", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, state, strlen(state));
	if (r < 0)
		return r;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : take_fd(&fd);
}

static int wait_hook(struct proc *p, const struct oci_hook *h, int *ret_status)
{
	struct timespec t;
	int64_t end_ms, now_ms;
	int r;

	if (h->timeout_s == 0)
		return proc_wait(p, ret_status);
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	end_ms = now_ms + (int64_t)h->timeout_s * 1000;
	do {
		r = proc_poll(p, end_ms - now_ms < INT_MAX ? (int)(end_ms - now_ms) : INT_MAX);
		if (r != 0)
			break;
		(void)clock_gettime(CLOCK_MONOTONIC, &t);
		now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	} while (now_ms < end_ms);
	if (r < 0)
		return r;
	if (r == 0) {
		(void)proc_signal(p, SIGKILL);
		(void)proc_wait(p, ret_status); /* killed: only to reap */
		return -ETIMEDOUT;
	}
	return proc_wait(p, ret_status);
}

static int run_one(const struct oci_hook *h, int state, struct err *e)
{
	struct proc_fd fds[] = { { state, STDIN_FILENO } };
	struct proc_spawn s = {
		.path = h->path,
		.argv = (char *const *)(uintptr_t)strv_argv(&h->args),
		.envp = (char *const *)(uintptr_t)strv_argv(&h->env),
		.fds = fds,
		.n_fds = 1,
		.dir_fd = FD_NONE,
	};
	struct proc p = PROC_INIT;
	int status = 0, r;

	if (lseek(state, 0, SEEK_SET) < 0)
		return err_sys(e, errno, "rewind the state");
	r = proc_spawn(&s, &p, e);
	if (r < 0)
		return r;
	r = wait_hook(&p, h, &status);
	proc_done(&p);
	if (r == -ETIMEDOUT)
		return err_set(e, ERR_OS, "%s did not end within %u seconds", h->path,
			       h->timeout_s);
	if (r < 0)
		return err_sys(e, r, "wait for %s", h->path);
	if (status)
		return err_set(e, ERR_OS, "%s failed with exit code %d", h->path,
			       proc_exit_code(status));
	return 0;
}

static int run_all(const struct oci_hooks *h, enum hook_kind kind, int state, struct err *e)
{
	bool only_warn = kind == HOOK_POSTSTART || kind == HOOK_POSTSTOP;

	for (size_t i = 0; i < h->n[kind]; i++) {
		struct err why = ERR_INIT;
		int r = run_one(&h->items[kind][i], state, &why);

		if (r >= 0)
			continue;
		(void)err_wrap(&why, r, "%s hook %zu", hook_names[kind], i);
		if (!only_warn) {
			*e = why;
			return r;
		}
		report_warning(&why);
	}
	return 0;
}

int hooks_run(const struct oci_hooks *h, enum hook_kind kind, const char *state, struct err *e)
{
	auto_close int fd = FD_NONE;

	if (h->n[kind] == 0)
		return 0;
	fd = state_fd(state);
	return fd < 0 ? err_sys(e, fd, "write the state for hooks") : run_all(h, kind, fd, e);
}

/* The agent's life: one message asks for hooks, with the state's file; one answers. */
static void agent_serve(const struct oci_hooks *h, int sock)
{
	for (;;) {
		struct err e = ERR_INIT;
		uint16_t kind;
		size_t len, n_fds = 0;
		int fd = FD_NONE, r = msg_recv(sock, &kind, NULL, 0, &len, &fd, 1, &n_fds);

		if (r <= 0 || n_fds != 1 || kind >= HOOK_COUNT_)
			_exit(r == 0 ? 0 : 1);
		(void)run_all(h, (enum hook_kind)kind, fd, &e);
		(void)fd_close(fd);
		if (msg_send(sock, kind, &e, sizeof(e), NULL, 0) < 0)
			_exit(1);
	}
}

int hook_agent_start(const struct oci_hooks *h, struct hook_agent *ret, struct err *e)
{
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	r = proc_fork(&ret->proc);
	if (r < 0)
		return err_sys(e, r, "start a process for hooks");
	if (r == 0) {
		(void)fd_close(take_fd(&ours)); /* its end shows when the runtime is gone */
		agent_serve(h, theirs);
	}
	ret->sock = take_fd(&ours);
	return 0;
}

void hook_agent_done(struct hook_agent *a)
{
	if (a->sock < 0)
		return;
	a->sock = fd_close(a->sock);
	(void)proc_wait(&a->proc, NULL); /* it ends with the socket: only to reap */
	proc_done(&a->proc);
}

int hook_agent_run(struct hook_agent *a, enum hook_kind kind, const char *state, struct err *e)
{
	auto_close int fd = state_fd(state);
	struct err theirs = ERR_INIT;
	uint16_t type;
	size_t len;
	int r;

	if (fd < 0)
		return err_sys(e, fd, "write the state for hooks");
	r = msg_send(a->sock, (uint16_t)kind, NULL, 0, &fd, 1);
	if (r == 0)
		r = msg_recv(a->sock, &type, &theirs, sizeof(theirs), &len, NULL, 0, NULL);
	if (r <= 0 || len != sizeof(theirs))
		return err_set(e, ERR_OS, "the process for %s hooks has ended", hook_names[kind]);
	if (theirs.kind == ERR_NONE)
		return 0;
	*e = theirs;
	return theirs.code > 0 ? -theirs.code : err_kind_errno(theirs.kind);
}
