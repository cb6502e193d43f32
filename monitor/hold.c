/*
 * A container that is made and waits: `init` has the runtime create it, and its program runs when
 * somebody asks for that (MON_GO).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "fd.h"
#include "mon.h"
#include "path.h"
#include "runtime-log.h"

#define RUNTIME_START_MS 30000
#define ERR_FD 3

static int make_argv(const struct mon *m, struct strv *v)
{
	int r = strv_add(v, m->p.runtime);

	for (size_t i = 0; r == 0 && i < m->p.runtime_arg.n; i++)
		r = strv_add(v, m->p.runtime_arg.items[i]);
	r = r < 0 ? r : strv_addf(v, "--root=%s", m->p.runtime_root);
	if (m->p.runtime_ours) {
		r = r < 0 ? r : strv_addf(v, "--err-fd=%d", ERR_FD);
	} else {
		r = r < 0 ? r : strv_addf(v, "--log=%s/runtime.log", m->p.rundir);
		r = r < 0 ? r : strv_add(v, "--log-format=json");
	}
	r = r < 0 ? r : strv_add(v, "start");
	return r < 0 ? r : strv_add(v, m->p.id);
}

/* Why `runtime start` has failed, from whoever has said it. */
static int start_error(struct mon *m, int err_fd, struct err *e)
{
	const char *name = path_base(m->p.runtime);

	(void)fd_set_nonblock(err_fd, true);
	if (err_recv(err_fd, e) == 1)
		return err_kind_errno(e->kind);
	if (!m->p.runtime_ours && runtime_log_error(m->rundir_fd, name, e) < 0)
		return err_kind_errno(e->kind);
	return err_set(e, ERR_OS, "%s start failed and gave no reason", name);
}

static int runtime_start(struct mon *m, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc p = PROC_INIT;
	struct proc_fd fds[1];
	struct proc_spawn s = {
		.path = m->p.runtime, .fds = fds, .n_fds = 1, .dir_fd = FD_NONE,
		.pdeathsig = SIGKILL, .prepare = mon_enter_userns, .prepare_arg = m,
	};
	int pipe_fds[2], status = 0, r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	rd = pipe_fds[0];
	wr = pipe_fds[1];
	fds[0] = (struct proc_fd){ wr, ERR_FD };
	r = make_argv(m, &argv);
	s.argv = strv_argv(&argv);
	r = r < 0 ? err_sys(e, r, "start the container") : proc_spawn(&s, &p, e);
	wr = fd_close(wr);
	if (r < 0)
		return r;
	if (proc_poll(&p, RUNTIME_START_MS) == 0)
		(void)proc_signal(&p, SIGKILL);
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "wait for the runtime");
	return status == 0 ? 0 : start_error(m, rd, e);
}

int hold_go(struct mon *m, struct err *e)
{
	int r;

	if (m->state != MON_ST_RUNNING || m->init.pidfd < 0)
		return err_set(e, ERR_BUSY, "container %.12s has just ended", m->p.id);
	if (!m->held)
		return 0;
	r = runtime_start(m, e);
	if (r < 0)
		return r;
	m->held = false;
	m->started_ns = mon_now_ns();
	m->started_ms = mon_now_ms();
	mon_event(m, "start");
	health_begin(m);
	finish_reserve(m);
	return write_state(m, e);
}
