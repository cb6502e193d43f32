/* Talking to the monitor of a running container: attach, wait, signals, stop. */
#include "container-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctrlite/event.h"
#include "msg.h"

#define END_TRIES 200

/* sun_path is short, so the socket is named through a descriptor of its directory. */
static int connect_attach(struct ctr_engine *eng, const char *id, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	auto_close int dir = container_run_dir(eng, id, false, NULL);
	auto_close int sock = FD_NONE;

	if (dir == -ENOENT)
		return -ENOENT;
	if (dir < 0)
		return err_sys(e, dir, "open the run directory of container %.64s", id);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_sys(e, errno, "make a socket");
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/attach", dir);
	if (connect(sock, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return -ENOENT;
		return err_sys(e, errno, "connect to the monitor of container %.64s", id);
	}
	return take_fd(&sock);
}

/* A connected client, or -ENOENT (no text) when no monitor answers. */
static int connect_hello(struct ctr_engine *eng, const char *id, const struct mon_hello *hello,
			 struct err *e)
{
	auto_close int sock = connect_attach(eng, id, e);
	int r;

	if (sock < 0)
		return sock;
	r = msg_send(sock, MON_HELLO, hello, sizeof(*hello), NULL, 0);
	if (r == -EPIPE || r == -ECONNRESET)
		return -ENOENT;
	return r < 0 ? err_sys(e, r, "talk to the monitor of container %.64s", id) : take_fd(&sock);
}

int ctr_container_attach(struct ctr_engine *eng, const char *id, bool want_stdin, bool want_output,
			 int *ret_sock, struct err *e)
{
	struct mon_hello hello = { want_output, want_output, want_stdin };
	int r = connect_hello(eng, id, &hello, e);

	if (r == -ENOENT)
		return err_set(e, ERR_BUSY, "you can only attach to running containers: container %.12s "
			       "is not running: container state improper", id);
	if (r < 0)
		return r;
	*ret_sock = r;
	if (want_output)
		ctr_event_of_id(eng, id, "attach");
	return 0;
}

/* Read until MON_EXIT.  1 with *@ret_exit, 0 when the monitor went without one, -ETIME, -errno. */
static int read_exit(int sock, int64_t timeout_ms, struct mon_exit *ret_exit)
{
	struct timespec t0, t;
	char body[1024];

	(void)clock_gettime(CLOCK_MONOTONIC, &t0);
	for (;;) {
		struct pollfd pfd = { .fd = sock, .events = POLLIN };
		uint16_t type;
		size_t len;
		int64_t left = -1;
		int r;

		if (timeout_ms >= 0) {
			(void)clock_gettime(CLOCK_MONOTONIC, &t);
			left = timeout_ms - ((int64_t)(t.tv_sec - t0.tv_sec) * 1000 +
					     (t.tv_nsec - t0.tv_nsec) / 1000000);
			if (left < 0)
				left = 0;
		}
		r = poll(&pfd, 1, left > 60000 ? 60000 : (int)left);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0 && left >= 0 && left <= 60000)
			return -ETIME;
		if (r <= 0)
			continue;
		r = msg_recv(sock, &type, body, sizeof(body), &len, NULL, 0, NULL);
		if (r <= 0)
			return r;
		if (type == MON_EXIT && len == sizeof(*ret_exit)) {
			__builtin_memcpy(ret_exit, body, sizeof(*ret_exit));
			return 1;
		}
	}
}

int ctr_container_wait(struct ctr_engine *eng, const char *id, int *ret_exit_code, struct err *e)
{
	static const struct mon_hello hello = { 0, 0, 0 };

	/* A container that is only just being started has a lock but no socket yet. */
	for (;;) {
		struct mon_exit end;
		struct ctr_status st;
		auto_close int sock = connect_hello(eng, id, &hello, e);
		int r;

		if (sock < 0 && sock != -ENOENT)
			return sock;
		if (sock >= 0) {
			r = read_exit(sock, -1, &end);
			if (r < 0)
				return err_sys(e, r, "wait for container %.64s", id);
			if (r == 1) {
				*ret_exit_code = end.exit_code;
				return 0;
			}
		}
		r = ctr_container_settle(eng, id, e);
		if (r == 0)
			r = ctr_container_status(eng, id, &st, e);
		if (r < 0)
			return r;
		if (st.state == CTR_EXITED || (st.state == CTR_CREATED &&
					       container_is_held(eng, id) != 1)) {
			struct ctr_request req = CTR_REQUEST_INIT;

			/* The record of a container that was removed is gone: say so. */
			r = ctr_container_load(eng, id, &req, e);
			ctr_request_done(&req);
			*ret_exit_code = st.exit_code;
			return r;
		}
		(void)poll(NULL, 0, 2);
	}
}

/* A verified handle of the container's first process. */
static int open_init(struct ctr_engine *eng, const char *id, const char *verb, struct proc *ret,
		     struct err *e)
{
	struct ctr_status st;
	int r = ctr_container_settle(eng, id, e);

	if (r == 0)
		r = ctr_container_status(eng, id, &st, e);
	if (r < 0)
		return r;
	if (st.state == CTR_RUNNING && proc_open(st.pid, st.pid_start, ret) == 0)
		return 0;
	return err_set(e, ERR_BUSY, "can only %s running containers. %s is in state %s: container state "
		       "improper", verb, id, ctr_status_str(&st));
}

/* Does the user who sends it want the end of the container? */
static bool means_end(struct ctr_engine *eng, const char *id, int sig)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	bool r;

	if (sig == SIGKILL || sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
		return true;
	r = ctr_container_load(eng, id, &req, NULL) == 0 && req.stop_signal == sig;
	ctr_request_done(&req);
	return r;
}

static int send_stop(int sock, int sig)
{
	const uint32_t body = (uint32_t)sig;

	return msg_send(sock, MON_STOP, &body, sizeof(body), NULL, 0);
}

int container_tell(struct ctr_engine *eng, const char *id, enum mon_msg type, const void *body,
		   size_t len, struct err *e)
{
	static const struct mon_hello hello = { 0, 0, 0 };
	auto_close int sock = connect_hello(eng, id, &hello, e);
	int r;

	if (sock < 0)
		return sock == -ENOENT ? 0 : sock;
	r = msg_send(sock, (uint16_t)type, body, len, NULL, 0);
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	return r < 0 ? err_sys(e, r, "talk to the monitor of container %.64s", id) : 0;
}

int ctr_container_kill(struct ctr_engine *eng, const char *id, int sig, struct err *e)
{
	static const struct mon_hello hello = { 0, 0, 0 };
	auto_close int sock = FD_NONE;
	struct proc p = PROC_INIT;
	struct ctr_status st;
	struct mon_exit end;
	int r;

	if (means_end(eng, id, sig)) {
		sock = connect_hello(eng, id, &hello, e);
		if (sock < 0 && sock != -ENOENT)
			return sock;
		if (sock >= 0)
			(void)send_stop(sock, 0); /* before the signal: then nothing restarts it */
		r = sock >= 0 ? ctr_container_status(eng, id, &st, e) : 0;
		if (r < 0)
			return r;
		if (sock >= 0 && st.state == CTR_RUNNING && st.restarting) /* so it has ended */
			return read_exit(sock, -1, &end) < 0
				       ? err_sys(e, EIO, "wait for container %.64s to end", id) : 0;
	}
	r = open_init(eng, id, "kill", &p, e);
	if (r < 0)
		return r;
	r = proc_signal(&p, sig);
	proc_done(&p);
	if (r == 0 && sig == SIGKILL && sock >= 0)
		r = read_exit(sock, -1, &end);
	if (r < 0 && r != -ESRCH)
		return err_sys(e, r, "send signal %d to container %.64s", sig, id);
	ctr_event_of_id(eng, id, "kill");
	return 0;
}

int container_go(struct ctr_engine *eng, const char *id, const struct ctr_start_opts *o, int *ret_sock,
		 struct err *e)
{
	const struct mon_hello hello = { o->attach, o->attach, o->attach };
	auto_close int sock = connect_hello(eng, id, &hello, e);
	struct err failure;
	uint16_t type;
	size_t len;
	int r;

	if (sock == -ENOENT)
		return err_set(e, ERR_BUSY, "container %.12s has just ended", id);
	if (sock < 0)
		return sock;
	r = msg_send(sock, MON_GO, NULL, 0, NULL, 0);
	if (r == 0)
		r = msg_recv(sock, &type, &failure, sizeof(failure), &len, NULL, 0, NULL);
	if (r <= 0)
		return err_set(e, ERR_OS, "the monitor of container %.12s died while starting it", id);
	if (type == MON_FAILED && len == sizeof(failure) && failure.kind > ERR_NONE &&
	    failure.kind < ERR_KIND_COUNT_) {
		failure.text[sizeof(failure.text) - 1] = '\0';
		*e = failure;
		return err_kind_errno(failure.kind);
	}
	if (type != MON_STARTED)
		return err_set(e, ERR_OS, "the monitor of container %.12s answered badly", id);
	*ret_sock = o->attach ? take_fd(&sock) : FD_NONE;
	return 0;
}

/* Nobody listens: it is starting, ending, or has ended. */
static int end_without_monitor(struct ctr_engine *eng, const char *id, struct err *e)
{
	int code;

	if (container_is_held(eng, id) == 1) {
		(void)poll(NULL, 0, 20);
		if (container_is_held(eng, id) == 1)
			return ctr_container_wait(eng, id, &code, e);
	}
	return ctr_container_settle(eng, id, e);
}

/* 1 when it has ended, 0 when the monitor hung up on us, or -errno. */
static int end_by_monitor(int sock, const struct ctr_stop_opts *o, int sig, bool *ret_killed)
{
	struct mon_exit end;
	int r = send_stop(sock, o->timeout_s == 0 ? SIGKILL : sig);

	if (r == 0)
		r = read_exit(sock, o->timeout_s <= 0 ? -1 : o->timeout_s * 1000, &end);
	if (r == -ETIME) {
		*ret_killed = true;
		r = send_stop(sock, SIGKILL);
		if (r == 0)
			r = read_exit(sock, -1, &end);
	}
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int container_end(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
		  bool *ret_killed, struct err *e)
{
	static const struct mon_hello hello = { 0, 0, 0 };
	struct ctr_request req = CTR_REQUEST_INIT;
	int sig = o->signal, r = 0;

	*ret_killed = false;
	if (!sig) {
		r = ctr_container_load(eng, id, &req, e);
		sig = req.stop_signal ? req.stop_signal : SIGTERM;
		ctr_request_done(&req);
	}
	/* Hung up on while it lives: it has as many clients as it takes. */
	for (int i = 0; r == 0 && i < END_TRIES; i++) {
		auto_close int sock = connect_hello(eng, id, &hello, e);

		if (sock == -ENOENT)
			return end_without_monitor(eng, id, e);
		if (sock < 0)
			return sock;
		/* MON_EXIT tells that everything is cleaned up, not only dead. */
		r = end_by_monitor(sock, o, sig, ret_killed);
		if (r < 0)
			return err_sys(e, r, "wait for container %.64s to stop", id);
		if (r == 0 && container_is_held(eng, id) != 1)
			return ctr_container_settle(eng, id, e);
		if (r == 0)
			(void)poll(NULL, 0, 50);
	}
	if (r == 0)
		return err_set(e, ERR_BUSY, "the monitor of container %.12s has too many clients", id);
	return r < 0 ? r : 0;
}

int ctr_container_stop(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
		       bool *ret_killed, struct err *e)
{
	struct ctr_status st;
	int r = ctr_container_status(eng, id, &st, e);

	if (r == 0 && st.state == CTR_RUNNING && st.paused)
		r = err_set(e, ERR_BUSY, "can only stop created or running containers. %s is in state "
			    "paused: container state improper", id);
	if (r < 0)
		return r;
	r = container_end(eng, id, o, ret_killed, e);
	if (r == 0 && st.state == CTR_RUNNING)
		ctr_event_of_id(eng, id, "stop");
	return r;
}
