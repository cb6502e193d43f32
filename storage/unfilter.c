/* Decompression of xz and bzip2 in a confined worker. */
#include "unfilter.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "fd.h"
#include "worker.h"

#define IN_BYTES (64u << 10)

enum { FD_IN = WORKER_FD_FIRST, FD_OUT, FD_ROOT };

enum { EXIT_DAMAGED = 1, EXIT_SETUP = 2, EXIT_OUTPUT = 3 };

struct source {
	const void *start;
	size_t len;
	char buf[IN_BYTES];
};

static la_ssize_t read_cb(struct archive *a, void *arg, const void **ret_buf)
{
	struct source *s = arg;
	ssize_t n;

	(void)a;
	if (s->len) {
		*ret_buf = s->start;
		n = (ssize_t)s->len;
		s->len = 0;
		return n;
	}
	*ret_buf = s->buf;
	do
		n = read(FD_IN, s->buf, sizeof(s->buf));
	while (n < 0 && errno == EINTR);
	return n < 0 ? ARCHIVE_FATAL : n;
}

static int copy_out(struct archive *a)
{
	struct archive_entry *ae;
	const void *buf;
	la_int64_t at;
	size_t len;
	int r;

	if (archive_read_next_header(a, &ae) != ARCHIVE_OK)
		return EXIT_DAMAGED;
	while ((r = archive_read_data_block(a, &buf, &len, &at)) == ARCHIVE_OK)
		if (fd_write_all(FD_OUT, buf, len) < 0)
			return EXIT_OUTPUT;
	return r == ARCHIVE_EOF ? 0 : EXIT_DAMAGED;
}

static void __attribute__((noreturn)) worker_main(const int *fds, struct source *s)
{
	struct archive *a;

	worker_reset_signals();
	if (worker_place_fds(fds, 3) < 0 || confine_to(FD_ROOT, 0, NULL) < 0)
		_exit(EXIT_SETUP);
	a = archive_read_new();
	if (!a || archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_open(a, s, NULL, read_cb, NULL) != ARCHIVE_OK)
		_exit(EXIT_DAMAGED);
	_exit(copy_out(a));
}

int unfilter_start(int dir_fd, const char *name, const struct idmap *m, const void *start, size_t len,
		   int in_fd, int *ret_fd, struct proc *ret, struct err *e)
{
	auto_close int rd = FD_NONE, wr = FD_NONE, root = FD_NONE;
	struct source s;
	int fds[2], r;

	if (mkdirat(dir_fd, name, 0700) < 0)
		return err_sys(e, errno, "make a directory to decompress in");
	root = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "decompress: make a pipe");
	rd = fds[0];
	wr = fds[1];
	s.start = start;
	s.len = len;
	r = worker_fork(m, ret, e);
	if (r == 0)
		worker_main((const int[]){ in_fd, wr, root }, &s);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&rd);
	return 0;
}

int unfilter_finish(struct proc *p, bool abort, struct err *e)
{
	int status = 0, r;

	if (p->pid < 0)
		return 0;
	if (abort)
		(void)proc_signal(p, SIGKILL);
	r = proc_wait(p, &status);
	proc_done(p);
	if (r < 0)
		return err_sys(e, r, "wait for the decompressing process");
	if (status == 0 || abort)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SETUP)
		return err_set(e, ERR_UNSUPPORTED, "the decompressing process could not be confined");
	return err_set(e, ERR_CORRUPT, "the xz or bzip2 stream is damaged or ends in the middle");
}
