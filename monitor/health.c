/*
 * Health checks: when they are due.  What a check is, and what follows from it, is the business of
 * the command that we were given: it says on its stdout in how many milliseconds it wants to be run
 * again, 0 for never.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "mon.h"
#include "str.h"

#define ARGS_MAX 31
#define RETRY_AFTER_MS 30000 /* after a command that said nothing */
#define WAIT_MAX_MS (1000LL * 3600 * 24 * 365)

/* The command as it came last: by MON_HEALTH, or with the parameters of the run. */
static size_t command_of(struct mon *m, char *argv[ARGS_MAX + 1])
{
	struct health *h = &m->health;
	size_t n = 0;

	if (h->command) {
		for (char *s = h->command; s < h->command + h->len && n < ARGS_MAX;
		     s += strlen(s) + 1)
			argv[n++] = s;
	} else {
		for (; n < m->p.health.n && n < ARGS_MAX; n++)
			argv[n] = (char *)(uintptr_t)m->p.health.items[n];
	}
	argv[n] = NULL;
	return n;
}

void health_begin(struct mon *m)
{
	char *argv[ARGS_MAX + 1];

	m->health.due_ms = command_of(m, argv) ? mon_now_ms() : 0;
}

void health_stop(struct mon *m)
{
	struct health *h = &m->health;

	h->due_ms = 0;
	h->again = false;
	if (h->probe.pid > 0) {
		(void)proc_signal(&h->probe, SIGKILL);
		(void)proc_wait(&h->probe, NULL);
		proc_done(&h->probe);
	}
	h->said_fd = fd_close(h->said_fd);
}

int health_command(struct mon *m, const char *text, size_t len)
{
	struct health *h = &m->health;
	char *copy = len ? malloc(len) : strdup("");

	if (!copy)
		return -ENOMEM;
	if (len && text[len - 1] != '\0') {
		free(copy);
		return -EPROTO;
	}
	memcpy(copy, text, len);
	free(h->command);
	h->command = copy;
	h->len = len;
	/* One that is under way knows nothing of it yet. */
	h->again = h->probe.pid > 0;
	if (m->state == MON_ST_RUNNING && !h->again)
		health_begin(m);
	return 0;
}

int64_t health_deadline_ms(const struct mon *m)
{
	return m->state == MON_ST_RUNNING && m->health.due_ms ? m->health.due_ms : -1;
}

static int spawn(struct mon *m, char **argv)
{
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc_spawn s = {
		.path = argv[0], .argv = argv, .dir_fd = FD_NONE, .pdeathsig = SIGKILL
	};
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rd = fds[0];
	wr = fds[1];
	{
		struct proc_fd pass[] = { { wr, STDOUT_FILENO } };

		s.fds = pass;
		s.n_fds = 1;
		r = proc_spawn(&s, &m->health.probe, NULL);
	}
	if (r == 0)
		m->health.said_fd = take_fd(&rd);
	return r;
}

void health_check_time(struct mon *m, int64_t now_ms)
{
	struct health *h = &m->health;
	char *argv[ARGS_MAX + 1];

	if (health_deadline_ms(m) < 0 || now_ms < h->due_ms)
		return;
	h->due_ms = 0;
	if (command_of(m, argv) && spawn(m, argv) < 0)
		h->due_ms = now_ms + RETRY_AFTER_MS;
}

bool health_reaped(struct mon *m, pid_t pid)
{
	struct health *h = &m->health;
	char text[32];
	ssize_t n;
	int64_t wait_ms = RETRY_AFTER_MS;

	if (pid != h->probe.pid)
		return false;
	proc_done(&h->probe);
	n = fd_set_nonblock(h->said_fd, true) < 0 ? -1 : read(h->said_fd, text, sizeof(text) - 1);
	h->said_fd = fd_close(h->said_fd);
	if (n > 0) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (str_i64(text, 0, WAIT_MAX_MS, &wait_ms) < 0)
			wait_ms = RETRY_AFTER_MS;
	}
	h->due_ms = wait_ms ? mon_now_ms() + wait_ms : 0;
	if (h->again)
		health_begin(m);
	h->again = false;
	return true;
}
