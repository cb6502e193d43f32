/* The container's log file. */
#include "ctr-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"

#define BATCH_IOVS 512 /* of one writev(); two or three make a record */
#define PREFIX_MAX 64

static const char *const stream_words[] = { [CTR_STDOUT] = "stdout", [CTR_STDERR] = "stderr" };

/* The records of one writev(). */
struct batch {
	struct iovec iov[BATCH_IOVS];
	int n;
	size_t bytes;	      /* of the file */
	size_t payload_bytes; /* of the container's output among them */
	bool ends_partial;
	char note[200];
};

static int open_log(int dir_fd, const char *name, int flags)
{
	/* O_NONBLOCK: opening what turns out to be a FIFO must not hang. */
	int fd = openat(dir_fd, name,
			O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW |
				O_CLOEXEC | flags,
			0600);

	return fd < 0 ? -errno : fd;
}

int ctr_log_open(struct ctr_log *l, const char *path, uint64_t max_bytes, struct err *e)
{
	auto_free char *dir = strdup(path);
	auto_close int dir_fd = FD_NONE, fd = FD_NONE;
	auto_free char *name = strdup(path_base(path));
	struct stat st;

	if (!dir || !name)
		return err_sys(e, ENOMEM, "open the log %s", path);
	dir[path_base(path) - path] = '\0';
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_sys(e, errno, "open the log's directory %s", dir);
	fd = open_log(dir_fd, name, 0);
	if (fd < 0)
		return err_sys(e, fd, "open the log %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "look at the log %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "the log %s is not a regular file", path);
	l->size_bytes = (uint64_t)st.st_size;
	l->max_bytes = max_bytes;
	l->fd = take_fd(&fd);
	l->dir_fd = take_fd(&dir_fd);
	l->name = take_ptr(&name);
	return 0;
}

void ctr_log_close(struct ctr_log *l)
{
	l->fd = fd_close(l->fd);
	l->dir_fd = fd_close(l->dir_fd);
	free(take_ptr(&l->name));
}

/* Start over with an empty file.  Readers that follow the old one notice the new inode. */
static void rotate(struct ctr_log *l)
{
	char tmp[NAME_MAX + 1];
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", l->name) >= (int)sizeof(tmp))
		tmp[0] = '\0';
	fd = tmp[0] ? open_log(l->dir_fd, tmp, O_TRUNC) : -ENAMETOOLONG;
	if (fd >= 0 && renameat(l->dir_fd, tmp, l->dir_fd, l->name) < 0) {
		(void)unlinkat(l->dir_fd, tmp, 0);
		fd = fd_close(fd);
	}
	if (fd >= 0) {
		(void)fd_close(l->fd);
		l->fd = fd;
	} else if (ftruncate(l->fd, 0) < 0) {
		l->last_errno = errno;
		return;
	}
	l->size_bytes = 0;
	l->torn = false;
}

/* Cut off what of a failed batch has reached the file. */
static void cut_back(struct ctr_log *l)
{
	struct stat st;

	if (fstat(l->fd, &st) < 0 || (uint64_t)st.st_size <= l->size_bytes)
		return;
	if (ftruncate(l->fd, (off_t)l->size_bytes) < 0) {
		l->size_bytes = (uint64_t)st.st_size;
		l->torn = true;
	}
}

static void put(struct batch *b, const void *text, size_t len)
{
	b->iov[b->n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)text, .iov_len = len };
	b->bytes += len;
}

static size_t make_prefix(char *buf, enum ctr_stream stream, char tag)
{
	struct timespec now;
	struct tm tm;
	int n;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	n = snprintf(buf, PREFIX_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09ld+00:00 %s %c ",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		     now.tv_nsec, stream_words[stream], tag);
	return n > 0 && n < PREFIX_MAX ? (size_t)n : 0;
}

static void batch_begin(struct ctr_log *l, struct batch *b)
{
	char prefix[PREFIX_MAX];
	size_t n;

	b->n = 0;
	b->bytes = b->payload_bytes = 0;
	if (l->torn)
		put(b, "\n", 1);
	if (l->unsaid_bytes == 0)
		return;
	n = make_prefix(prefix, CTR_STDERR, 'F');
	n = (size_t)snprintf(b->note, sizeof(b->note),
			     "%.*sctr-lite: %llu bytes of output were not "
			     "logged: %s\n",
			     (int)n, prefix, (unsigned long long)l->unsaid_bytes,
			     strerror(l->last_errno));
	put(b, b->note, n < sizeof(b->note) ? n : sizeof(b->note) - 1);
}

static void batch_write(struct ctr_log *l, struct batch *b)
{
	struct stat st;
	ssize_t n;

	if (l->max_bytes && l->size_bytes > 0 && l->size_bytes + b->bytes > l->max_bytes)
		rotate(l);
	n = writev(l->fd, b->iov, b->n);
	if (n == (ssize_t)b->bytes) {
		l->size_bytes += b->bytes;
		l->unsaid_bytes = 0;
		l->torn = false;
		return;
	}
	l->last_errno = n < 0 ? errno : ENOSPC;
	l->lost_bytes += b->payload_bytes;
	l->unsaid_bytes += b->payload_bytes;
	/* Someone else may have truncated the file: then our count of it is wrong. */
	if (fstat(l->fd, &st) == 0 && (uint64_t)st.st_size < l->size_bytes)
		l->size_bytes = n > 0 ? (uint64_t)(st.st_size - n) : (uint64_t)st.st_size;
	cut_back(l);
}

void ctr_log_write(struct ctr_log *l, enum ctr_stream stream, const char *buf, size_t len)
{
	char full[PREFIX_MAX], part[PREFIX_MAX];
	size_t prefix_len;
	struct batch b;

	if (l->fd < 0 || len == 0)
		return;
	prefix_len = make_prefix(full, stream, 'F');
	memcpy(part, full, sizeof(part));
	part[prefix_len - 2] = 'P';
	while (len > 0) {
		batch_begin(l, &b);
		while (len > 0 && b.n + 3 <= BATCH_IOVS) {
			const char *nl = memchr(buf, '\n', len);
			size_t n = nl ? (size_t)(nl - buf) + 1 : len;

			put(&b, nl ? full : part, prefix_len);
			put(&b, buf, n);
			if (!nl)
				put(&b, "\n", 1);
			l->partial[stream] = !nl;
			b.payload_bytes += n;
			buf += n;
			len -= n;
		}
		batch_write(l, &b);
	}
}

void ctr_log_end(struct ctr_log *l, enum ctr_stream stream)
{
	char prefix[PREFIX_MAX];
	struct batch b;

	if (l->fd < 0 || (!l->partial[stream] && l->unsaid_bytes == 0))
		return;
	batch_begin(l, &b);
	if (l->partial[stream]) {
		put(&b, prefix, make_prefix(prefix, stream, 'F'));
		put(&b, "\n", 1);
		l->partial[stream] = false;
	}
	batch_write(l, &b);
}
