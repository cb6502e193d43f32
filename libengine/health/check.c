/* Running a check: the probe in the container, its time, and what follows from its result. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "container/container-priv.h"
#include "container/exec.h"
#include "ctrlite/event.h"
#include "file.h"
#include "health-priv.h"
#include "path.h"

#define OUTPUT_MAX 8192 /* more than is kept: beyond it is read and forgotten */
#define EXIT_LATE (-1)
#define TREE_DEPTH 32

struct check {
	struct ctr_engine *eng;
	struct ctr_request req;
	struct ctr_status st;
	bool startup; /* which of its two checks is run */
	struct health_entry entry;
	char output[OUTPUT_MAX + 128];
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void add_output(struct check *c, const char *text, size_t len)
{
	size_t room = sizeof(c->output) - c->entry.len;

	len = len < room ? len : room;
	memcpy(c->output + c->entry.len, text, len);
	c->entry.len += len;
}

/* True at its end. */
static bool read_output(struct check *c, int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t room = c->entry.len < OUTPUT_MAX ? OUTPUT_MAX - c->entry.len : 0;

	if (n <= 0)
		return n == 0 || (errno != EINTR && errno != EAGAIN);
	add_output(c, buf, (size_t)n < room ? (size_t)n : room);
	return false;
}

/* It and what it has started.  A stopped process reaps nobody: the numbers of its children stay
 * theirs until it is killed. */
static void kill_tree(pid_t pid, int depth)
{
	char path[64], text[4096];
	auto_close int fd = FD_NONE;
	char *save = NULL;
	ssize_t n;

	(void)kill(pid, SIGSTOP);
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 || !depth ? 0 : fd_read_full(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	for (char *s = strtok_r(text, " ", &save); s; s = strtok_r(NULL, " ", &save))
		if (atoi(s) > 1)
			kill_tree((pid_t)atoi(s), depth - 1);
	(void)kill(pid, SIGKILL);
}

/* With all that it has started; in a session of its own, as our runtime has it, also what its
 * parents left behind. */
static void kill_probe(const struct exec_run *x)
{
	kill_tree(x->proc.pid, TREE_DEPTH);
	if (getpgid(x->proc.pid) == x->proc.pid)
		(void)kill(-x->proc.pid, SIGKILL); /* not reaped yet: the number is its */
	(void)proc_signal(&x->proc, SIGKILL);
}

/* Until it has ended: descendants that hold its output open are not waited for. */
static void attend(struct check *c, struct exec_run *x, int *out, int64_t timeout_ns)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + timeout_ns;
	bool late = false;

	for (;;) {
		struct pollfd p[] = { { .fd = x->proc.pidfd, .events = POLLIN },
				      { .fd = *out, .events = POLLIN } };
		int64_t left = end - clock_ns(CLOCK_MONOTONIC);
		int ms = late			? -1
			 : left <= 0		? 0
			 : left > 3600000000000 ? 3600000
						: (int)(left / 1000000) + 1;

		if (poll(p, 2, ms) < 0)
			continue;
		if (p[1].revents && !p[0].revents && read_output(c, *out))
			*out = fd_close(*out);
		if (p[0].revents)
			break;
		if (!late && clock_ns(CLOCK_MONOTONIC) >= end) {
			late = true;
			kill_probe(x);
		}
	}
	if (fd_set_nonblock(*out, true) == 0)
		for (int i = 0; i < 32 && !read_output(c, *out); i++) /* what it said at last */
			;
	if (late)
		c->entry.exit_code = EXIT_LATE;
}

/* Its result into c->entry.  Fails only where nothing can be said of the container. */
static int probe(struct check *c, struct err *e)
{
	const struct ctr_healthcheck *h = &c->req.health;
	int64_t timeout_ns = c->startup ? h->startup_timeout_ns : h->timeout_ns;
	struct exec_run x = EXEC_RUN_INIT;
	struct ctr_exec_opts o = { .no_session = true };
	auto_close int out = FD_NONE, theirs = FD_NONE;
	struct err why = ERR_INIT;
	int fds[2], code, r;
	char text[64];

	r = ctr_healthcheck_argv(c->startup ? &h->startup_test : &h->test, &o.args, e);
	if (r == 0 && pipe2(fds, O_CLOEXEC) < 0)
		r = err_sys(e, errno, "make a pipe");
	if (r < 0)
		goto out;
	out = fds[0];
	theirs = fds[1];
	c->entry.start_ns = clock_ns(CLOCK_REALTIME);
	r = exec_prepare(c->eng, c->req.id, &o, &x, e);
	if (r < 0)
		goto out;
	x.stdio[1] = x.stdio[2] = theirs;
	r = exec_spawn(&x, &why);
	theirs = fd_close(theirs);
	if (r < 0) {
		c->entry.exit_code = 1;
		add_output(c, why.text, strlen(why.text));
		r = 0;
	} else {
		attend(c, &x, &out, timeout_ns);
		r = exec_finish(&x, &code, e);
		if (c->entry.exit_code == EXIT_LATE) {
			(void)snprintf(text, sizeof(text), "Health check exceeded timeout (%.3gs)",
				       (double)timeout_ns / 1e9);
			add_output(c, text, strlen(text));
		} else {
			c->entry.exit_code = code;
		}
	}
	c->entry.end_ns = clock_ns(CLOCK_REALTIME);
out:
	exec_run_done(&x);
	strv_done(&o.args);
	return r;
}

static bool in_start_period(const struct check *c)
{
	return clock_ns(CLOCK_REALTIME) < c->st.started_ns + c->req.health.start_period_ns;
}

/* The rules; true: the startup check has failed too often. */
static bool judge(const struct check *c, struct health_state *s)
{
	const struct ctr_healthcheck *h = &c->req.health;
	bool passed = c->entry.exit_code == 0;

	if (c->startup) {
		s->startup_passes = passed ? s->startup_passes + 1 : 0;
		s->startup_failures += !passed;
		s->started |= s->startup_passes >= (h->startup_success ? h->startup_success : 1);
		return !passed && h->startup_retries && s->startup_failures >= h->startup_retries;
	}
	if (passed) {
		s->status = CTR_HC_HEALTHY;
		s->streak = 0;
	} else if (!in_start_period(c)) {
		s->streak++;
		if (s->streak >= h->retries)
			s->status = CTR_HC_UNHEALTHY;
	}
	return false;
}

/* Two checks of one container may end at once. */
static int lock(struct check *c, struct err *e)
{
	auto_close int dir = container_run_dir(c->eng, c->req.id, false, e);
	auto_close int fd = FD_NONE;
	int r;

	if (dir < 0)
		return dir;
	fd = openat(dir, "health.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : file_lock(fd, true, true);
	return r < 0 ? err_sys(e, r, "lock the health of container %.12s", c->req.id)
		     : take_fd(&fd);
}

static void say(const struct check *c, enum ctr_hc_status status)
{
	auto_strv struct strv attrs = STRV_INIT;
	auto_free char *output = NULL;
	struct ctr_event ev = {
		.type = "container",
		.status = "health_status",
		.id = c->req.id,
		.name = c->req.name,
		.image = c->req.image,
		.attrs = &c->req.labels,
		.health = ctr_hc_status_str(status),
	};

	if (c->req.health.log_destination &&
	    streq(c->req.health.log_destination, "events_logger")) {
		auto_free char *raw = strndup(c->output, c->entry.len);

		output = raw ? str_printable(raw) : NULL;
		if (!output || strv_addf(&attrs, "health_log=%.*s", CTR_HC_LOG_SIZE, output) < 0)
			return;
		for (size_t i = 0; i < c->req.labels.n; i++)
			if (strv_add(&attrs, c->req.labels.items[i]) < 0)
				return;
		ev.attrs = &attrs;
	}
	ctr_event(c->eng, &ev);
}

static int restart(struct check *c, struct err *e)
{
	return container_tell(c->eng, c->req.id, MON_RESTART, NULL, 0, e);
}

static int act(struct check *c, struct err *e)
{
	const struct ctr_stop_opts stop = { .timeout_s = c->req.stop_timeout_s };
	const char *action = c->req.health.on_failure;
	bool killed;

	if (!action)
		return 0;
	if (streq(action, "kill"))
		return ctr_container_kill(c->eng, c->req.id, SIGKILL, e);
	if (streq(action, "restart"))
		return restart(c, e);
	return ctr_container_stop(c->eng, c->req.id, &stop, &killed, e);
}

static int64_t next_ms(const struct check *c, const struct health_state *s)
{
	const struct ctr_healthcheck *h = &c->req.health;
	int64_t ns = h->interval_ns;

	if (ns && ctr_healthcheck_has_startup(h) && !s->started)
		ns = h->startup_interval_ns;
	else if (ns && c->startup)
		return 1; /* it has just passed: the regular one at once */
	else if (ns && h->start_interval_ns && s->status == CTR_HC_STARTING && in_start_period(c))
		ns = h->start_interval_ns;
	return ns && ns < 1000000 ? 1 : ns / 1000000;
}

static int record(struct check *c, struct ctr_health_result *ret, bool *ret_restart,
		  struct health_state *s, struct err *e)
{
	auto_close int locked = lock(c, e);
	int r = locked < 0 ? locked : health_state_load(c->eng, &c->req, &c->st, s, e);

	if (r < 0)
		return r;
	*ret_restart = judge(c, s);
	c->entry.output = c->output;
	r = health_log_add(s, &c->req.health, &c->entry, e);
	if (r == 0)
		r = health_state_store(c->eng, &c->req, s, e);
	ret->passed = c->entry.exit_code == 0;
	ret->startup = c->startup;
	ret->next_ms = next_ms(c, s);
	return r;
}

/* Which check is due?  What runs may not be checked at all now. */
static int choose(struct check *c, struct ctr_health_result *ret, struct err *e)
{
	struct health_state s = HEALTH_STATE_INIT;
	int r = ctr_container_status(c->eng, c->req.id, &c->st, e);

	if (r < 0)
		return r;
	if (!ctr_healthcheck_defined(&c->req.health))
		return err_set(e, ERR_INVALID, "container %s has no defined healthcheck",
			       c->req.id);
	if (c->st.state != CTR_RUNNING || !c->st.pid)
		return err_set(e, ERR_BUSY, "container %s is not running", c->req.id);
	r = health_state_load(c->eng, &c->req, &c->st, &s, e);
	if (r < 0)
		return r;
	c->startup = ctr_healthcheck_has_startup(&c->req.health) && !s.started;
	ret->next_ms = next_ms(c, &s);
	health_state_done(&s);
	return c->st.paused ? err_set(e, ERR_BUSY, "container %s is paused", c->req.id) : 0;
}

int ctr_health_check(struct ctr_engine *eng, const char *id, struct ctr_health_result *ret,
		     struct err *e)
{
	struct check c = { .eng = eng, .req = CTR_REQUEST_INIT };
	struct health_state s = HEALTH_STATE_INIT;
	bool again = false;
	int r = ctr_container_load(eng, id, &c.req, e);

	*ret = (struct ctr_health_result){ .passed = false };
	r = r < 0 ? r : choose(&c, ret, e);
	r = r < 0 ? r : probe(&c, e);
	r = r < 0 ? r : record(&c, ret, &again, &s, e);
	if (r == 0)
		say(&c, s.status);
	if (r == 0 && again)
		r = restart(&c, e);
	else if (r == 0 && s.status == CTR_HC_UNHEALTHY)
		r = act(&c, e);
	health_state_done(&s);
	ctr_request_done(&c.req);
	return r;
}
