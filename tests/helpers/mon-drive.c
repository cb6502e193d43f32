/*
 * Plays the command line's part towards ctr-lite-monitor:
 *
 *	mon-drive MONITOR [-i] [-d] [-q] [-S KEY=VALUE]... PREPARE [KEY=VALUE]... RUN [KEY=VALUE]...
 *
 * -i passes stdin on, -d ends at MON_STARTED, -q discards the output.  Ends with the container's exit
 * status; a failure to start is printed and ends with 125, 126 or 127.
 * -A RUNDIR in place of all the rest attaches to a running container.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "err.h"
#include "fd.h"
#include "monitor-proto.h"
#include "msg.h"
#include "str.h"

static bool pass_stdin, detach, quiet;
static char buf[MSG_BODY_MAX];

static void __attribute__((noreturn)) die(const char *what)
{
	(void)fprintf(stderr, "mon-drive: %s: %s\n", what, strerror(errno));
	exit(99);
}

static int launch(const char *monitor)
{
	int sp[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) < 0)
		die("socketpair");
	pid = vfork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (sp[1] == 3)
			(void)fcntl(3, F_SETFD, 0);
		else
			(void)dup2(sp[1], 3);
		(void)execl(monitor, "ctr-lite-monitor", "drive", (char *)NULL);
		_exit(99);
	}
	(void)close(sp[1]);
	return sp[0];
}

static void send_params(int sock, uint16_t type, char **args, int n)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (int i = 0; i < n; i++)
		strbuf_addn(&b, args[i], strlen(args[i]) + 1);
	if (msg_send(sock, type, b.data, b.len, NULL, 0) < 0)
		die("send parameters");
}

static int on_message(uint16_t type, size_t len)
{
	struct mon_exit x;
	struct err e;

	switch (type) {
	case MON_STARTED:
		if (detach) {
			struct mon_started st;

			memcpy(&st, buf, sizeof(st));
			(void)printf("%d %d\n", st.pid, st.monitor_pid);
			exit(0);
		}
		return -1;
	case MON_STDOUT:
	case MON_STDERR:
		if (!quiet && fd_write_all(type == MON_STDOUT ? 1 : 2, buf, len) < 0)
			exit(98);
		return -1;
	case MON_FAILED:
		memcpy(&e, buf, sizeof(e));
		(void)fprintf(stderr, "Error: %s\n", e.text);
		exit(e.kind == ERR_CMD_NOT_FOUND ? 127 : e.kind == ERR_CMD_NOT_EXEC ? 126 : 125);
	case MON_EXIT:
		memcpy(&x, buf, sizeof(x));
		exit(x.exit_code);
	}
	(void)fprintf(stderr, "mon-drive: message %u\n", type);
	exit(99);
}

static void relay(int sock, bool started)
{
	bool waiting = false, eof = !pass_stdin;

	for (;;) {
		struct pollfd pfd[] = {
			{ .fd = sock, .events = POLLIN },
			{ .fd = started && !waiting && !eof ? 0 : -1, .events = POLLIN },
		};

		if (poll(pfd, 2, -1) < 0)
			die("poll");
		if (pfd[0].revents) {
			uint16_t type;
			size_t len;
			int r = msg_recv(sock, &type, buf, sizeof(buf), &len, NULL, 0, NULL);

			if (r <= 0) {
				(void)fprintf(stderr, "mon-drive: the monitor has gone (%d)\n", r);
				exit(97);
			}
			if (type == MON_STDIN_ACK)
				waiting = false;
			else
				(void)on_message(type, len);
			if (type == MON_STARTED)
				started = true;
		}
		if (pfd[1].revents) {
			ssize_t n = read(0, buf, sizeof(buf));

			if (n > 0) {
				waiting = true;
				(void)msg_send(sock, MON_STDIN, buf, (size_t)n, NULL, 0);
			} else {
				eof = true;
				(void)msg_send(sock, MON_STDIN_EOF, NULL, 0, NULL, 0);
			}
		}
	}
}

static int attach(const char *rundir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct mon_hello hello = { 1, 1, pass_stdin };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int dir = open(rundir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/attach", dir);
	if (s < 0 || connect(s, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("attach");
	if (msg_send(s, MON_HELLO, &hello, sizeof(hello), NULL, 0) < 0)
		die("hello");
	return s;
}

int main(int argc, char **argv)
{
	const char *rundir = NULL;
	int opt, sock, prep, run;

	while ((opt = getopt(argc, argv, "+idqA:")) > 0) {
		pass_stdin |= opt == 'i';
		detach |= opt == 'd';
		quiet |= opt == 'q';
		if (opt == 'A')
			rundir = optarg;
	}
	if (rundir) {
		sock = attach(rundir);
	} else {
		if (optind + 1 >= argc || !streq(argv[optind + 1], "PREPARE"))
			return 99;
		sock = launch(argv[optind]);
		prep = optind + 2;
		for (run = prep; run < argc && !streq(argv[run], "RUN"); run++)
			;
		send_params(sock, MON_PREPARE, argv + prep, run - prep);
		if (run == argc)
			return 0; /* as a command line that dies early */
		send_params(sock, MON_RUN, argv + run + 1, argc - run - 1);
	}
	relay(sock, rundir);
	return 0;
}
