/* The event loop: signals, time, and who is ready. */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "idle.h"
#include "mon.h"

#define EVENTS_MAX 8
#define IDLE_AFTER_MS 50      /* nothing happens for so long: memory is given back */
#define DRAIN_IDLE_MS 500     /* after the end: how long descendants may hold the output open */
#define RELEASE_AFTER_MS 1000 /* after the end: locks are given up although output is pending */

int64_t mon_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t mon_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Hang-ups are reported even where nothing is asked for: then the source must not be registered,
 * or the loop would spin on it. */
int source_set(struct mon *m, struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };
	int op = !events ? EPOLL_CTL_DEL : s->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (s->fd < 0 || s->events == events)
		return 0;
	if (epoll_ctl(m->epoll_fd, op, s->fd, &ev) < 0)
		return -errno;
	s->events = events;
	return 0;
}

void source_close(struct mon *m, struct source *s)
{
	(void)source_set(m, s, 0);
	s->fd = fd_close(s->fd);
}

static void init_ended(struct mon *m, int status)
{
	if (m->init_reaped)
		return;
	m->init_reaped = true;
	watch_oom(m); /* before anybody removes the cgroup, now that it is empty */
	m->exit.exit_code = m->timed_out ? 255 : proc_exit_code(status);
	m->exit.finished_ns = mon_now_ns();
	m->ended_ms = mon_now_ms();
	m->init.pidfd = fd_close(m->init.pidfd);
	m->state = MON_ST_ENDED;
}

static void reap(struct mon *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == m->init.pid)
			init_ended(m, status);
		else if (pid == m->net.pid)
			proc_done(&m->net);
		else if (pid == m->guard.pid)
			proc_done(&m->guard);
		else if (health_reaped(m, pid))
			continue;
		/* Others are orphans of a container that shares our pid namespace. */
	}
}

/* Many first processes have no handler and so never see SIGTERM: a shutdown need not wait for them. */
static void pass_on(struct mon *m, int sig)
{
	m->going_down = true;
	if (m->init.pidfd < 0)
		return;
	(void)proc_signal(&m->init, sig); /* it may have ended */
	if (sig == SIGTERM && m->p.stop_timeout_s && !m->kill_ms)
		m->kill_ms = mon_now_ms() + (int64_t)m->p.stop_timeout_s * 1000;
}

static void signal_ready(struct mon *m, struct source *s, uint32_t events)
{
	struct signalfd_siginfo si;

	(void)events;
	while (read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(m);
		else
			pass_on(m, (int)si.ssi_signo);
	}
}

static int64_t min_deadline(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* What is left of the output comes, unless somebody else holds it open. */
static bool is_draining(const struct mon *m)
{
	return (m->state == MON_ST_ENDED || (m->state == MON_ST_BETWEEN && output_pending(m))) &&
	       m->n_owing == 0;
}

static int64_t next_deadline(const struct mon *m)
{
	int64_t t = clients_deadline_ms(m);

	if (m->state == MON_ST_RUNNING && !m->held && m->p.timeout_s && !m->timed_out)
		t = min_deadline(t, m->started_ms + (int64_t)m->p.timeout_s * 1000);
	if (m->state == MON_ST_RUNNING && m->kill_ms)
		t = min_deadline(t, m->kill_ms);
	if (m->resume_ms)
		t = min_deadline(t, m->resume_ms);
	if (is_draining(m))
		t = min_deadline(t, mon_now_ms() + DRAIN_IDLE_MS);
	t = min_deadline(t, health_deadline_ms(m));
	if (m->state == MON_ST_BETWEEN && m->restart_ms)
		t = min_deadline(t, m->restart_ms);
	if (m->state == MON_ST_ENDED && !m->released)
		t = min_deadline(t, m->ended_ms + RELEASE_AFTER_MS);
	return t;
}

static void check_time(struct mon *m, bool idle)
{
	int64_t now = mon_now_ms();

	if (m->state == MON_ST_RUNNING && !m->held && m->p.timeout_s && !m->timed_out &&
	    now >= m->started_ms + (int64_t)m->p.timeout_s * 1000) {
		m->timed_out = true;
		(void)proc_signal(&m->init, SIGKILL); /* it may just have ended */
	}
	if (m->state == MON_ST_RUNNING && m->kill_ms && now >= m->kill_ms) {
		m->kill_ms = 0;
		(void)proc_signal(&m->init, SIGKILL); /* it may just have ended */
	}
	if (m->state == MON_ST_ENDED && !m->released && now >= m->ended_ms + RELEASE_AFTER_MS)
		finish_remove(m);
	if (is_draining(m) && idle)
		output_abandon(m);
	if (m->resume_ms && now >= m->resume_ms)
		output_resume(m);
	health_check_time(m, now);
	clients_reap(m, now);
}

/* One turn.  @ret_idle: nothing happened until the deadline. */
static int turn(struct mon *m, bool *ret_idle, struct err *e)
{
	struct epoll_event ev[EVENTS_MAX];
	int64_t deadline = next_deadline(m), wait_ms = -1;
	int n;

	if (deadline >= 0) {
		wait_ms = deadline - mon_now_ms();
		wait_ms = wait_ms < 0 ? 0 : wait_ms > 1000000 ? 1000000 : wait_ms;
	}
	n = epoll_wait(m->epoll_fd, ev, EVENTS_MAX,
		       wait_ms < 0 || wait_ms > IDLE_AFTER_MS ? IDLE_AFTER_MS : (int)wait_ms);
	if (n == 0 && (wait_ms < 0 || wait_ms > IDLE_AFTER_MS)) {
		output_calm(m);
		n = idle_wait(m->epoll_fd, ev, EVENTS_MAX,
			      wait_ms < 0 ? -1 : (int)wait_ms - IDLE_AFTER_MS);
		if (n < 0) {
			errno = -n;
			n = -1;
		}
	}
	if (n < 0 && errno != EINTR)
		return err_sys(e, errno, "wait for the container");
	for (int i = 0; i < n; i++) {
		struct source *s = ev[i].data.ptr;

		/* A source may have been closed by an earlier one of this turn. */
		if (s->fd >= 0 && s->events)
			s->ready(m, s, ev[i].events);
	}
	*ret_idle = n <= 0 && wait_ms >= DRAIN_IDLE_MS - 1;
	return 0;
}

int loop_init(struct mon *m, struct err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	/* As conmon does it: who stops the monitor means the container. */
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGQUIT);
	idle_init();
	m->sig.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	m->sig.ready = signal_ready;
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (m->sig.fd < 0 || m->epoll_fd < 0)
		return err_sys(e, errno, "prepare to wait for the container");
	if (source_set(m, &m->sig, EPOLLIN) < 0 || source_set(m, &m->listener, EPOLLIN) < 0)
		return err_sys(e, errno, "watch for clients");
	return 0;
}

static bool is_running(const struct mon *m)
{
	return m->state != MON_ST_ENDED;
}

int turn_while(struct mon *m, bool (*going_on)(const struct mon *m), struct err *e)
{
	bool idle = false;
	int r = 0;

	while (r == 0 && going_on(m)) {
		r = turn(m, &idle, e);
		check_time(m, idle);
	}
	return r;
}

int mon_loop(struct mon *m, struct err *e)
{
	int r;

	do {
		reap(m); /* it may have ended before anybody listened */
		r = turn_while(m, is_running, e);
		if (r == 0)
			r = restart_wanted(m) ? restart_run(m, e) : 0;
	} while (r > 0);
	if (r < 0)
		return r;
	output_drain(m);
	finish_record(m);
	if (!m->died_said)
		mon_event_died(m);
	finish_release(m);
	r = turn_while(m, output_pending, e);
	clients_send_exit(m);
	finish_remove(m);
	return r < 0 ? r : turn_while(m, clients_wait, e);
}
