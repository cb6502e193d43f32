/*
 * Restarting: whether a container that has ended is wanted again, and when.
 *
 * Lock, log, attach socket and clients stay; everything that belonged to the run is taken down, and
 * after a while the same start is made again with the parameters that were kept.  Nobody is told
 * MON_EXIT before the last end.
 */
#include <signal.h>
#include <stdio.h>

#include "mon.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 60000
#define RAN_WELL_MS 10000 /* after so long a run the next wait is the shortest again */

bool restart_wanted(const struct mon *m)
{
	if (m->stopped || m->going_down)
		return false;
	if (m->restart_now)
		return true;
	switch ((enum mon_restart)m->p.restart) {
	case MON_RESTART_ALWAYS:
	case MON_RESTART_UNLESS_STOPPED: /* differs only after the host has gone down */
		return true;
	case MON_RESTART_ON_FAILURE:
		return m->exit.exit_code != 0 &&
		       (m->p.restart_max == 0 || m->restarts < m->p.restart_max);
	case MON_RESTART_NO:
	case MON_RESTART_COUNT_:
		break;
	}
	return false;
}

static bool has_output(const struct mon *m)
{
	return output_pending(m);
}

static bool is_waiting(const struct mon *m)
{
	return restart_wanted(m) && !m->restart_now && mon_now_ms() < m->restart_ms;
}

/* The next wait: it doubles as long as the container does not run well. */
static void set_wait(struct mon *m)
{
	bool ran_well = m->ended_ms - m->started_ms >= RAN_WELL_MS;

	m->backoff_ms = !m->backoff_ms || ran_well ? BACKOFF_FIRST_MS : 2 * m->backoff_ms;
	if (m->backoff_ms > BACKOFF_MAX_MS)
		m->backoff_ms = BACKOFF_MAX_MS;
	m->restart_ms = mon_now_ms() + m->backoff_ms;
}

/* Nothing of the ended run, in the words that others read too. */
static void forget_run(struct mon *m)
{
	m->init_reaped = m->timed_out = m->restart_now = false;
	m->kill_ms = m->resume_ms = m->restart_ms = 0;
	m->bytes_after_end = 0;
	m->exit.oom_killed = 0;
	m->failure[0] = '\0';
}

/* A start that fails is an end, too: with the exit code that `run` would have. */
static void start_failed(struct mon *m, const struct err *e)
{
	size_t n = 0;

	m->exit.exit_code = e->kind == ERR_CMD_NOT_FOUND ? 127 : e->kind == ERR_CMD_NOT_EXEC ? 126 : 125;
	m->exit.finished_ns = mon_now_ns();
	m->ended_ms = mon_now_ms();
	m->started_ms = m->ended_ms;
	/* It goes into a JSON string. */
	for (const char *s = e->text; *s && n + 1 < sizeof(m->failure); s++)
		m->failure[n++] = (unsigned char)*s < 0x20 ? ' ' : *s == '"' || *s == '\\' ? '\'' : *s;
	m->failure[n] = '\0';
}

/* Take the run down, and wait: 1 when it is to start, 0 when it is not wanted any more. */
static int between(struct mon *m, struct err *e)
{
	int r;

	m->state = MON_ST_BETWEEN;
	output_drain(m);
	finish_between(m);
	if (!m->died_said)
		mon_event_died(m);
	m->died_said = true;
	proc_done(&m->init); /* reaped: from now on the record has no pid */
	(void)write_state(m, NULL); /* without room for it the old one stands: it names nobody */
	r = turn_while(m, has_output, e);
	finish_run(m);
	set_wait(m);
	if (r == 0)
		r = turn_while(m, is_waiting, e);
	return r < 0 ? r : restart_wanted(m);
}

/* One more start: whether it runs. */
static bool start_again(struct mon *m)
{
	struct err why = ERR_INIT;

	forget_run(m);
	m->restarts++;
	mon_event(m, "restart");
	if (mon_start_again(m, &why) < 0) {
		start_failed(m, &why);
		return false;
	}
	m->died_said = false; /* a start that fails is no end */
	if (m->input_ended)
		source_close(m, &m->in);
	clients_feed_input(m);
	return true;
}

int restart_run(struct mon *m, struct err *e)
{
	int r;

	do {
		r = between(m, e);
		if (r > 0 && start_again(m))
			return 1;
	} while (r > 0 && restart_wanted(m));
	if (r > 0)
		finish_run(m); /* of the start that failed */
	m->state = MON_ST_ENDED;
	m->ended_ms = mon_now_ms();
	return r < 0 ? r : 0;
}

void restart_stop(struct mon *m, uint32_t sig)
{
	m->stopped = true;
	/* What waits at the gate is the first of its namespace, and hears nothing else. */
	if (sig && m->held)
		sig = SIGKILL;
	if (sig && m->init.pidfd >= 0)
		(void)proc_signal(&m->init, (int)sig); /* it may just have ended */
}

void restart_request(struct mon *m, const struct mon_restart_how *how)
{
	if (m->stopped || m->going_down)
		return;
	m->restart_now = true;
	if (m->state != MON_ST_RUNNING || m->init.pidfd < 0)
		return;
	/* It may just have ended. */
	(void)proc_signal(&m->init, how->timeout_s == 0 ? SIGKILL : (int)how->sig);
	if (how->timeout_s > 0 && !m->kill_ms)
		m->kill_ms = mon_now_ms() + (int64_t)how->timeout_s * 1000;
}

void restart_policy(struct mon *m, const struct mon_policy *p)
{
	m->p.restart = p->restart;
	m->p.restart_max = p->max;
}
