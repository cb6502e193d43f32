/* The host's ps(1) in a container's PID namespace, with a /proc that shows that one. */
#include "top.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fd.h"
#include "namespaces.h"
#include "ns.h"
#include "path.h"

#define OUTPUT_MAX_BYTES (16u << 20)
#define ERRORS_MAX_BYTES 65536

struct job {
	const char *path; /* of ps */
	struct strv argv;
	struct ns_outer outer;
	int pid_ns, user_ns;
	bool enter_user; /* we are not root of the host */
	int out[2], errors[2], report[2];
};
#define JOB_INIT                                                                         \
	{                                                                                \
		.outer = NS_OUTER_INIT, .pid_ns = FD_NONE, .user_ns = FD_NONE,           \
		.out = { FD_NONE, FD_NONE }, .errors = { FD_NONE, FD_NONE }, .report = { \
			FD_NONE,                                                         \
			FD_NONE                                                          \
		}                                                                        \
	}

static void job_done(struct job *j)
{
	strv_done(&j->argv);
	ns_outer_done(&j->outer);
	(void)fd_close(j->pid_ns);
	(void)fd_close(j->user_ns);
	for (int i = 0; i < 2; i++) {
		(void)fd_close(j->out[i]);
		(void)fd_close(j->errors[i]);
		(void)fd_close(j->report[i]);
	}
}

static _Noreturn void give_up(const struct job *j, int r, const char *what)
{
	struct err e = ERR_INIT;

	(void)err_sys(&e, r, "%s", what);
	(void)err_send(j->report[1], &e);
	_exit(1);
}

/* The first process of ours in the namespace: only there /proc can be mounted for it. */
static _Noreturn void run_ps(struct job *j)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		give_up(j, errno, "mount /proc for ps");
	(void)setns(j->user_ns, CLONE_NEWUSER); /* fails where we are in it already */
	if (dup2(j->out[1], 1) < 0 || dup2(j->errors[1], 2) < 0)
		give_up(j, errno, "start ps");
	proc_reset_signals();
	execv(j->path, strv_argv(&j->argv));
	give_up(j, errno, "start ps");
}

static _Noreturn void child(struct job *j)
{
	struct proc ps = PROC_INIT;
	int status = 0, r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = j->enter_user ? ns_outer_enter(&j->outer) : 0;
	if (r < 0)
		give_up(j, r, "join the user namespace");
	if (setns(j->pid_ns, CLONE_NEWPID) < 0)
		give_up(j, errno, "join the PID namespace");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		give_up(j, errno, "make a mount namespace");
	r = proc_fork(&ps);
	if (r == 0)
		run_ps(j);
	if (r < 0)
		give_up(j, r, "start ps");
	_exit(proc_wait(&ps, &status) < 0 ? 1 : proc_exit_code(status));
}

static int prepare(struct job *j, const struct proc *init, const struct strv *args, struct err *e)
{
	int r = strv_add(&j->argv, "ps");

	for (size_t i = 0; r == 0 && i < args->n; i++)
		r = strv_add(&j->argv, args->items[i]);
	if (r < 0 || pipe2(j->out, O_CLOEXEC) < 0 || pipe2(j->errors, O_CLOEXEC) < 0 ||
	    pipe2(j->report, O_CLOEXEC) < 0)
		return err_sys(e, r < 0 ? r : errno, "start ps");
	r = j->enter_user ? ns_outer_open(&j->outer, init, e) : 0;
	if (r < 0)
		return r;
	j->pid_ns = ns_open(init, "pid");
	j->user_ns = ns_open(init, "user");
	if (j->pid_ns < 0 || j->user_ns < 0)
		return err_set(e, ERR_BUSY, "top can only be used on running containers");
	return 0;
}

/* What the child could not do makes the host's ps useless here, whatever it was. */
static int collect(struct job *j, struct proc *p, char **ret, struct err *e)
{
	auto_free char *text = NULL, *errors = NULL;
	struct err why = ERR_INIT;
	int status = 0, r;

	j->out[1] = fd_close(j->out[1]);
	j->errors[1] = fd_close(j->errors[1]);
	j->report[1] = fd_close(j->report[1]);
	r = fd_read_file(j->out[0], OUTPUT_MAX_BYTES, &text, NULL);
	if (r == 0)
		r = fd_read_file(j->errors[0], ERRORS_MAX_BYTES, &errors, NULL);
	if (r < 0)
		(void)proc_signal(p, SIGKILL);
	if (proc_wait(p, &status) < 0 || r < 0)
		return err_sys(e, r < 0 ? r : EIO, "read what ps prints");
	if (err_recv(j->report[0], &why) == 1)
		return err_set(e, ERR_NOT_FOUND, "%s", why.text);
	if (status == 0) {
		*ret = take_ptr(&text);
		return 0;
	}
	errors[strcspn(errors, "\n")] = '\0'; /* its usage follows */
	return err_set(e, ERR_INVALID, "ps(1) failed with exit code %d: %s", proc_exit_code(status),
		       errors);
}

int ctr_container_top_ps(struct ctr_engine *eng, const char *id, const struct strv *args,
			 char **ret, struct err *e)
{
	auto_free char *path = path_find_program("ps");
	struct job j = JOB_INIT;
	struct proc init = PROC_INIT, p = PROC_INIT;
	int r;

	if (!path)
		return err_set(e, ERR_NOT_FOUND, "there is no ps on this host");
	j.path = path;
	j.enter_user = eng->rootless;
	r = top_open_init(eng, id, &init, e);
	if (r == 0)
		r = prepare(&j, &init, args, e);
	if (r == 0) {
		r = proc_fork(&p);
		if (r == 0)
			child(&j);
		r = r < 0 ? err_sys(e, r, "start ps") : collect(&j, &p, ret, e);
	}
	job_done(&j);
	proc_done(&p);
	proc_done(&init);
	return r;
}
