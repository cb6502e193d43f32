/* The attached side of exec: signals to the process, and what a terminal needs. */
#include "exec.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define INPUT_MAX 4096
#define DRAIN_MS 100 /* after the end: how long others may hold the pty open */

struct copy {
	const struct ctr_exec_opts *o;
	struct ctr_exec_result *res;
	const struct proc *proc;
	int pty, sfd;
	bool in, out, raw, done;
	size_t matched; /* detach keys seen so far */
};

static void resize_pty(int pty)
{
	struct winsize ws = { 0 };

	ctr_terminal_size(&ws.ws_row, &ws.ws_col);
	if (ws.ws_row && ws.ws_col)
		(void)ioctl(pty, TIOCSWINSZ, &ws);
}

static void on_signal(struct copy *c)
{
	struct signalfd_siginfo si;

	if (read(c->sfd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH && c->pty >= 0)
		resize_pty(c->pty); /* the kernel tells the process */
	else
		(void)proc_signal(c->proc, (int)si.ssi_signo); /* it may just have ended */
}

static void on_output(struct copy *c)
{
	char buf[16384];
	ssize_t n = read(c->pty, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	c->out = n > 0 && fd_write_all(STDOUT_FILENO, buf, (size_t)n) == 0;
}

static void on_input_end(struct copy *c)
{
	struct termios t;
	char eof = 4;

	c->in = false;
	if (c->raw) { /* a raw terminal ends only when it is hung up */
		c->res->hung_up = c->done = true;
		return;
	}
	(void)fd_write_all(c->pty, c->o->detach_keys.keys, c->matched);
	if (tcgetattr(c->pty, &t) == 0)
		eof = (char)t.c_cc[VEOF];
	(void)!write(c->pty, &eof, 1); /* as a terminal's user would say it */
}

static void on_input(struct copy *c)
{
	char buf[INPUT_MAX], out[INPUT_MAX + CTR_DETACH_HELD_MAX];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	size_t len;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		on_input_end(c);
		return;
	}
	if (ctr_detach_filter(&c->o->detach_keys, &c->matched, buf, (size_t)n, out, &len))
		c->res->detached = c->done = true;
	if (fd_write_all(c->pty, out, len) < 0)
		c->in = false;
}

static int pump(struct copy *c, int end_fd, struct err *e)
{
	bool ended = false;

	while (!c->done && (!ended || c->out)) {
		struct pollfd p[4] = {
			{ .fd = ended ? -1 : end_fd, .events = POLLIN },
			{ .fd = c->sfd, .events = POLLIN },
			{ .fd = c->out ? c->pty : -1, .events = POLLIN },
			{ .fd = c->in && !ended ? STDIN_FILENO : -1, .events = POLLIN },
		};
		int n = poll(p, 4, ended ? DRAIN_MS : -1);

		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for the process");
		if (n == 0 && ended)
			break; /* somebody else keeps the pty open */
		if (n <= 0)
			continue;
		ended |= p[0].revents != 0;
		if (p[1].revents)
			on_signal(c);
		if (p[2].revents)
			on_output(c);
		if (p[3].revents)
			on_input(c);
	}
	return 0;
}

static void passed_signals(sigset_t *set)
{
	static const int passed[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH
	};

	(void)sigemptyset(set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		(void)sigaddset(set, passed[i]);
}

void exec_block_signals(sigset_t *ret_old)
{
	sigset_t set;

	passed_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, ret_old);
}

int exec_copy(const struct ctr_exec_opts *o, int pty, const struct proc *p, int end_fd,
	      struct ctr_exec_result *ret, struct err *e)
{
	struct copy c = { .o = o,
			  .res = ret,
			  .proc = p,
			  .pty = pty,
			  .out = pty >= 0,
			  .in = pty >= 0 && o->interactive };
	struct ctr_terminal term = { .raw = false };
	auto_close int sfd = FD_NONE;
	sigset_t set;
	int r;

	passed_signals(&set);
	sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sfd < 0)
		return err_sys(e, errno, "listen for signals");
	c.sfd = sfd;
	if (c.in && isatty(STDIN_FILENO))
		c.raw = ctr_terminal_raw(&term, STDIN_FILENO) == 0;
	if (pty >= 0) /* the window may have changed since the start */
		resize_pty(pty);
	r = pump(&c, end_fd, e);
	ctr_terminal_restore(&term);
	return r;
}
