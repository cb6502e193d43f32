/* ctr-lite-monitor ID: outlives the command line and holds one container's stdio, log and exit. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "mon.h"

#define EXIT_USAGE 125

static bool is_launch_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

/* Signals that the loop reads, and those that must not end us. */
static int set_signals(struct err *e)
{
	static const int ignored[] = { SIGHUP,	SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM,   SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGXFSZ, SIGIO,   SIGVTALRM, SIGPROF };
	sigset_t set;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* inherited "ignore" would reap for us */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGQUIT);
	/* Unblocked they would never be seen: the loop reads them from a descriptor. */
	return sigprocmask(SIG_SETMASK, &set, NULL) < 0 ? err_sys(e, errno, "block signals") : 0;
}

/* Nothing ties us to the caller's terminal, directory or descriptors. */
static int leave_caller(struct err *e)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0)
		return err_sys(e, errno, "open /dev/null");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null_fd, fd) < 0)
			return err_sys(e, errno, "close the caller's terminal");
	if (close_range(LAUNCH_FD + 1, ~0u, 0) < 0)
		return err_sys(e, errno, "close the caller's descriptors (needs Linux 5.9)");
	(void)setsid(); /* fails when we lead one already, which is as good */
	if (chdir("/") < 0)
		return err_sys(e, errno, "enter /");
	(void)umask(077);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, errno, "become the reaper of the container");
	(void)prctl(PR_SET_NAME, "ctr-lite-mon");
	return fd_set_cloexec(LAUNCH_FD, true);
}

static int run(struct mon *m, struct err *e)
{
	int r = leave_caller(e);

	r = r < 0 ? r : set_signals(e);
	r = r < 0 ? r : mon_start(m, e);
	return r < 0 ? r : mon_loop(m, e);
}

/* Closed with a request unread, the socket would lose its peer what we said last. */
static void fail(int launch, const struct err *e)
{
	char unread[64];

	(void)msg_send(launch, MON_FAILED, e, sizeof(*e), NULL, 0); /* it may have gone */
	(void)shutdown(launch, SHUT_RD);
	while (recv(launch, unread, sizeof(unread), MSG_DONTWAIT) > 0)
		;
}

int main(int argc, char **argv)
{
	static struct mon m = {
		.launch = LAUNCH_FD,
		.rundir_fd = FD_NONE,
		.ctrdir_fd = FD_NONE,
		.lock_fd = FD_NONE,
		.userns_fd = FD_NONE,
		.epoll_fd = FD_NONE,
		.console_fd = FD_NONE,
		.oom.fd = FD_NONE,
		.guard_fd = FD_NONE,
		.reserve_fd = FD_NONE,
		.passed = { FD_NONE, FD_NONE, FD_NONE },
		.sig.fd = FD_NONE,
		.listener.fd = FD_NONE,
		.in.fd = FD_NONE,
		.net_err.fd = FD_NONE,
		.out = { { .src.fd = FD_NONE }, { .src.fd = FD_NONE } },
		.init = PROC_INIT,
		.net = PROC_INIT,
		.guard = PROC_INIT,
		.health = { .probe = PROC_INIT, .said_fd = FD_NONE },
		.log = CTR_LOG_INIT,
		.prepare = PARAMS_INIT,
		.p = PARAMS_INIT,
	};
	struct err e = ERR_INIT;
	int r;

	if (fd_sanitize_std() < 0)
		return EXIT_USAGE;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)printf("ctr-lite-monitor version %s\n", CTR_VERSION);
		return 0;
	}
	if (argc != 2 || !is_launch_socket(LAUNCH_FD)) {
		(void)fprintf(stderr,
			      "Error: ctr-lite-monitor is started by ctr-lite, not by hand\n");
		return EXIT_USAGE;
	}
	r = run(&m, &e);
	if (r == 0)
		return 0;
	finish_failed(&m);
	if (m.launch >= 0 && e.kind != ERR_NONE)
		fail(m.launch, &e);
	return 1;
}
