/* The network helper: a process (pasta, slirp4netns) that connects the container's network. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "mon.h"
#include "path.h"
#include "str.h"

#define READY_TIMEOUT_MS 20000
#define READY_FD 3 /* their numbers in the helper */
#define NETNS_FD 4
#define API_ANSWER_MAX 4096

struct helper {
	struct mon *m;
	struct proc proc;
	int ready_fd; /* FIFO or pipe, FD_NONE with NET_READY_EXIT */
	int err_fd;
	int netns_fd;
	const struct proc *stage;
};

/* Replace the words that stand for what only we know. */
static char *expand(const struct mon *m, const char *arg, pid_t ns_pid)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_add(&b, "");
	while (*arg) {
		const char *rest;

		if ((rest = str_after(arg, "@PID@"))) {
			strbuf_addf(&b, "%d", (int)ns_pid);
		} else if ((rest = str_after(arg, "@READYFD@"))) {
			strbuf_addf(&b, "%d", READY_FD);
		} else if ((rest = str_after(arg, "@PIDFILE@"))) {
			strbuf_addf(&b, "%s/" NET_PID_NAME, m->p.rundir);
		} else if ((rest = str_after(arg, "@NETNS@"))) {
			strbuf_addf(&b, "/proc/self/fd/%d", NETNS_FD);
		} else {
			strbuf_addc(&b, *arg);
			rest = arg + 1;
		}
		arg = rest;
	}
	return strbuf_take(&b);
}

/* What the helper has said, on one line; without the noise it makes where no syslog is. */
static void read_complaint(int fd, char *buf, size_t cap)
{
	char text[2048];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	size_t len = 0;

	buf[0] = '\0';
	text[n > 0 ? n : 0] = '\0';
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (str_starts(line, "Failed to send "))
			continue;
		if (str_starts(line, "Usage:"))
			break;
		if (len < cap)
			len += (size_t)snprintf(buf + len, cap - len, "%s%s", len ? "; " : "",
						line);
	}
}

static int helper_failed(struct helper *h, const char *what, struct err *e)
{
	char text[300];

	read_complaint(h->err_fd, text, sizeof(text));
	return err_set(e, ERR_OS, "network helper %s %s: %s", path_base(h->m->p.net_path), what,
		       text[0] ? text : "it gave no reason");
}

static int helper_spawn(struct helper *h, pid_t ns_pid, int ready_wr, int err_wr, struct err *e)
{
	const struct params *p = &h->m->p;
	auto_strv struct strv argv = STRV_INIT;
	const struct proc_fd fds[] = {
		{ err_wr, STDERR_FILENO },
		{ h->netns_fd, NETNS_FD },
		{ ready_wr, READY_FD },
	};
	struct proc_spawn s = {
		.path = p->net_path,
		.fds = fds,
		.n_fds = ready_wr >= 0 ? 3 : 2,
		.dir_fd = h->m->rundir_fd,
		/* Best effort: it may lose this when it changes ids.  state.json names it, too. */
		.pdeathsig = p->net_ready == NET_READY_EXIT ? 0 : SIGKILL,
	};

	for (size_t i = 0; i < p->net_arg.n; i++)
		if (strv_add_take(&argv, expand(h->m, p->net_arg.items[i], ns_pid)) < 0)
			return err_sys(e, ENOMEM, "start the network helper");
	s.argv = strv_argv(&argv);
	return proc_spawn(&s, &h->proc, e);
}

/* A pid that the helper wrote. */
static int parse_pid(const char *text, pid_t *ret)
{
	char num[16];
	size_t n = strspn(text, "0123456789");
	uint32_t v;

	if (n == 0 || n >= sizeof(num))
		return -EBADMSG;
	memcpy(num, text, n);
	num[n] = '\0';
	if (str_u32(num, INT32_MAX, &v) < 0 || v == 0)
		return -EBADMSG;
	*ret = (pid_t)v;
	return 0;
}

/* Is it our child, by birth or by adoption?  Nobody else's number is ever signalled. */
static bool is_our_child(pid_t pid)
{
	siginfo_t si;

	return waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Wait until the ready descriptor says something, the helper ends, or the stage fails. */
static int wait_ready_fd(struct helper *h, struct err *e)
{
	struct pollfd pfd[] = {
		{ .fd = h->ready_fd, .events = POLLIN },
		{ .fd = h->proc.pidfd, .events = POLLIN },
		{ .fd = h->stage->pidfd, .events = POLLIN },
	};
	char text[32];
	ssize_t n;
	int r;

	do
		r = poll(pfd, 3, READY_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, errno, "wait for the network helper");
	if (r == 0)
		return helper_failed(h, "was not ready in time", e);
	n = pfd[0].revents ? read(h->ready_fd, text, sizeof(text)) : -1;
	if (n > 0)
		return 0;
	/* Closing it may mean "ready" or be part of its end, which then follows at once. */
	if (n == 0 && proc_poll(&h->proc, 50) == 0)
		return 0;
	if (pfd[2].revents && !pfd[1].revents)
		return -ECANCELED; /* the stage failed and says why */
	return helper_failed(h, "failed", e);
}

static int wait_exit(struct helper *h, struct err *e)
{
	auto_free char *text = NULL;
	struct proc daemon = PROC_INIT;
	uint64_t start;
	int status, r;
	pid_t pid;

	r = proc_poll(&h->proc, READY_TIMEOUT_MS);
	if (r <= 0)
		return helper_failed(h, "was not ready in time", e);
	r = proc_wait(&h->proc, &status);
	proc_done(&h->proc);
	if (r < 0)
		return err_sys(e, r, "wait for the network helper");
	if (status != 0)
		return helper_failed(h, "failed", e);
	r = openat(h->m->rundir_fd, NET_PID_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r >= 0) {
		auto_close int fd = r;

		r = fd_read_file(fd, 64, &text, NULL);
	} else {
		r = -errno;
	}
	if (r < 0)
		return err_sys(e, r, "read the network helper's pid file");
	/* Its parent has just exited, so it is ours by now: adoption happens before that shows. */
	if (parse_pid(text, &pid) < 0 || !is_our_child(pid) || proc_start_time(pid, &start) < 0 ||
	    proc_open(pid, start, &daemon) < 0)
		return helper_failed(h, "has left no usable pid", e);
	h->proc = daemon;
	return 0;
}

static int api_connect(const struct mon *m, int *ret, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 10 };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(e, errno, "connect to the network helper");
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%.64s", m->rundir_fd,
		       m->p.net_api);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)); /* or wait */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(e, errno, "connect to the network helper's %s", m->p.net_api);
	*ret = take_fd(&fd);
	return 0;
}

static int api_request(const struct mon *m, const char *json, struct err *e)
{
	auto_close int fd = FD_NONE;
	char answer[API_ANSWER_MAX];
	ssize_t n;
	int r;

	r = api_connect(m, &fd, e);
	if (r < 0)
		return r;
	r = fd_write_all(fd, json, strlen(json));
	if (r < 0 || shutdown(fd, SHUT_WR) < 0)
		return err_sys(e, r < 0 ? r : errno, "ask the network helper for a port");
	n = fd_read_full(fd, answer, sizeof(answer) - 1);
	if (n < 0)
		return err_sys(e, (int)n, "read the network helper's answer");
	answer[n] = '\0';
	if (n == 0 || strstr(answer, "\"error\""))
		return err_set(e, ERR_BUSY, "the network helper refused %s: %s", json,
			       n ? answer : "no answer");
	return 0;
}

static void net_err_ready(struct mon *m, struct source *s, uint32_t events)
{
	char text[512];

	(void)events;
	if (read(s->fd, text, sizeof(text)) <= 0)
		source_close(m, s);
}

static int helper_run(struct helper *h, pid_t ns_pid, struct err *e)
{
	struct mon *m = h->m;
	auto_close int ready_wr = FD_NONE, err_wr = FD_NONE;
	int fds[2], r;
	char netns[40];

	(void)snprintf(netns, sizeof(netns), "/proc/%d/ns/net", (int)ns_pid);
	h->netns_fd = open(netns, O_RDONLY | O_CLOEXEC);
	if (h->netns_fd < 0)
		return err_sys(e, errno, "start the network helper: open %s", netns);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, errno, "start the network helper: make a pipe");
	h->err_fd = fds[0];
	err_wr = fds[1];
	if (m->p.net_ready == NET_READY_FD) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return err_sys(e, errno, "start the network helper: make a pipe");
		h->ready_fd = fds[0];
		ready_wr = fds[1];
	} else if (m->p.net_ready == NET_READY_PIDFILE) {
		/* Opened before the helper opens it: its open for writing then does not wait. */
		if (mkfifoat(m->rundir_fd, NET_PID_NAME, 0600) < 0)
			return err_sys(e, errno, "start the network helper: make a FIFO");
		h->ready_fd = openat(m->rundir_fd, NET_PID_NAME, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (h->ready_fd < 0)
			return err_sys(e, errno, "start the network helper: open the FIFO");
	}
	r = helper_spawn(h, ns_pid, ready_wr, err_wr, e);
	if (r < 0)
		return r;
	ready_wr = fd_close(ready_wr);
	r = m->p.net_ready == NET_READY_EXIT ? wait_exit(h, e) : wait_ready_fd(h, e);
	for (size_t i = 0; r == 0 && i < m->p.net_fwd.n; i++)
		r = api_request(m, m->p.net_fwd.items[i], e);
	return r;
}

int net_helper_start(struct mon *m, pid_t ns_pid, const struct proc *stage, struct err *e)
{
	struct helper h = {
		.m = m,
		.proc = PROC_INIT,
		.ready_fd = FD_NONE,
		.err_fd = FD_NONE,
		.netns_fd = FD_NONE,
		.stage = stage,
	};
	int r = helper_run(&h, ns_pid, e);

	m->net = h.proc; /* also after a failure: net_helper_stop() ends it */
	m->net_err = (struct source){ .fd = h.err_fd, .ready = net_err_ready };
	if (r == 0 && source_set(m, &m->net_err, EPOLLIN) < 0)
		r = err_sys(e, errno, "watch the network helper");
	(void)fd_close(h.ready_fd);
	(void)fd_close(h.netns_fd);
	if (r == 0 && proc_start_time(m->net.pid, &m->net_start) < 0)
		m->net_start = 0;
	return r;
}

void net_helper_stop(struct mon *m)
{
	source_close(m, &m->net_err);
	if (m->net.pid < 0)
		return;
	(void)proc_signal(&m->net,
			  SIGKILL); /* it has nothing to put in order: its network is gone */
	(void)proc_wait(&m->net, NULL);
	proc_done(&m->net);
}
