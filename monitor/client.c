/* Clients: the launching command and whoever attaches later. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "mon.h"

#define CLIENTS_MAX 64	/* that want output */
#define CONTROL_MAX 16	/* beyond them: for those who wait for the end, or ask for it */
#define CLIENT_STUCK_MS 10000 /* a client, other than the launching one, that takes nothing */

static void client_ready(struct mon *m, struct source *s, uint32_t events);

struct client *client_add(struct mon *m, int fd_consumed, bool launch)
{
	struct client *c = m->n_clients < CLIENTS_MAX + CONTROL_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c || fd_set_nonblock(fd_consumed, true) < 0) {
		(void)fd_close(fd_consumed);
		free(c);
		return NULL;
	}
	c->src = (struct source){ .fd = fd_consumed, .ready = client_ready };
	c->launch = c->hello = launch;
	c->want[CTR_STDOUT] = c->want[CTR_STDERR] = launch;
	if (source_set(m, &c->src, EPOLLIN) < 0) {
		(void)fd_close(fd_consumed);
		free(c);
		return NULL;
	}
	c->next = m->clients;
	m->clients = c;
	m->n_clients++;
	return c;
}

/* A client that goes changes nothing for the container: only its share of waiting ends. */
void client_drop(struct mon *m, struct client *c)
{
	if (c->dead)
		return;
	c->dead = true; /* what it has sent is still owed to the container: see clients_reap() */
	source_close(m, &c->src);
	if (c->owes_chunk) {
		c->owes_chunk = false;
		m->n_owing--;
		output_resume(m);
	}
}

static void client_watch(struct mon *m, struct client *c)
{
	bool owes = c->owes_chunk || c->owes_ack || c->owes_exit;

	if (owes && !c->stuck_ms)
		c->stuck_ms = mon_now_ms();
	else if (!owes)
		c->stuck_ms = 0;
	if (!c->dead && source_set(m, &c->src, EPOLLIN | (owes ? EPOLLOUT : 0)) < 0)
		client_drop(m, c);
}

/* Send, or note in *@owes that it is to be sent later. */
static void client_send(struct mon *m, struct client *c, enum mon_msg type, const void *body,
			size_t len, bool *owes)
{
	int r;

	if (c->dead)
		return;
	r = msg_send(c->src.fd, (uint16_t)type, body, len, NULL, 0);
	if (r == 0)
		*owes = false;
	else if (r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM)
		*owes = true;
	else
		client_drop(m, c);
}

void clients_send_chunk(struct mon *m)
{
	for (struct client *c = m->clients; c; c = c->next) {
		if (c->dead || !c->want[m->chunk_type == MON_STDOUT ? CTR_STDOUT : CTR_STDERR])
			continue;
		client_send(m, c, m->chunk_type, output_chunk(), m->chunk_len, &c->owes_chunk);
		if (c->owes_chunk) {
			m->n_owing++;
			client_watch(m, c);
		}
	}
}

static void client_send_exit(struct mon *m, struct client *c)
{
	client_send(m, c, MON_EXIT, &m->exit, sizeof(m->exit), &c->owes_exit);
	if (c->owes_exit)
		client_watch(m, c);
	else
		client_drop(m, c);
}

void clients_send_exit(struct mon *m)
{
	/* Who sits in the queue came before the end and is told, too. */
	if (m->listener.fd >= 0)
		m->listener.ready(m, &m->listener, EPOLLIN);
	source_close(m, &m->listener);
	for (struct client *c = m->clients; c; c = c->next)
		if (!c->dead)
			client_send_exit(m, c);
}

bool clients_wait(const struct mon *m)
{
	for (const struct client *c = m->clients; c; c = c->next)
		if (!c->dead && c->owes_exit)
			return true;
	return false;
}

static void client_flush(struct mon *m, struct client *c)
{
	if (c->owes_chunk) {
		client_send(m, c, m->chunk_type, output_chunk(), m->chunk_len, &c->owes_chunk);
		if (c->dead || c->owes_chunk)
			return;
		m->n_owing--;
		output_resume(m);
	}
	if (c->owes_ack)
		client_send(m, c, MON_STDIN_ACK, NULL, 0, &c->owes_ack);
	if (c->owes_exit)
		client_send_exit(m, c);
	c->stuck_ms = 0;
	client_watch(m, c);
}

static bool input_is_held(const struct mon *m)
{
	for (const struct client *c = m->clients; c; c = c->next)
		if (c->held_len > 0)
			return true;
	return false;
}

static void client_ack(struct mon *m, struct client *c)
{
	if (c->dead)
		return;
	c->owes_ack = true;
	client_send(m, c, MON_STDIN_ACK, NULL, 0, &c->owes_ack);
	if (c->owes_ack)
		client_watch(m, c);
}

/* The container takes input again. */
void clients_feed_input(struct mon *m)
{
	for (struct client *c = m->clients; c; c = c->next) {
		size_t n;

		if (c->held_len == 0)
			continue;
		n = input_write(m, c->held + c->held_at, c->held_len);
		c->held_at += n;
		c->held_len -= n;
		if (c->held_len > 0)
			return;
		(void)munmap(c->held, MSG_BODY_MAX);
		c->held = NULL;
		client_ack(m, c);
		if (c->eof_after)
			input_eof(m);
		c->eof_after = false;
	}
}

static int take_input(struct mon *m, struct client *c, const char *buf, size_t len)
{
	size_t n;

	if (c->held_len > 0)
		return -EPROTO; /* it did not wait for the acknowledgement */
	n = input_is_held(m) ? 0 : input_write(m, buf, len);
	if (n == len) {
		client_ack(m, c);
		return 0;
	}
	c->held = mmap(NULL, MSG_BODY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (c->held == MAP_FAILED) {
		c->held = NULL;
		return -ENOMEM;
	}
	memcpy(c->held, buf + n, len - n);
	c->held_at = 0;
	c->held_len = len - n;
	return 0;
}

static int on_hello(struct mon *m, struct client *c, const void *body, size_t len)
{
	const struct mon_hello *h = body;

	(void)len;
	if (h->want_stdout > 1 || h->want_stderr > 1 || h->want_stdin > 1)
		return -EPROTO;
	if ((h->want_stdout || h->want_stderr || h->want_stdin) && m->n_clients > CLIENTS_MAX)
		return -EPROTO;
	c->hello = true;
	m->input_ended &= !h->want_stdin;
	c->want[CTR_STDOUT] = h->want_stdout;
	c->want[CTR_STDERR] = h->want_stderr;
	return 0;
}

static int on_stdin(struct mon *m, struct client *c, const void *body, size_t len)
{
	return take_input(m, c, body, len);
}

static int on_stdin_eof(struct mon *m, struct client *c, const void *body, size_t len)
{
	(void)body;
	(void)len;
	if (c->held_len > 0)
		c->eof_after = true;
	else
		input_eof(m);
	return 0;
}

static int on_resize(struct mon *m, struct client *c, const void *body, size_t len)
{
	(void)c;
	(void)len;
	input_resize(m, body);
	return 0;
}

static int on_signal(struct mon *m, struct client *c, const void *body, size_t len)
{
	uint32_t sig;

	(void)c;
	(void)len;
	memcpy(&sig, body, sizeof(sig));
	if (sig == 0 || sig > 64)
		return -EPROTO;
	/* ^C at an attached terminal means the container, not one run of it. */
	if (sig == SIGINT || sig == SIGTERM || sig == SIGQUIT || sig == SIGKILL)
		restart_stop(m, sig);
	else if (m->init.pidfd >= 0)
		(void)proc_signal(&m->init, (int)sig); /* it may just have ended */
	return 0;
}

static int on_stop(struct mon *m, struct client *c, const void *body, size_t len)
{
	uint32_t sig;

	(void)c;
	(void)len;
	memcpy(&sig, body, sizeof(sig));
	if (sig > 64)
		return -EPROTO;
	restart_stop(m, sig);
	return 0;
}

static int on_restart(struct mon *m, struct client *c, const void *body, size_t len)
{
	struct mon_restart_how how = {
		.sig = m->p.stop_signal ? m->p.stop_signal : SIGTERM,
		.timeout_s = m->p.stop_timeout_s > INT32_MAX ? -1 : (int32_t)m->p.stop_timeout_s,
	};

	(void)c;
	if (len != 0 && len != sizeof(how))
		return -EPROTO;
	if (len)
		memcpy(&how, body, sizeof(how));
	if (how.sig == 0 || how.sig > 64)
		return -EPROTO;
	restart_request(m, &how);
	return 0;
}

static int on_policy(struct mon *m, struct client *c, const void *body, size_t len)
{
	struct mon_policy p;

	(void)c;
	(void)len;
	memcpy(&p, body, sizeof(p));
	if (p.restart >= MON_RESTART_COUNT_ || (m->p.rm && p.restart != MON_RESTART_NO &&
					      p.restart != MON_RESTART_ON_FAILURE))
		return -EPROTO;
	restart_policy(m, &p);
	return 0;
}

static int on_go(struct mon *m, struct client *c, const void *body, size_t len)
{
	struct mon_started started = {
		.pid = m->init.pid, .monitor_pid = (int32_t)getpid(), .pid_start = m->init_start,
	};
	struct err e = ERR_INIT;
	int r = hold_go(m, &e);

	(void)body;
	(void)len;
	/* Who does not take the answer learns from the state. */
	if (r < 0)
		(void)msg_send(c->src.fd, MON_FAILED, &e, sizeof(e), NULL, 0);
	else
		(void)msg_send(c->src.fd, MON_STARTED, &started, sizeof(started), NULL, 0);
	return 0;
}

static int on_name(struct mon *m, struct client *c, const void *body, size_t len)
{
	(void)c;
	if (len >= sizeof(m->name) || memchr(body, '\0', len) || memchr(body, '/', len))
		return -EPROTO;
	memcpy(m->name, body, len);
	m->name[len] = '\0';
	m->p.name = m->name;
	return 0;
}

static int on_detach(struct mon *m, struct client *c, const void *body, size_t len)
{
	(void)body;
	(void)len;
	client_drop(m, c);
	return 0;
}

static int on_health(struct mon *m, struct client *c, const void *body, size_t len)
{
	(void)c;
	return health_command(m, body, len);
}

enum { BEFORE_HELLO = 1, AFTER_HELLO = 2 };

/* What a client may say, and when; the rest ends its connection. */
static const struct request {
	enum mon_msg type;
	unsigned int when;
	size_t min_len, max_len;
	int (*handle)(struct mon *m, struct client *c, const void *body, size_t len);
} requests[] = {
	{ MON_HELLO, BEFORE_HELLO, sizeof(struct mon_hello), sizeof(struct mon_hello), on_hello },
	{ MON_STDIN, AFTER_HELLO, 1, MSG_BODY_MAX, on_stdin },
	{ MON_STDIN_EOF, AFTER_HELLO, 0, 0, on_stdin_eof },
	{ MON_RESIZE, AFTER_HELLO, sizeof(struct mon_size), sizeof(struct mon_size), on_resize },
	{ MON_SIGNAL, AFTER_HELLO, sizeof(uint32_t), sizeof(uint32_t), on_signal },
	{ MON_DETACH, AFTER_HELLO, 0, 0, on_detach },
	{ MON_STOP, AFTER_HELLO, sizeof(uint32_t), sizeof(uint32_t), on_stop },
	{ MON_RESTART, AFTER_HELLO, 0, sizeof(struct mon_restart_how), on_restart },
	{ MON_GO, AFTER_HELLO, 0, 0, on_go },
	{ MON_NAME, AFTER_HELLO, 1, 255, on_name },
	{ MON_POLICY, AFTER_HELLO, sizeof(struct mon_policy), sizeof(struct mon_policy), on_policy },
	{ MON_HEALTH, AFTER_HELLO, 0, MSG_BODY_MAX, on_health },
};

/* Two messages of one number: then this does not compile. */
static __attribute__((unused)) bool numbers_differ(enum mon_msg type)
{
	switch ((int)type) {
	case MON_HELLO:
	case MON_STDIN:
	case MON_STDIN_EOF:
	case MON_RESIZE:
	case MON_SIGNAL:
	case MON_DETACH:
	case MON_STOP:
	case MON_RESTART:
	case MON_POLICY:
	case MON_NAME:
	case MON_GO:
	case MON_HEALTH:
		return true;
	default:
		return false;
	}
}

static int client_request(struct mon *m, struct client *c, uint16_t type, const void *body,
			  size_t len)
{
	unsigned int when = c->hello ? AFTER_HELLO : BEFORE_HELLO;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].type == type)
			return (requests[i].when & when) && len >= requests[i].min_len &&
					       len <= requests[i].max_len
				       ? requests[i].handle(m, c, body, len)
				       : -EPROTO;
	return -EPROTO;
}

static void client_ready(struct mon *m, struct source *s, uint32_t events)
{
	struct client *c = (struct client *)((char *)s - offsetof(struct client, src));
	static char body[MSG_BODY_MAX] __attribute__((aligned(8)));
	uint16_t type;
	size_t len;
	int r;

	if (events & EPOLLOUT)
		client_flush(m, c);
	if (c->dead || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	r = msg_recv(c->src.fd, &type, body, sizeof(body), &len, NULL, 0, NULL);
	if (r == -EAGAIN)
		return;
	if (r > 0)
		r = client_request(m, c, type, body, len) < 0 ? 0 : 1;
	if (r <= 0)
		client_drop(m, c);
}

static bool peer_is_trusted(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == geteuid() || cred.uid == 0;
}

static void listener_ready(struct mon *m, struct source *s, uint32_t events)
{
	int fd;

	(void)events;
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (peer_is_trusted(fd))
			(void)client_add(m, fd, false); /* none left: the client sees a hang-up */
		else
			(void)fd_close(fd);
	}
}

int clients_listen(struct mon *m, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* By way of the directory's descriptor, since sun_path holds only 107 bytes. */
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/attach",
		       m->rundir_fd);
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0)
		return err_sys(e, errno, "make the socket %s/attach", m->p.rundir);
	m->listener = (struct source){ .fd = take_fd(&fd), .ready = listener_ready };
	return 0;
}

void clients_reap(struct mon *m, int64_t now_ms)
{
	for (struct client *c = m->clients; c; c = c->next)
		if (!c->dead && !c->launch && c->stuck_ms &&
		    now_ms - c->stuck_ms >= CLIENT_STUCK_MS)
			client_drop(m, c);
	for (struct client **at = &m->clients; *at;) {
		struct client *c = *at;

		if (!c->dead || (c->held_len > 0 && m->state == MON_ST_RUNNING)) {
			at = &c->next;
			continue;
		}
		if (c->held)
			(void)munmap(c->held, MSG_BODY_MAX);
		*at = c->next;
		m->n_clients--;
		free(c);
	}
}

int64_t clients_deadline_ms(const struct mon *m)
{
	int64_t t = -1;

	for (const struct client *c = m->clients; c; c = c->next)
		if (!c->dead && !c->launch && c->stuck_ms &&
		    (t < 0 || c->stuck_ms + CLIENT_STUCK_MS < t))
			t = c->stuck_ms + CLIENT_STUCK_MS;
	return t;
}
