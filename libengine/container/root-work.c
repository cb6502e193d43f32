/* A child that works on a container's files, and its parent meanwhile. */
#include "root-work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 200

volatile sig_atomic_t root_work_stop;

static const int ends_us[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define N_ENDS_US (sizeof(ends_us) / sizeof(ends_us[0]))
static volatile sig_atomic_t child_pidfd = FD_NONE;

void *root_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void root_unshare(void *p, size_t size)
{
	if (p)
		(void)munmap(p, size); /* ours */
}

static void on_signal(int sig)
{
	int saved = errno;

	root_work_stop = sig;
	if (child_pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, (int)child_pidfd, sig, NULL,
			      0); /* it may be gone */
	errno = saved;
}

static void catch_signals(struct sigaction old[N_ENDS_US])
{
	struct sigaction sa = { .sa_handler = on_signal };

	root_work_stop = 0;
	for (size_t i = 0; i < N_ENDS_US; i++)
		if (sigaction(ends_us[i], NULL, &old[i]) == 0 && old[i].sa_handler == SIG_DFL)
			(void)sigaction(ends_us[i], &sa, NULL);
}

static void release_signals(const struct sigaction old[N_ENDS_US], const char *tmp)
{
	int asked_by = root_work_stop;

	for (size_t i = 0; i < N_ENDS_US; i++)
		if (old[i].sa_handler == SIG_DFL)
			(void)sigaction(ends_us[i], &old[i], NULL);
	child_pidfd = FD_NONE;
	if (asked_by && tmp)
		(void)unlink(tmp); /* there is nobody left to tell */
	if (asked_by)
		(void)raise(asked_by);
}

static void __attribute__((noreturn)) child(const struct root_work *w, int err_fd)
{
	struct err e = ERR_INIT;
	struct rlimit lim;

	child_pidfd = FD_NONE;
	(void)umask(0);
	(void)signal(SIGPIPE, SIG_IGN); /* it shows as an error of its own */
	/* Two descriptors for each directory inside of another; with fewer it says so. */
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (w->run(w->arg, &e) >= 0)
		_exit(0);
	if (e.kind != ERR_NONE)
		(void)err_send(err_fd, &e); /* the exit status says at least that it failed */
	_exit(125);
}

static int wait_for(struct proc *p, const struct root_work *w, int *ret_status)
{
	int r = 0, waited_ms = 0;

	while (w->tick && r == 0) {
		r = proc_poll(p, TICK_MS);
		if (r == -EINTR)
			r = 0;
		waited_ms += TICK_MS;
		if (r == 0 && waited_ms >= 1000)
			w->tick(w->tick_arg, w->progress ? w->progress->bytes : 0,
				w->progress ? w->progress->files : 0);
	}
	do
		r = proc_wait(p, ret_status);
	while (r == -EINTR);
	return r;
}

int root_work(const struct root_work *w, struct err *e)
{
	auto_close int err_rd = FD_NONE, err_wr = FD_NONE;
	struct sigaction old[N_ENDS_US];
	struct err theirs = ERR_INIT;
	struct proc p = PROC_INIT;
	int fds[2], status = 0, r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	err_rd = fds[0];
	err_wr = fds[1];
	catch_signals(old);
	r = root_fork(w->root, &p, e);
	if (r == 0)
		child(w, err_wr);
	err_wr = fd_close(err_wr);
	if (r > 0) {
		child_pidfd = p.pidfd;
		if (root_work_stop) /* it came before we could pass it on */
			(void)proc_signal(&p, root_work_stop);
		r = wait_for(&p, w, &status);
		if (r < 0)
			(void)err_sys(e, r,
				      "wait for the process that works on the container's files");
	}
	if (r == 0 && status) {
		if (err_recv(err_rd, &theirs) == 1) {
			if (e)
				*e = theirs;
			r = theirs.code ? -theirs.code : err_kind_errno(theirs.kind);
		} else if (root_work_stop) {
			r = err_set(e, ERR_OS, "interrupted");
		} else {
			r = err_set(e, ERR_OS,
				    "the process that works on the container's files died "
				    "(status %d)",
				    proc_exit_code(status));
		}
	}
	proc_done(&p);
	release_signals(old, w->tmp);
	return r;
}
