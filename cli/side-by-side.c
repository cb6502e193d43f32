/* The same work for several things at once, each in a process of its own. */
#include "side-by-side.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "proc.h"

#define CHATTER_BYTES 4096	/* PIPE_BUF: lines up to here stay whole */

struct work {
	struct proc proc;
	int out;		/* a file without a name */
	int status;		/* -1: it has not ended */
};

struct crew {
	struct work *works;
	size_t n, started, running, printed;
	int chatter_r, chatter_w;
};

static void __attribute__((noreturn)) work_main(struct crew *w, size_t i, pid_t parent,
						int (*one)(void *arg, size_t i), void *arg)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), status = EXIT_FAILURE;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(w->works[i].out, STDOUT_FILENO) < 0 || dup2(w->chatter_w, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	/* Whoever ends last closes the pipe. */
	w->chatter_r = fd_close(w->chatter_r);
	w->chatter_w = fd_close(w->chatter_w);
	status = one(arg, i);
	if (fflush(stdout) != 0)
		status = EXIT_FAILURE;
	_exit(status);
}

static int start(struct crew *w, int (*one)(void *arg, size_t i), void *arg, struct err *e)
{
	size_t i = w->started;
	struct work *x = &w->works[i];
	pid_t parent = getpid();
	int r;

	x->out = memfd_create("output", MFD_CLOEXEC);
	if (x->out < 0)
		return err_sys(e, errno, "keep the output of a process");
	(void)fflush(stdout); /* or the child prints it again; it fails again at the end */
	(void)fflush(stderr);
	r = proc_fork(&x->proc);
	if (r == 0)
		work_main(w, i, parent, one, arg);
	if (r < 0)
		return err_sys(e, r, "start a process");
	w->started++;
	w->running++;
	return 0;
}

static void pass_chatter(struct crew *w)
{
	char buf[CHATTER_BYTES];
	ssize_t n = read(w->chatter_r, buf, sizeof(buf));

	if (n > 0)
		(void)fd_write_all(STDERR_FILENO, buf, (size_t)n); /* chatter is not worth failing for */
}

static int print_ended(struct crew *w, struct err *e)
{
	while (w->printed < w->started && w->works[w->printed].status >= 0) {
		struct work *x = &w->works[w->printed++];

		if (lseek(x->out, 0, SEEK_SET) < 0 || fflush(stdout) != 0)
			return err_sys(e, errno, "print the output of a process");
		int r = fd_copy(x->out, STDOUT_FILENO, UINT64_MAX);

		x->out = fd_close(x->out);
		if (r < 0)
			return err_sys(e, r, "print the output of a process");
	}
	return 0;
}

/* Wait until one has ended, or has something to say. */
static int wait_for_news(struct crew *w, struct err *e)
{
	struct pollfd p[SIDE_BY_SIDE_MAX + 1] = { { .fd = w->chatter_r, .events = POLLIN } };
	size_t who[SIDE_BY_SIDE_MAX + 1], n = 1;

	for (size_t i = 0; i < w->started; i++)
		if (w->works[i].status < 0) {
			who[n] = i;
			p[n++] = (struct pollfd){ .fd = w->works[i].proc.pidfd, .events = POLLIN };
		}
	if (poll(p, n, -1) < 0 && errno != EINTR)
		return err_sys(e, errno, "wait for processes");
	if (p[0].revents & POLLIN) {
		pass_chatter(w);
		return 0; /* what a process said comes before its end */
	}
	for (size_t i = 1; i < n; i++) {
		struct work *x = &w->works[who[i]];
		int status = 0;

		if (!p[i].revents)
			continue;
		if (proc_wait(&x->proc, &status) < 0 || !WIFEXITED(status))
			x->status = EXIT_FAILURE;
		else
			x->status = WEXITSTATUS(status);
		proc_done(&x->proc);
		w->running--;
	}
	return print_ended(w, e);
}

static void end_all(struct crew *w)
{
	for (size_t i = 0; i < w->started; i++) {
		struct work *x = &w->works[i];

		if (x->status < 0) {
			(void)proc_signal(&x->proc, SIGTERM);
			(void)proc_wait(&x->proc, NULL); /* only to reap */
			proc_done(&x->proc);
		}
		x->out = fd_close(x->out);
	}
}

int side_by_side(size_t n, size_t at_once, int (*one)(void *arg, size_t i), void *arg, struct err *e)
{
	auto_free struct work *works = calloc(n + 1, sizeof(*works));
	struct crew w = { .works = works, .n = n };
	int pipe_fds[2], r = 0, status = 0;

	if (!works || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, works ? errno : ENOMEM, "start processes");
	w.chatter_r = pipe_fds[0];
	w.chatter_w = pipe_fds[1];
	for (size_t i = 0; i < n; i++)
		works[i] = (struct work){ .proc = PROC_INIT, .out = FD_NONE, .status = -1 };
	if (at_once > SIDE_BY_SIDE_MAX)
		at_once = SIDE_BY_SIDE_MAX;
	while (r == 0 && (w.started < n || w.running > 0))
		r = w.started < n && w.running < at_once ? start(&w, one, arg, e) : wait_for_news(&w, e);
	end_all(&w);
	w.chatter_r = fd_close(w.chatter_r);
	w.chatter_w = fd_close(w.chatter_w);
	for (size_t i = 0; r == 0 && i < n && status == 0; i++)
		status = works[i].status;
	return r < 0 ? r : status;
}
