/* exec: another process in a running container. */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "container-priv.h"
#include "oci.h"

void exec_run_done(struct exec_run *x)
{
	ns_outer_done(&x->outer);
	proc_done(&x->proc);
	proc_done(&x->init);
	(void)fd_close(x->run_dir);
	(void)fd_close(x->dir);
	(void)fd_close(x->pty);
	(void)fd_close(x->record);
	free(x->runtime);
	free(x->process);
	ctr_request_done(&x->req);
}

/* The running container's init, verified, and its state. */
static int open_running(struct ctr_engine *eng, const char *id, struct proc *ret, struct err *e)
{
	struct ctr_status st;
	int rc = ctr_container_settle(eng, id, e);

	if (rc == 0)
		rc = ctr_container_status(eng, id, &st, e);
	if (rc < 0)
		return rc;
	if (st.state == CTR_RUNNING && !st.paused && proc_open(st.pid, st.pid_start, ret) == 0)
		return 0;
	return err_set(e, ERR_BUSY,
		       "can only create exec sessions on running containers: container "
		       "state improper");
}

static int open_root(const struct exec_run *x, struct err *e)
{
	char path[40];
	auto_close int root = FD_NONE;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)x->init.pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, errno, "open the root of container %.12s", x->req.id);
	if (proc_poll(&x->init, 0) != 0) /* the number may be another process's by now */
		return err_set(e, ERR_BUSY,
			       "container %.12s has just stopped: container state improper",
			       x->req.id);
	return take_fd(&root);
}

int exec_prepare(struct ctr_engine *eng, const char *id, const struct ctr_exec_opts *o,
		 struct exec_run *x, struct err *e)
{
	struct oci_process_opts po = { .args = &o->args,
				       .env = &o->env,
				       .user = o->user,
				       .cwd = o->cwd,
				       .tty = o->tty,
				       .privileged = o->privileged,
				       .rows = o->rows,
				       .cols = o->cols };
	auto_close int root = FD_NONE;
	int r = open_running(eng, id, &x->init, e);

	x->eng = eng;
	x->o = o;
	if (r == 0)
		r = ctr_container_load(eng, id, &x->req, e);
	if (r < 0)
		return r;
	x->outer.keep_groups = ns_keeps_groups(&x->req);
	root = open_root(x, e);
	if (root < 0)
		return root;
	r = oci_process_json(eng, &x->req, root, &po, &x->process, e);
	return r < 0 ? r : runtime_path(x->req.runtime, &x->runtime, &x->ours, e);
}

int ctr_container_exec(struct ctr_engine *eng, const char *id, const struct ctr_exec_opts *o,
		       struct ctr_exec_result *ret, struct err *e)
{
	struct exec_run x = EXEC_RUN_INIT;
	sigset_t old;
	int r = exec_prepare(eng, id, o, &x, e);

	(void)sigprocmask(SIG_SETMASK, NULL, &old);
	*ret = (struct ctr_exec_result){ .exit_code = 0 };
	if (r == 0 && !o->detach)
		exec_block_signals(&old);
	if (r == 0 && (o->detach || o->tty)) {
		r = exec_held(&x, ret, e);
	} else if (r == 0) {
		for (int i = 0; i < 3; i++)
			x.stdio[i] = i > 0 || o->interactive ? i : -1;
		r = exec_spawn(&x, e);
		memcpy(ret->id, x.id, sizeof(ret->id));
		if (r == 0)
			r = exec_copy(o, FD_NONE, &x.proc, x.proc.pidfd, ret, e);
		if (r == 0)
			r = exec_finish(&x, &ret->exit_code, e);
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	exec_run_done(&x);
	return r;
}
