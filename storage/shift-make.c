/*
 * Making shifted layers: a worker process in the user's namespace copies them into a stage.  It
 * decodes nothing, it follows no links and it opens nothing but directories and regular files.
 */
#include "shift.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy-tree.h"
#include "path.h"
#include "store-internal.h"
#include "worker.h"

#define STOP_ASKED_MS 500	/* how often the worker's maker asks whether it should stop */

/* Where the worker has its descriptors. */
enum { FD_RESULT = WORKER_FD_FIRST, FD_LAYERS, FD_STAGE };

struct shift_layer {
	const char *key;
	int hold_fd;	/* keeps the layer from being collected */
	int lock_fd;	/* keeps others from making the same */
};

struct shift_job {
	struct store *store;
	const struct idmap *m, *inner;
	struct shift_id id;
	struct strv keys;	/* sorted: everybody takes the locks in the same order */
	struct shift_layer *todo;
	size_t n_todo;
	struct stage stage;
};

static void stage_name(size_t i, char buf[32])
{
	(void)snprintf(buf, 32, STAGE_LAYER "%zu", i);
}

static unsigned int count_threads(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);

	return n > COPY_THREADS_MAX ? COPY_THREADS_MAX : (unsigned int)n;
}

static int copy_layer(const struct shift_job *job, size_t i, struct err *e)
{
	const struct copy_opts o = { .layer = true, .shift = job->inner };
	char from[DIGEST_HEX_LEN + 8], to[40], name[32];
	auto_close int src = FD_NONE, dst = FD_NONE;

	stage_name(i, name);
	(void)snprintf(from, sizeof(from), "%s/diff", job->todo[i].key);
	(void)snprintf(to, sizeof(to), "%s/diff", name);
	src = path_open_beneath(FD_LAYERS, from, O_RDONLY | O_DIRECTORY);
	if (src < 0)
		return err_sys(e, src, "open it");
	dst = path_open_beneath(FD_STAGE, to, O_RDONLY | O_DIRECTORY);
	if (dst < 0)
		return err_sys(e, dst, "open its stage");
	return copy_tree_by_threads(src, dst, &o, count_threads(), e);
}

/* For whoever collects the stage when our parent is dead and we are not yet: held for life. */
static int lock_work(void)
{
	char path[40], name[32];
	int fd;

	stage_name(0, name);
	(void)snprintf(path, sizeof(path), "%s/diff", name);
	fd = path_open_beneath(FD_STAGE, path, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? fd : file_lock(fd, true, false);
}

static void __attribute__((noreturn)) worker_main(const struct shift_job *job, int result_fd)
{
	/* Another description than the maker's, whose lock must end with him. */
	int stage = openat(job->stage.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;
	int r;

	worker_reset_signals();
	r = stage < 0 ? -errno :
			worker_place_fds((const int[]){ result_fd, job->store->layers_fd, stage }, 3);
	if (r == 0)
		r = lock_work();
	/* It makes files as their owners, and keeps its capabilities all the while. */
	if (r < 0 || prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(1);
	(void)umask(0);
	for (size_t i = 0; r == 0 && i < job->n_todo; i++) {
		r = copy_layer(job, i, &e);
		if (r < 0)
			(void)err_wrap(&e, r, "layer %.12s", job->todo[i].key);
	}
	if (r < 0)
		(void)err_send(FD_RESULT, &e);
	_exit(r < 0);
}

static int make_stage(struct shift_job *job, struct err *e)
{
	auto_free char *text = shift_new_map(&job->id);
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "write the id map");
	r = store_stage_new(job->store, &job->stage, e);
	for (size_t i = 0; r == 0 && i < job->n_todo; i++) {
		auto_close int fd = FD_NONE;
		char name[32];

		stage_name(i, name);
		if (mkdirat(job->stage.fd, name, 0700) < 0)
			return err_sys(e, errno, "make a directory for it");
		fd = path_open_beneath(job->stage.fd, name, O_RDONLY | O_DIRECTORY);
		r = fd < 0 ? fd : file_replace(fd, "idmap", text, strlen(text), 0600, FILE_SYNC_NONE);
		if (r == 0 && mkdirat(fd, "diff", 0700) < 0)
			r = -errno;
		if (r < 0)
			return err_sys(e, r, "make a directory for it");
	}
	return r;
}

static int wait_for_worker(struct proc *p, const struct shift_watch *w, struct err *e)
{
	int waited = 0, r = 0;
	bool said = false;

	while (r == 0) {
		int left = !said && w->slow && w->slow_ms > waited ? w->slow_ms - waited : STOP_ASKED_MS;
		int ms = left < STOP_ASKED_MS ? left : STOP_ASKED_MS;

		r = proc_poll(p, ms);
		if (r == -EINTR)
			r = 0;
		waited += ms;
		if (r == 0 && !said && w->slow && waited >= w->slow_ms) {
			w->slow();
			said = true;
		}
		if (r == 0 && w->stop)
			r = w->stop(e);
	}
	return r < 0 ? r : 0;
}

static int run_worker(struct shift_job *job, const struct shift_watch *w, struct err *e)
{
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc p = PROC_INIT;
	int fds[2], status = 0, r, r2;
	struct err we;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	rd = fds[0];
	wr = fds[1];
	r = worker_fork(job->m, &p, e);
	if (r == 0)
		worker_main(job, wr);
	if (r < 0)
		return r;
	wr = fd_close(wr);
	r = wait_for_worker(&p, w, e);
	if (r < 0)
		(void)proc_signal(&p, SIGKILL); /* it may have ended just now */
	r2 = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return r;
	if (r2 < 0)
		return err_sys(e, r2, "wait for the copying process");
	if (status == 0)
		return 0;
	if (err_recv(rd, &we) == 1) {
		if (e)
			*e = we;
		return we.code ? -we.code : err_kind_errno(we.kind);
	}
	return err_set(e, ERR_OS, "the copying process %s", WIFSIGNALED(status) ?
		       sig_name(WTERMSIG(status)) : "ended without a result");
}

/* Into place, after what an earlier boot may have left there unfinished has gone. */
static int place(struct shift_job *job, size_t i, struct err *e)
{
	const struct shift_layer *l = &job->todo[i];
	char name[32], gone[32];

	stage_name(i, name);
	(void)snprintf(gone, sizeof(gone), "gone-%zu", i);
	if (renameat(l->hold_fd, job->id.name, job->stage.fd, gone) < 0 && errno != ENOENT)
		return err_sys(e, errno, "move away an unfinished copy of layer %.12s", l->key);
	if (renameat2(job->stage.fd, name, l->hold_fd, job->id.name, RENAME_NOREPLACE) < 0)
		return err_sys(e, errno, "put the copy of layer %.12s into place", l->key);
	return 0;
}

static int lock_layer(const struct shift_layer *l, const struct shift_watch *w, struct err *e)
{
	auto_close int fd = path_open_beneath(l->hold_fd, "layer.json", O_RDONLY);

	if (fd < 0)
		return err_sys(e, fd, "open layer.json of layer %.12s", l->key);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return err_sys(e, errno, "lock layer %.12s", l->key);
		if (w->stop && w->stop(e) < 0)
			return -EINTR;
	}
	return take_fd(&fd);
}

static int add_layer(struct shift_job *job, const char *key, const struct shift_watch *w,
		     struct err *e)
{
	struct shift_layer *l = &job->todo[job->n_todo];
	int r = shift_check(job->store, key, &job->id);

	if (r > 0)
		return 0;
	*l = (struct shift_layer){ key, layer_hold(job->store, key, e), FD_NONE };
	if (l->hold_fd < 0)
		return l->hold_fd;
	job->n_todo++;
	l->lock_fd = lock_layer(l, w, e);
	if (l->lock_fd < 0)
		return l->lock_fd;
	r = shift_check(job->store, key, &job->id);
	if (r > 0) { /* whom we waited for has made it */
		l->lock_fd = fd_close(l->lock_fd);
		l->hold_fd = fd_close(l->hold_fd);
		job->n_todo--;
	}
	return r < 0 ? err_sys(e, r, "look for the copy of layer %.12s", key) : 0;
}

static int compare_keys(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static int begin(struct shift_job *job, const struct strv *keys, const struct shift_watch *w,
		 struct err *e)
{
	int r = shift_id_init(&job->id, job->inner);

	job->todo = calloc(keys->n + 1, sizeof(*job->todo));
	if (!job->todo)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < keys->n; i++)
		r = strv_add(&job->keys, keys->items[i]);
	if (r < 0)
		return err_sys(e, r, "translate the owners of the image's layers");
	if (job->keys.n)
		qsort(job->keys.items, job->keys.n, sizeof(job->keys.items[0]), compare_keys);
	for (size_t i = 0; r == 0 && i < job->keys.n; i++)
		if (i == 0 || !streq(job->keys.items[i], job->keys.items[i - 1]))
			r = add_layer(job, job->keys.items[i], w, e);
	return r;
}

static void job_done(struct shift_job *job)
{
	for (size_t i = 0; i < job->n_todo; i++) {
		(void)fd_close(job->todo[i].lock_fd);
		(void)fd_close(job->todo[i].hold_fd);
	}
	free(job->todo);
	strv_done(&job->keys);
	shift_id_done(&job->id);
	/* What cannot be removed now the next command collects. */
	(void)store_stage_drop(job->store, &job->stage, job->m, NULL);
}

int shift_make(struct store *s, const struct strv *keys, const struct idmap *m,
	       const struct idmap *inner, const struct shift_watch *w, struct err *e)
{
	struct shift_job job = { .store = s, .m = m, .inner = inner, .stage = STAGE_INIT };
	int r = begin(&job, keys, w, e);

	if (r == 0 && job.n_todo) {
		r = make_stage(&job, e);
		if (r == 0)
			r = run_worker(&job, w, e);
		for (size_t i = 0; r == 0 && i < job.n_todo; i++)
			r = place(&job, i, e);
	}
	job_done(&job);
	return r;
}
