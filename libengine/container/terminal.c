/*
 * The caller's terminal: its size, raw mode, and giving it back in every case.  Whoever kills us
 * leaves us no time for that, so a small process waits for our end while the terminal is raw.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ctrlite/client.h"
#include "fd.h"

/* Ends at the first byte, which says that the terminal is as it was; or with us, without one. */
static void __attribute__((noreturn))
guard_main(int alive_fd, int tty_fd, const struct termios *saved)
{
	sigset_t all;
	ssize_t n;
	char c;

	/* Neither the terminal's signals nor its job control reach it, nor a kill of our group. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "ctr-lite-tty");
	if (dup2(tty_fd, 1) < 0 || dup2(alive_fd, 0) < 0 || close_range(2, ~0u, 0) < 0 ||
	    chdir("/") < 0)
		_exit(1);
	do
		n = read(0, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		(void)tcsetattr(1, TCSANOW, saved); /* the terminal may be gone as well */
	_exit(0);
}

/* Without one (no memory, no more processes) we do with what we can do ourselves. */
static void guard_start(struct ctr_terminal *t)
{
	int fds[2], r;

	t->guard = (struct proc)PROC_INIT;
	t->guard_fd = FD_NONE;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	r = proc_fork(&t->guard);
	if (r == 0) {
		(void)close(fds[1]);
		guard_main(fds[0], t->fd, &t->saved);
	}
	(void)fd_close(fds[0]);
	if (r < 0)
		(void)fd_close(fds[1]);
	else
		t->guard_fd = fds[1];
}

static void guard_stop(struct ctr_terminal *t)
{
	if (t->guard.pid <= 0)
		return;
	(void)!write(t->guard_fd, "", 1); /* it may have been killed */
	t->guard_fd = fd_close(t->guard_fd);
	(void)proc_wait(&t->guard, NULL);
	proc_done(&t->guard);
}

int ctr_terminal_raw(struct ctr_terminal *t, int fd)
{
	struct termios raw;

	*t = (struct ctr_terminal){ .fd = fd };
	if (tcgetattr(fd, &t->saved) < 0)
		return -errno;
	raw = t->saved;
	cfmakeraw(&raw);
	guard_start(t);
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
		int r = -errno;

		guard_stop(t);
		return r;
	}
	t->raw = true;
	return 0;
}

void ctr_terminal_restore(struct ctr_terminal *t)
{
	if (!t->raw)
		return;
	t->raw = false;
	(void)tcsetattr(t->fd, TCSADRAIN, &t->saved); /* the terminal may be gone */
	guard_stop(t);
}

void ctr_terminal_size(uint16_t *ret_rows, uint16_t *ret_cols)
{
	struct winsize ws;

	*ret_rows = *ret_cols = 0;
	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCGWINSZ, &ws) == 0) {
			*ret_rows = ws.ws_row;
			*ret_cols = ws.ws_col;
			return;
		}
}
