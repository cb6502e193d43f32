/* Unpacking a layer in a worker process: starting it, and taking its result. */
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "fd.h"
#include "file-list.h"
#include "file.h"
#include "hash.h"
#include "str.h"
#include "untar.h"
#include "worker.h"

#define PIPE_BYTES (1 << 20)

/* What a worker says: one of these bytes, then the struct. */
#define SAYS_RESULT 'R'		/* struct unpack_result */
#define SAYS_ERROR 'E'		/* struct err */

/* Where the worker has its descriptors. */
enum { FD_DATA = WORKER_FD_FIRST, FD_RESULT, FD_IMPLICIT, FD_LIST, FD_ROOT };

static const char *const layer_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
	"application/vnd.docker.image.rootfs.foreign.diff.tar",
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

/* The compression is told by the bytes, as other engines do it: registries hold plain and zstd
 * layers under the names of gzip.  What is no tar at all (an encrypted layer) is refused by name. */
static int check_media_type(const char *type, struct err *e)
{
	if (!type)
		return 0;
	for (size_t i = 0; i < sizeof(layer_types) / sizeof(layer_types[0]); i++)
		if (streq(type, layer_types[i]))
			return 0;
	return err_set(e, ERR_UNSUPPORTED, "a layer of the type %.200s cannot be unpacked", type);
}

struct worker {
	int data, result, implicit, list, root;
	bool squash;
	const struct unpack_limits *lim;
};

static int worker_run(const struct unpack_limits *lim, bool squash, struct unpack_result *ret,
		      struct err *e)
{
	int r;

	(void)umask(0);
	/* For whoever collects the stage when our parent is dead and we are not yet. */
	r = file_lock(FD_ROOT, true, false);
	if (r < 0)
		return err_sys(e, r, "lock the layer's directory");
	r = confine_to(FD_ROOT, lim->max_bytes, e);
	return r < 0 ? r : untar(FD_DATA, FD_ROOT, FD_IMPLICIT, FD_LIST, squash, lim, ret, e);
}

static void __attribute__((noreturn)) worker_main(const struct worker *w)
{
	char says = SAYS_ERROR;
	struct unpack_result res = { 0 };
	struct err e = ERR_INIT;
	int r;

	worker_reset_signals();
	r = worker_place_fds((const int[]){ w->data, w->result, w->implicit, w->list, w->root }, 5);
	if (r < 0)
		(void)err_sys(&e, r, "start unpacking");
	else
		r = worker_run(w->lim, w->squash, &res, &e);
	if (r < 0) {
		if (e.kind == ERR_NONE)
			(void)err_sys(&e, r, "unpack");
		(void)fd_write_all(FD_RESULT, &says, 1);
		(void)err_send(FD_RESULT, &e);
		_exit(1);
	}
	says = SAYS_RESULT;
	if (fd_write_all(FD_RESULT, &says, 1) < 0 || fd_write_all(FD_RESULT, &res, sizeof(res)) < 0)
		_exit(1);
	_exit(0);
}

static int make_dirs(int dir_fd, const char *name, int *ret_root, int *ret_implicit, int *ret_list,
		     struct err *e)
{
	auto_close int fd = FD_NONE, root = FD_NONE, implicit = FD_NONE, list = FD_NONE;

	if (mkdirat(dir_fd, name, 0700) < 0)
		return err_sys(e, errno, "make the layer's directory");
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || mkdirat(fd, "diff", 0755) < 0)
		return err_sys(e, errno, "make the layer's directory");
	root = openat(fd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	implicit = openat(fd, UNPACK_IMPLICIT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	list = openat(fd, FILE_LIST, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (root < 0 || implicit < 0 || list < 0)
		return err_sys(e, errno, "make the layer's directory");
	*ret_root = take_fd(&root);
	*ret_implicit = take_fd(&implicit);
	*ret_list = take_fd(&list);
	return 0;
}

/* libcrypto sets itself up on first use, which a confined process could not. */
static int warm_up(struct err *e)
{
	struct hash *h = hash_new();

	if (!h)
		return err_sys(e, ENOMEM, "set up SHA-256");
	hash_free(h);
	return 0;
}

int unpack_start(int dir_fd, const char *name, const struct idmap *m, const char *media_type,
		 const struct unpack_limits *lim, struct unpack_job *ret, struct err *e)
{
	auto_close int data_rd = FD_NONE, data_wr = FD_NONE, res_rd = FD_NONE, res_wr = FD_NONE;
	auto_close int root = FD_NONE, implicit = FD_NONE, list = FD_NONE;
	struct proc p = PROC_INIT;
	struct worker w;
	int fds[2], r;

	r = check_media_type(media_type, e);
	if (r == 0)
		r = warm_up(e);
	if (r == 0)
		r = make_dirs(dir_fd, name, &root, &implicit, &list, e);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "unpack: make a pipe");
	data_rd = fds[0];
	data_wr = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "unpack: make a pipe");
	res_rd = fds[0];
	res_wr = fds[1];
	(void)fcntl(data_wr, F_SETPIPE_SZ, PIPE_BYTES); /* the user's quota may say no: slower only */
	w = (struct worker){ data_rd, res_wr, implicit, list, root, m && idmap_is_single(m), lim };
	r = worker_fork(m, &p, e);
	if (r == 0)
		worker_main(&w);
	if (r < 0)
		return r;
	*ret = (struct unpack_job){ .worker = p, .data_fd = take_fd(&data_wr),
				    .result_fd = take_fd(&res_rd) };
	return 0;
}

void unpack_end_input(struct unpack_job *job)
{
	job->data_fd = fd_close(job->data_fd);
}

static int take_result(int fd, struct unpack_result *ret, struct err *e)
{
	struct unpack_result res;
	struct digest checked;
	char says = 0;
	struct err we;

	if (fd_read_full(fd, &says, 1) != 1)
		return -ECHILD; /* it died; its status tells more */
	if (says == SAYS_ERROR && err_recv(fd, &we) == 1) {
		if (e)
			*e = we;
		return we.code ? -we.code : err_kind_errno(we.kind);
	}
	if (says != SAYS_RESULT || fd_read_full(fd, &res, sizeof(res)) != (ssize_t)sizeof(res))
		return err_set(e, ERR_CORRUPT, "the unpacking process answered nonsense");
	res.diff_id.hex[DIGEST_HEX_LEN] = '\0';
	if (digest_parse_hex(res.diff_id.hex, &checked, e) < 0)
		return err_wrap(e, -EBADMSG, "the unpacking process answered nonsense");
	*ret = res;
	return 0;
}

static void job_done(struct unpack_job *job)
{
	unpack_end_input(job);
	job->result_fd = fd_close(job->result_fd);
	proc_done(&job->worker);
}

int unpack_finish(struct unpack_job *job, struct unpack_result *ret, struct err *e)
{
	int status = 0, r, r2;

	if (job->worker.pid < 0)
		return err_set(e, ERR_CORRUPT, "the unpacking process was not started");
	unpack_end_input(job);
	r = take_result(job->result_fd, ret, e);
	r2 = proc_wait(&job->worker, &status);
	job_done(job);
	if (r2 < 0)
		return err_sys(e, r2, "wait for the unpacking process");
	if (r == -ECHILD || (r == 0 && status != 0)) {
		if (WIFSIGNALED(status))
			return err_set(e, ERR_CORRUPT, "the unpacking process died of %s",
				       sig_name(WTERMSIG(status)) ? sig_name(WTERMSIG(status)) : "a signal");
		return err_set(e, ERR_CORRUPT, "the unpacking process ended without a result");
	}
	return r;
}

void unpack_abort(struct unpack_job *job)
{
	if (job->worker.pid > 0) {
		(void)proc_signal(&job->worker, SIGKILL);
		(void)proc_wait(&job->worker, NULL); /* killed: only to reap */
	}
	job_done(job);
}
