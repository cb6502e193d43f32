/* Another process in a running container: what the files of exec share. */
#ifndef CONTAINER_EXEC_H
#define CONTAINER_EXEC_H

#include <signal.h>

#include "ctrlite/container.h"
#include "namespaces.h"

/* One exec session. */
struct exec_run {
	struct ctr_engine *eng;
	const struct ctr_exec_opts *o;
	struct ctr_request req;		/* of the container */
	char id[65];			/* of the session */
	char *runtime;			/* its program */
	bool ours;			/* it is our own */
	char *process;			/* process.json */
	struct proc init;		/* the container's first process */
	struct ns_outer outer;		/* where a foreign runtime works */
	int run_dir, dir;		/* the container's run directory, exec/ in it */
	int stdio[3];			/* the process's without a tty, borrowed; -1: /dev/null */
	/* once it runs */
	struct proc proc;		/* a child of ours */
	uint64_t proc_start;
	int pty;			/* the master; FD_NONE without a tty */
	int record;			/* its file in exec/, locked */
};
#define EXEC_RUN_INIT { .req = CTR_REQUEST_INIT, .init = PROC_INIT, .outer = NS_OUTER_INIT, \
	.run_dir = -EBADF, .dir = -EBADF, .stdio = { -1, -1, -1 }, .proc = PROC_INIT, \
	.pty = -EBADF, .record = -EBADF }
void exec_run_done(struct exec_run *x);

/* Find out what is to run in the container @id, and how.  ERR_BUSY when it does not run. */
int exec_prepare(struct ctr_engine *eng, const char *id, const struct ctr_exec_opts *o,
		 struct exec_run *x, struct err *e);
/* Start it, as our child: ERR_CMD_NOT_FOUND, ERR_CMD_NOT_EXEC where its command is at fault.
 * We are a subreaper afterwards. */
int exec_spawn(struct exec_run *x, struct err *e);
/* It has ended: its exit code.  Takes the record back. */
int exec_finish(struct exec_run *x, int *ret_exit_code, struct err *e);

/* exec-session.c: <rundir>/exec/<session>, which its parent holds locked as long as it lives. */
int exec_session_dir(struct exec_run *x, struct err *e);
int exec_session_record(struct exec_run *x, struct err *e);
void exec_session_forget(struct exec_run *x);

/* exec-held.c: with a parent of its own, which outlives us: -d, and terminals, which are left by
 * the detach keys or with the caller's death. */
int exec_held(struct exec_run *x, struct ctr_exec_result *ret, struct err *e);
/* exec-attached.c: from here on signals wait for exec_copy(), which passes them on: none that comes
 * while the process is being started ends us and leaves it alone. */
void exec_block_signals(sigset_t *ret_old);
/* Copy between our stdio and @pty until @end_fd is readable and the pty is at its
 * end; signals go to @p.  @pty: FD_NONE without one. */
int exec_copy(const struct ctr_exec_opts *o, int pty, const struct proc *p, int end_fd,
	      struct ctr_exec_result *ret, struct err *e);

#endif
