/*
 * ctr-lite-transfer untar DIR: the archive on stdin into a directory of a running file system, for
 * `cp - CONTAINER:DIR`.  The root that DIR is looked up in comes as a descriptor, and so does the
 * user namespace to work in; a worker that can reach nothing else decodes and creates.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "ctrlite/transfer.h"
#include "fd.h"
#include "proc.h"
#include "str.h"
#include "transfer.h"
#include "untar-into.h"
#include "userns.h"
#include "worker.h"

struct untar_args {
	struct untar_into into;
	struct idmap map;
};

static int set_owner(void *arg, const char *v, struct err *e)
{
	struct untar_args *a = arg;
	const char *colon = strchr(v, ':');
	char uid[16];

	if (!colon || (size_t)(colon - v) >= sizeof(uid))
		return err_set(e, ERR_INVALID, "--owner: expected UID:GID");
	memcpy(uid, v, (size_t)(colon - v));
	uid[colon - v] = '\0';
	if (str_u32(uid, UINT32_MAX - 1, &a->into.uid) < 0 ||
	    str_u32(colon + 1, UINT32_MAX - 1, &a->into.gid) < 0)
		return err_set(e, ERR_INVALID, "--owner: expected UID:GID");
	a->into.one_owner = true;
	return 0;
}

static int set_uidmap(void *arg, const char *v, struct err *e)
{
	struct untar_args *a = arg;

	a->into.map = &a->map;
	return idmap_parse(v, a->map.uid, &a->map.n_uid) < 0 ? err_set(e, ERR_INVALID, "--uidmap")
							     : 0;
}

static int set_gidmap(void *arg, const char *v, struct err *e)
{
	struct untar_args *a = arg;

	a->into.map = &a->map;
	return idmap_parse(v, a->map.gid, &a->map.n_gid) < 0 ? err_set(e, ERR_INVALID, "--gidmap")
							     : 0;
}

static int set_overwrite(void *arg, const char *v, struct err *e)
{
	struct untar_args *a = arg;

	(void)v;
	(void)e;
	a->into.overwrite = true;
	return 0;
}

static const struct transfer_opt untar_opts[] = {
	{ "owner", 0, true, set_owner },   { "uidmap", 0, true, set_uidmap },
	{ "gidmap", 0, true, set_gidmap }, { "overwrite", 0, false, set_overwrite },
	{ 0 },
};

enum { FD_IN = WORKER_FD_FIRST, FD_ERR, FD_ROOT };

static volatile sig_atomic_t told_to_stop;

static void on_term(int sig)
{
	told_to_stop = sig;
}

static void __attribute__((noreturn))
worker(struct untar_args *a, int err_fd, int user_fd, const char *dir)
{
	const int from[] = { STDIN_FILENO, err_fd, TRANSFER_FD_FIRST };
	const struct sigaction sa = { .sa_handler = on_term };
	struct err e = ERR_INIT;
	int r = 0;

	if (user_fd >= 0 && (setns(user_fd, CLONE_NEWUSER) < 0 || (r = userns_become_root()) < 0))
		_exit(127);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cleared by the change of ids */
	r = worker_place_fds(from, 3);
	if (r < 0)
		_exit(127);
	worker_reset_signals();
	(void)sigaction(SIGTERM, &sa, NULL); /* no SA_RESTART: reading must come back */
	(void)umask(0);
	r = confine_to(FD_ROOT, UINT64_MAX, &e);
	if (r == 0) {
		a->into.in_fd = FD_IN;
		a->into.root_fd = FD_ROOT;
		a->into.dir = dir;
		a->into.stop = &told_to_stop;
		r = untar_into(&a->into, &e);
	}
	if (r < 0)
		(void)err_send(FD_ERR, &e);
	_exit(r < 0 ? 125 : 0);
}

static int wait_worker(struct proc *p, int err_fd, struct err *e)
{
	struct err theirs = ERR_INIT;
	int status = 0, r = 0;

	while (r == 0 && proc_poll(p, -1) == 0) /* interrupted */
		r = transfer_interrupted(e);
	if (r < 0)
		(void)proc_signal(p, SIGTERM); /* it takes away what is not whole, and ends */
	if (proc_wait(p, &status) < 0 || r < 0)
		return r < 0 ? r : err_sys(e, ECHILD, "wait for the unpacking process");
	if (!status)
		return 0;
	if (err_recv(err_fd, &theirs) != 1)
		return err_set(e, ERR_OS, "the unpacking process died (status %d)",
			       proc_exit_code(status));
	if (e)
		*e = theirs;
	return theirs.code ? -theirs.code : err_kind_errno(theirs.kind);
}

int transfer_cmd_untar(struct transfer *t, int argc, char **argv, struct err *e)
{
	auto_free struct untar_args *a = calloc(1, sizeof(*a));
	int user_fd = fcntl(TRANSFER_FD_FIRST + 1, F_GETFD) < 0 ? FD_NONE : TRANSFER_FD_FIRST + 1;
	struct proc p = PROC_INIT;
	int n, r, fds[2];

	(void)t;
	if (!a)
		return err_sys(e, ENOMEM, "unpack");
	r = transfer_getopt(argc, argv, untar_opts, a, &n, e);
	if (r == 0 && (n != 1 || fcntl(TRANSFER_FD_FIRST, F_GETFD) < 0))
		r = err_set(e, ERR_INVALID,
			    "untar: expected a directory, and its root as descriptor %d",
			    TRANSFER_FD_FIRST);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int rd = fds[0];
	auto_close int wr = fds[1];
	r = proc_fork(&p);
	if (r < 0)
		return err_sys(e, r, "start the unpacking process");
	if (r == 0)
		worker(a, wr, user_fd, argv[1]);
	wr = fd_close(wr);
	r = wait_worker(&p, rd, e);
	proc_done(&p);
	return r;
}
