/* Running hooks. */
#include "hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "proc.h"

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
		r = proc_poll(p, (int)(end_ms - now_ms));
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

int hooks_run(const struct oci_hooks *h, enum hook_kind kind, const char *state, struct err *e)
{
	auto_close int fd = FD_NONE;

	if (h->n[kind] == 0)
		return 0;
	fd = state_fd(state);
	if (fd < 0)
		return err_sys(e, fd, "write the state for hooks");
	for (size_t i = 0; i < h->n[kind]; i++) {
		int r = run_one(&h->items[kind][i], fd, e);

		if (r < 0)
			return err_wrap(e, r, "%s hook %zu", hook_names[kind], i);
	}
	return 0;
}
