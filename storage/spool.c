/* Pipes and compressed archives as files that can be read at any place. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "inflate.h"
#include "str.h"
#include "unfilter.h"

#define COPY_BYTES INFLATE_START_MAX_BYTES
#define SPACE_CHECK_BYTES (32u << 20)	/* how often the file system's free space is looked at */
#define WORKER_DIR "decompress"

int spool_file(int dir_fd)
{
	char name[40] = "spool-";
	int fd = openat(dir_fd, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600), r;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd >= 0 ? fd : -errno;
	/* A file system without O_TMPFILE. */
	r = str_random_hex(8, name + strlen(name));
	if (r < 0)
		return r;
	fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	(void)unlinkat(dir_fd, name, 0); /* else it is in a stage, which is removed */
	return fd;
}

static int make_file(const struct spool_opts *o, struct err *e)
{
	auto_close int dir = FD_NONE;
	int fd;

	if (o->tmp) {
		dir = open(o->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return err_sys(e, errno, "open %s", o->tmp);
	}
	fd = spool_file(o->tmp ? dir : o->dir_fd);
	return fd < 0 ? err_sys(e, fd, "make a temporary file%s%s", o->tmp ? " in " : "",
				o->tmp ? o->tmp : "")
		      : fd;
}

static ssize_t read_some(int fd, void *buf, size_t len, const struct spool_opts *o, struct err *e)
{
	for (;;) {
		ssize_t n = read(fd, buf, len);
		int r = o->stop ? o->stop(e) : 0;

		if (r < 0)
			return r;
		if (n < 0 && errno == EINTR)
			continue;
		return n < 0 ? err_sys(e, errno, "read the archive") : n;
	}
}

/* At least enough to tell the compression by; fewer only at the end. */
static ssize_t read_start(int fd, char *buf, const struct spool_opts *o, struct err *e)
{
	size_t len = 0;

	while (len < COMPRESSION_MAGIC_BYTES) {
		ssize_t n = read_some(fd, buf + len, COPY_BYTES - len, o, e);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* All of @in behind the @len bytes in @buf, to @out. */
static int copy(int in, int out, char *buf, size_t len, const struct spool_opts *o, struct err *e)
{
	uint64_t total = 0, checked = 0;
	ssize_t n = (ssize_t)len;
	int r;

	do {
		r = fd_write_all(out, buf, (size_t)n);
		if (r < 0)
			return err_sys(e, r, "write the temporary file");
		total += (uint64_t)n;
		if (total > o->lim->max_bytes)
			return err_set(e, ERR_LIMIT, "it is larger than the limit of %" PRIu64
				       " bytes (max_bytes, see " UNPACK_LIMITS_ENV ")", o->lim->max_bytes);
		if (total - checked >= SPACE_CHECK_BYTES) {
			checked = total;
			r = unpack_check_space(out, o->lim, e);
			if (r < 0)
				return r;
		}
		n = read_some(in, buf, COPY_BYTES, o, e);
	} while (n > 0);
	return (int)n;
}

static int decompress(int in, int out, char *buf, size_t len, const struct spool_opts *o,
		      struct err *e)
{
	auto_free char *rest = malloc(COPY_BYTES);
	const struct unfilter_in what = { buf, len, in, UINT64_MAX };
	struct proc p = PROC_INIT;
	auto_close int from = FD_NONE;
	int r = rest ? unfilter_start(o->dir_fd, WORKER_DIR, o->idmap, o->lim, &what, &from, &p, e)
		     : err_sys(e, ENOMEM, "decompress the archive");

	if (r < 0)
		return r;
	r = copy(from, out, rest, 0, o, e);
	if (r < 0)
		(void)unfilter_finish(&p, true, NULL);
	else
		r = unfilter_finish(&p, false, e);
	(void)unlinkat(o->dir_fd, WORKER_DIR, AT_REMOVEDIR); /* else it goes with the stage */
	return r;
}

int spool_open(int in_fd, const struct spool_opts *o, int *ret_fd, struct err *e)
{
	auto_free char *buf = malloc(COPY_BYTES);
	auto_close int out = FD_NONE;
	bool plain, at_start;
	struct stat st;
	ssize_t n;
	int r;

	if (!buf)
		return err_sys(e, ENOMEM, "read the archive");
	if (fstat(in_fd, &st) < 0)
		return err_sys(e, errno, "stat the archive");
	at_start = S_ISREG(st.st_mode) && lseek(in_fd, 0, SEEK_CUR) == 0;
	n = read_start(in_fd, buf, o, e);
	if (n < 0)
		return (int)n;
	plain = compression_detect(buf, (size_t)n) == COMPRESSION_NONE;
	if (at_start && plain) {
		*ret_fd = fd_dup(in_fd);
		return *ret_fd < 0 ? err_sys(e, *ret_fd, "read the archive") : 0;
	}
	out = make_file(o, e);
	if (out < 0)
		return out;
	r = plain ? copy(in_fd, out, buf, (size_t)n, o, e)
		  : decompress(in_fd, out, buf, (size_t)n, o, e);
	if (r == 0)
		*ret_fd = take_fd(&out);
	return r;
}
