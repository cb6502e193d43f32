/*
 * The attached client: bytes between a terminal (or pipes) and a monitor, signals and window
 * sizes to the container, detach keys, the exit code back.
 */
#include "ctrlite/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fd.h"
#include "monitor-proto.h"
#include "msg.h"
#include "str.h"

#define INPUT_MAX 4096

/* Signals that are passed on: all but those about ourselves and those nobody can catch. */
static void proxied_signals(sigset_t *set)
{
	static const int not[] = { SIGCHLD, SIGPIPE, SIGURG, SIGWINCH, SIGKILL, SIGSTOP, SIGSEGV,
				   SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };

	(void)sigfillset(set);
	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		(void)sigdelset(set, not[i]);
	(void)sigdelset(set, SIGTTIN);
	(void)sigdelset(set, SIGTTOU);
	(void)sigdelset(set, SIGTSTP);
}

/* Without passing signals on: those that end us, once the terminal is as it was. */
static void ending_signals(sigset_t *set)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)sigaddset(set, ending[i]);
}

#define WIDEN_AFTER 4	/* messages that are as long as they can be */
#define WIDE_PIPE_BYTES (512 << 10)

struct client {
	int sock;
	const struct ctr_client_opts *o;
	struct ctr_client_result *res;
	bool stdin_open;
	bool stdin_busy;	/* the monitor has not acknowledged the last bytes */
	bool raw;		/* stdin is a terminal, in raw mode */
	size_t matched;		/* detach keys seen so far */
	bool done;
};

static int send_stdin(struct client *c, const char *buf, size_t len)
{
	int r = len ? msg_send(c->sock, MON_STDIN, buf, len, NULL, 0) : 0;

	c->stdin_busy = len && r == 0;
	return r == -EPIPE || r == -ECONNRESET ? 0 : r; /* the end is read from the socket */
}

/* Pass keys on, holding back a beginning of the detach sequence until it breaks. */
static int send_keys(struct client *c, const char *buf, size_t len)
{
	char out[INPUT_MAX + CTR_DETACH_HELD_MAX];
	size_t n;

	if (ctr_detach_filter(&c->o->detach_keys, &c->matched, buf, len, out, &n))
		c->res->detached = c->done = true;
	return send_stdin(c, out, n);
}

static int on_stdin_end(struct client *c)
{
	int r;

	c->stdin_open = false;
	if (c->raw) { /* a raw terminal ends only when it is hung up */
		c->res->hung_up = c->done = true;
		return 0;
	}
	r = send_stdin(c, c->o->detach_keys.keys, c->matched);
	c->matched = 0;
	if (r == 0)
		r = msg_send(c->sock, MON_STDIN_EOF, NULL, 0, NULL, 0);
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static int on_stdin(struct client *c)
{
	char buf[INPUT_MAX];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return on_stdin_end(c);
	return c->o->tty && c->o->detach_keys.n ? send_keys(c, buf, (size_t)n)
						: send_stdin(c, buf, (size_t)n);
}

/* A closed stdout must not end the container: its output goes on into the log. */
/* Much output at once: room for more of it, so that who reads it runs beside us. */
static void widen(int fd, size_t len)
{
	static unsigned int full;

	if (len == MSG_BODY_MAX && ++full == WIDEN_AFTER)
		(void)fcntl(fd, F_SETPIPE_SZ, WIDE_PIPE_BYTES); /* no pipe, or no room: as it is */
}

static void write_out(struct client *c, int fd, bool *ok, const char *buf, size_t len)
{
	int r;

	if (!*ok)
		return;
	widen(fd, len);
	r = fd_write_all(fd, buf, len);
	if (r == -EAGAIN) {
		/* Somebody shares a non-blocking descriptor with us: wait for room. */
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };

		(void)poll(&pfd, 1, -1);
		r = fd_write_all(fd, buf, len);
	}
	if (r < 0) {
		*ok = false;
		c->res->output_error = -r;
	}
}

static int on_message(struct client *c, bool *out_ok, bool *err_ok)
{
	static char body[MSG_BODY_MAX];
	uint16_t type;
	size_t len;
	int r = msg_recv(c->sock, &type, body, sizeof(body), &len, NULL, 0, NULL);

	if (r < 0)
		return r == -EINTR || r == -EAGAIN ? 0 : r;
	if (r == 0) {
		c->done = true; /* without MON_EXIT: the monitor died */
		return 0;
	}
	if (type == MON_STDOUT && c->o->want_stdout) {
		write_out(c, STDOUT_FILENO, out_ok, body, len);
	} else if (type == MON_STDERR && c->o->want_stderr) {
		write_out(c, STDERR_FILENO, err_ok, body, len);
	} else if (type == MON_STDIN_ACK) {
		c->stdin_busy = false;
	} else if (type == MON_EXIT && len == sizeof(struct mon_exit)) {
		struct mon_exit end;

		memcpy(&end, body, sizeof(end));
		c->res->exited = true;
		c->res->exit_code = end.exit_code;
		c->done = true;
	}
	return 0;
}

static int on_signal(struct client *c, int sfd)
{
	struct signalfd_siginfo si;
	struct mon_size size;
	uint32_t sig;
	int r;

	if (read(sfd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return 0;
	if (si.ssi_signo == SIGWINCH) {
		ctr_terminal_size(&size.rows, &size.cols);
		r = msg_send(c->sock, MON_RESIZE, &size, sizeof(size), NULL, 0);
	} else if (!c->o->sig_proxy) {
		c->res->signal = (int)si.ssi_signo;
		c->done = true;
		r = 0;
	} else {
		sig = si.ssi_signo;
		r = msg_send(c->sock, MON_SIGNAL, &sig, sizeof(sig), NULL, 0);
	}
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

static int pump(struct client *c, int sfd)
{
	bool out_ok = true, err_ok = true;
	int r = 0;

	while (!c->done && r == 0) {
		struct pollfd p[3] = {
			{ .fd = c->sock, .events = POLLIN },
			{ .fd = sfd, .events = POLLIN },
			{ .fd = c->stdin_open && !c->stdin_busy ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(p, 3, -1) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (p[0].revents)
			r = on_message(c, &out_ok, &err_ok);
		if (r == 0 && !c->done && p[1].revents)
			r = on_signal(c, sfd);
		if (r == 0 && !c->done && p[2].revents)
			r = on_stdin(c);
	}
	return r;
}

int ctr_client_run(int sock, const struct ctr_client_opts *o, struct ctr_client_result *ret,
		   struct err *e)
{
	struct client c = { .sock = sock, .o = o, .res = ret, .stdin_open = o->want_stdin };
	struct ctr_terminal term = { 0 };
	auto_close int sfd = FD_NONE;
	sigset_t set, old;
	int r;

	*ret = (struct ctr_client_result){ 0 };
	(void)sigemptyset(&set);
	if (o->sig_proxy)
		proxied_signals(&set);
	else
		ending_signals(&set);
	if (o->tty)
		(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sfd < 0)
		return err_sys(e, errno, "listen for signals");
	(void)signal(SIGPIPE, SIG_IGN); /* a closed stdout is an error of write() */
	if (o->tty && o->want_stdin && isatty(STDIN_FILENO))
		c.raw = ctr_terminal_raw(&term, STDIN_FILENO) == 0;
	if (o->tty) { /* the window may have changed since the start */
		struct mon_size size;

		ctr_terminal_size(&size.rows, &size.cols);
		if (size.rows && size.cols)
			(void)msg_send(sock, MON_RESIZE, &size, sizeof(size), NULL, 0);
	}
	r = pump(&c, sfd);
	if (r == 0 && (ret->detached || ret->hung_up || ret->signal))
		(void)msg_send(sock, MON_DETACH, NULL, 0, NULL, 0); /* closing says the same */
	ctr_terminal_restore(&term);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return r < 0 ? err_sys(e, r, "talk to the monitor") : 0;
}
