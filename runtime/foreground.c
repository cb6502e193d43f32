/* Waiting for a process of ours. */
#include "foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "fd.h"

static void forwarded(sigset_t *set)
{
	(void)sigfillset(set);
	for (int sig = 1; sig < NSIG; sig++)
		switch (sig) {
		case SIGCHLD:
		case SIGSEGV:
		case SIGBUS:
		case SIGILL:
		case SIGFPE:
		case SIGABRT:
		case SIGTRAP:
		case SIGSYS:
		case SIGTTIN:
		case SIGTTOU:
		case SIGTSTP:
		case SIGURG:
			(void)sigdelset(set, sig);
			break;
		}
}

void foreground_block_signals(void)
{
	sigset_t set;

	forwarded(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

void foreground_reset_signals(void)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL); /* KILL and STOP refuse, as they should */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

struct terminal {
	int master;
	bool raw; /* our own stdin is a terminal and was changed */
	struct termios saved;
	bool stdin_open;
};

static void copy_size(const struct terminal *t)
{
	struct winsize size;

	if (t->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(t->master, TIOCSWINSZ, &size); /* the size is a courtesy */
}

static void terminal_init(struct terminal *t, int master)
{
	*t = (struct terminal){ .master = master, .stdin_open = master >= 0 };
	if (master < 0 || tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return;
	struct termios raw = t->saved;

	cfmakeraw(&raw);
	t->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	copy_size(t);
}

static void terminal_done(struct terminal *t)
{
	if (t->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved); /* as good as it gets */
}

/* One read's worth from @from to @to; false at the end. */
static bool pump(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && fd_write_all(to, buf, (size_t)n) == 0;
}

static void forward(struct proc *p, const struct terminal *t, int sfd)
{
	struct signalfd_siginfo si;

	if (read(sfd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH && t->raw)
		copy_size(t);
	else
		(void)proc_signal(p, (int)si.ssi_signo); /* it may just have ended */
}

static int loop(struct proc *p, struct terminal *t, int sfd, struct err *e)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = p->pidfd, .events = POLLIN },
			{ .fd = sfd, .events = POLLIN },
			{ .fd = t->master, .events = POLLIN },
			{ .fd = t->stdin_open ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(fds, 4, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(e, errno, "wait for the container");
		}
		if (fds[1].revents)
			forward(p, t, sfd);
		if (fds[2].revents && !pump(t->master, STDOUT_FILENO))
			t->master = -1;
		if (fds[3].revents && !pump(STDIN_FILENO, t->master))
			t->stdin_open = false;
		if (fds[0].revents && (t->master < 0 || !fds[2].revents))
			return 0;
	}
}

int foreground_wait(struct proc *p, int master, struct err *e)
{
	auto_close int sfd = FD_NONE;
	struct terminal t;
	sigset_t set;
	int status = 0, r;

	forwarded(&set);
	sfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sfd < 0)
		return err_sys(e, errno, "watch for signals");
	terminal_init(&t, master);
	r = loop(p, &t, sfd, e);
	terminal_done(&t);
	if (r < 0)
		return r;
	r = proc_wait(p, &status);
	return r < 0 ? err_sys(e, r, "wait for the container") : proc_exit_code(status);
}
