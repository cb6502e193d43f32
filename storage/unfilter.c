/* Decompression in a confined worker. */
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
#include "inflate.h"
#include "worker.h"

#define IN_BYTES (64u << 10)

enum { FD_IN = WORKER_FD_FIRST, FD_OUT, FD_ROOT };

enum { EXIT_DAMAGED = 1, EXIT_SETUP = 2, EXIT_OUTPUT = 3, EXIT_LARGE = 4, EXIT_RATIO = 5 };

struct source {
	struct unfilter_in in;
	const struct unpack_limits *lim;
	uint64_t in_bytes, out_bytes;
	char buf[IN_BYTES];
};

static la_ssize_t read_cb(struct archive *a, void *arg, const void **ret_buf)
{
	struct source *s = arg;
	ssize_t n;

	(void)a;
	if (s->in.len) {
		*ret_buf = s->in.start;
		n = (ssize_t)s->in.len;
		s->in.len = 0;
	} else {
		*ret_buf = s->buf;
		do
			n = read(FD_IN, s->buf, s->in.max_bytes < IN_BYTES ? s->in.max_bytes : IN_BYTES);
		while (n < 0 && errno == EINTR);
		s->in.max_bytes -= n > 0 ? (uint64_t)n : 0;
	}
	if (n > 0)
		s->in_bytes += (uint64_t)n;
	return n < 0 ? ARCHIVE_FATAL : n;
}

/* Pass on what came out: 0, or the exit status of what is wrong with it. */
static int put(struct source *s, const void *buf, size_t len)
{
	s->out_bytes += len;
	if (s->out_bytes > s->lim->max_bytes)
		return EXIT_LARGE;
	if (s->lim->max_ratio && s->out_bytes > s->lim->ratio_floor &&
	    s->out_bytes / s->lim->max_ratio > s->in_bytes)
		return EXIT_RATIO;
	return fd_write_all(FD_OUT, buf, len) < 0 ? EXIT_OUTPUT : 0;
}

static int by_libarchive(struct source *s)
{
	struct archive *a = archive_read_new();
	struct archive_entry *ae;
	const void *buf;
	la_int64_t at;
	size_t len;
	int r, status = 0;

	if (!a || archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_open(a, s, NULL, read_cb, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &ae) != ARCHIVE_OK)
		return EXIT_DAMAGED;
	do {
		r = archive_read_data_block(a, &buf, &len, &at);
		if (r == ARCHIVE_OK)
			status = put(s, buf, len);
	} while (r == ARCHIVE_OK && status == 0);
	return status ? status : r == ARCHIVE_EOF ? 0 : EXIT_DAMAGED;
}

/* gzip and zstd, several times as fast. */
static int by_inflate(struct source *s)
{
	struct inflate *x = NULL;
	const void *buf;
	ssize_t n;
	int status = 0;

	if (inflate_new_behind(s->in.start, s->in.len, FD_IN, s->in.max_bytes, &x, NULL) < 0)
		return EXIT_DAMAGED;
	while (status == 0 && (n = inflate_next(x, &buf, NULL)) != 0) {
		s->in_bytes = inflate_bytes_in(x);
		status = n < 0 ? EXIT_DAMAGED : put(s, buf, (size_t)n);
	}
	return status;
}

static void __attribute__((noreturn)) worker_main(const int *fds, struct source *s)
{
	worker_reset_signals();
	if (worker_place_fds(fds, 3) < 0 || confine_to(FD_ROOT, 0, NULL) < 0)
		_exit(EXIT_SETUP);
	switch (compression_detect(s->in.start, s->in.len)) {
	case COMPRESSION_XZ:
	case COMPRESSION_BZIP2:
		_exit(by_libarchive(s));
	case COMPRESSION_GZIP:
	case COMPRESSION_ZSTD:
	case COMPRESSION_NONE:
	case COMPRESSION_COUNT_:
		break;
	}
	_exit(by_inflate(s));
}

int unfilter_start(int dir_fd, const char *name, const struct idmap *m,
		   const struct unpack_limits *lim, const struct unfilter_in *in, int *ret_fd,
		   struct proc *ret, struct err *e)
{
	auto_close int rd = FD_NONE, wr = FD_NONE, root = FD_NONE;
	struct source s = { .in = *in, .lim = lim };
	int fds[2], r;

	if (mkdirat(dir_fd, name, 0700) < 0)
		return err_sys(e, errno, "make a directory to decompress in");
	root = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "decompress: make a pipe");
	rd = fds[0];
	wr = fds[1];
	r = worker_fork(m, ret, e);
	if (r == 0)
		worker_main((const int[]){ in->fd, wr, root }, &s);
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
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_DAMAGED) {
	case EXIT_SETUP:
		return err_set(e, ERR_UNSUPPORTED, "the decompressing process could not be confined");
	case EXIT_LARGE:
		return err_set(e, ERR_LIMIT, "it inflates to more than the limit (max_bytes, see "
			       UNPACK_LIMITS_ENV ")");
	case EXIT_RATIO:
		return err_set(e, ERR_LIMIT, "it inflates to so many times its size that nothing good can "
			       "be in it (max_ratio, see " UNPACK_LIMITS_ENV ")");
	default:
		return err_set(e, ERR_CORRUPT, "the compressed stream is damaged or ends in the middle");
	}
}
