/* Processes that work on strangers' files. */
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

/* A parent that died before the kernel knew that we want to die with it sends no signal. */
static void die_with(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
}

int worker_fork(const struct idmap *m, struct proc *ret, struct err *e)
{
	pid_t parent = getpid();
	int r;

	if (m) {
		r = userns_fork(m, CLONE_NEWNET, ret, e);
	} else {
		r = proc_clone(CLONE_NEWNET, ret);
		if (r == -EPERM || r == -ENOSPC) {
			/* Root of a container that may not make namespaces: the filter forbids sockets
			 * too. */
			log_debug("unpack without a network namespace of its own");
			r = proc_clone(0, ret);
		}
		if (r < 0)
			(void)err_sys(e, r, "start a worker process");
	}
	if (r == 0)
		die_with(parent);
	return r;
}

/* Descriptors at their numbers and nothing else open, first of all what other jobs inherited. */
int worker_place_fds(const int *from, size_t n)
{
	int high[8], null;

	assert(n <= sizeof(high) / sizeof(high[0]));
	for (size_t i = 0; i < n; i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64);
		if (high[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(high[i], WORKER_FD_FIRST + (int)i) < 0)
			return -errno;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++) {
#ifdef __SANITIZE_ADDRESS__
		if (fd == 2)
			continue; /* its reports */
#endif
		if (dup2(null, fd) < 0)
			return -errno;
	}
	return syscall(SYS_close_range, WORKER_FD_FIRST + (unsigned int)n, ~0u, 0) < 0 ? -errno : 0;
}

void worker_reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL); /* KILL and STOP refuse, as they should */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* the limit shows as EFBIG, which has a name */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}
