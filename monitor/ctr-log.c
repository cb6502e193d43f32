/* The container's log file. */
#include "ctr-log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "idle.h"
#include "path.h"
#include "stamp.h"

#define STAMP_ZONE "+00:00"
#define PREFIX_LEN (STAMP_LEN + sizeof(STAMP_ZONE " stdout F ") - 1)
/* Records of one write(): copied together, since the kernel takes one long piece faster than many
 * short ones.  What is behind was never touched, or is given back when nothing happens. */
#define BATCH_BYTES 131072
#define RECORD_MAX 65536	/* of output in one record */

static char batch_text[BATCH_BYTES] __attribute__((aligned(4096)));

static const char *const stream_words[] = { [CTR_STDOUT] = "stdout", [CTR_STDERR] = "stderr" };

struct batch {
	size_t bytes;		/* of the file */
	size_t payload_bytes;	/* of the container's output among them */
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

static bool numbered(const struct ctr_log *l, uint32_t i, char name[NAME_MAX + 1])
{
	return snprintf(name, NAME_MAX + 1, i ? "%s.%u" : "%s", l->name, i) <= NAME_MAX;
}

/* NAME becomes NAME.1, NAME.1 becomes NAME.2, and the last one goes. */
static void shift_older(const struct ctr_log *l)
{
	for (uint32_t i = l->max_files - 1; i > 0; i--) {
		char from[NAME_MAX + 1], to[NAME_MAX + 1];

		if (numbered(l, i - 1, from) && numbered(l, i, to))
			(void)renameat(l->dir_fd, from, l->dir_fd, to); /* or it is replaced later */
	}
}

/* Start over with an empty file.  Readers that follow the old one notice the new inode: nothing is
 * written to the old one any more when it has lost its name. */
static void rotate(struct ctr_log *l)
{
	char tmp[NAME_MAX + 1];
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", l->name) >= (int)sizeof(tmp))
		tmp[0] = '\0';
	fd = tmp[0] ? open_log(l->dir_fd, tmp, O_TRUNC) : -ENAMETOOLONG;
	if (fd >= 0)
		shift_older(l);
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
	memcpy(batch_text + b->bytes, text, len);
	b->bytes += len;
}

/* "2006-01-02T15:04:05.000000000+00:00 stdout F " */
static void make_prefix(char buf[PREFIX_LEN], enum ctr_stream stream, char tag)
{
	stamp_format(stamp_now(), buf);
	memcpy(buf + STAMP_LEN, STAMP_ZONE " ", sizeof(STAMP_ZONE));
	memcpy(buf + STAMP_LEN + sizeof(STAMP_ZONE), stream_words[stream], 6);
	memcpy(buf + PREFIX_LEN - 3, " F ", 3);
	buf[PREFIX_LEN - 2] = tag;
}

static void batch_begin(struct ctr_log *l, struct batch *b)
{
	char prefix[PREFIX_LEN], note[200];
	int n;

	b->bytes = b->payload_bytes = 0;
	if (l->torn)
		put(b, "\n", 1);
	if (l->unsaid_bytes == 0)
		return;
	make_prefix(prefix, CTR_STDERR, 'F');
	put(b, prefix, sizeof(prefix));
	n = snprintf(note, sizeof(note), "ctr-lite: %llu bytes of output were not logged: %s",
		     (unsigned long long)l->unsaid_bytes, strerror(l->last_errno));
	put(b, note, n < (int)sizeof(note) ? (size_t)n : sizeof(note) - 1);
	put(b, "\n", 1);
}

static void batch_write(struct ctr_log *l, struct batch *b)
{
	struct stat st;
	ssize_t n;

	if (l->max_bytes && l->size_bytes > 0 && l->size_bytes + b->bytes > l->max_bytes)
		rotate(l);
	n = write(l->fd, batch_text, b->bytes);
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

/* May a record of @len bytes still go into the batch?  One always may. */
static bool has_room(const struct ctr_log *l, const struct batch *b, size_t len)
{
	/* What goes beyond the size at once goes into a new file. */
	uint64_t before = l->size_bytes + b->bytes > l->max_bytes ? 0 : l->size_bytes;

	if (b->payload_bytes == 0)
		return true;
	if (len > sizeof(batch_text) - b->bytes)
		return false;
	return !l->max_bytes || before + b->bytes + len <= l->max_bytes;
}

void ctr_log_write(struct ctr_log *l, enum ctr_stream stream, const char *buf, size_t len)
{
	char full[PREFIX_LEN], part[PREFIX_LEN];
	struct batch b;

	if (l->journal && len > 0)
		journal_log_write(l, stream, buf, len);
	if (l->fd < 0 || len == 0)
		return;
	make_prefix(full, stream, 'F');
	memcpy(part, full, sizeof(part));
	part[PREFIX_LEN - 2] = 'P';
	while (len > 0) {
		batch_begin(l, &b);
		while (len > 0) {
			const char *nl = memchr(buf, '\n', len);
			size_t n = nl ? (size_t)(nl - buf) + 1 : len;

			/* Chunks are shorter than a batch, but a caller may be of another mind. */
			if (n > RECORD_MAX) {
				n = RECORD_MAX;
				nl = NULL;
			}
			if (!has_room(l, &b, PREFIX_LEN + n + 1))
				break;
			put(&b, nl ? full : part, PREFIX_LEN);
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

void ctr_log_note_loss(struct ctr_log *l)
{
	struct batch b;

	if (l->fd < 0 || l->unsaid_bytes == 0)
		return;
	batch_begin(l, &b);
	batch_write(l, &b);
}

void ctr_log_end(struct ctr_log *l, enum ctr_stream stream)
{
	char prefix[PREFIX_LEN];
	struct batch b;

	if (l->fd < 0 || !l->partial[stream])
		return;
	batch_begin(l, &b);
	make_prefix(prefix, stream, 'F');
	put(&b, prefix, sizeof(prefix));
	put(&b, "\n", 1);
	l->partial[stream] = false;
	batch_write(l, &b);
}

/* What an earlier run has left at the end: an unfinished line (its record is no longer than ours
 * are), or a torn record. */
static void look_at_end(struct ctr_log *l)
{
	const size_t want = l->size_bytes < BATCH_BYTES ? (size_t)l->size_bytes : BATCH_BYTES;
	auto_close int fd = want ? fd_reopen(l->fd, O_RDONLY) : FD_NONE;
	const char *line, *tag;

	if (fd < 0 || pread(fd, batch_text, want, (off_t)(l->size_bytes - want)) != (ssize_t)want)
		return;
	if (batch_text[want - 1] != '\n') {
		l->torn = true;
		return;
	}
	line = memrchr(batch_text, '\n', want - 1);
	line = line ? line + 1 : batch_text;
	tag = line + PREFIX_LEN - 2;
	if (tag + 1 < batch_text + want && *tag == 'P')
		l->partial[tag[-3] == 'r' ? CTR_STDERR : CTR_STDOUT] = true;
}

int ctr_log_open(struct ctr_log *l, const char *path, uint64_t max_bytes, uint32_t max_files,
		 struct err *e)
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
	l->max_files = max_files ? max_files : 1;
	idle_forget(batch_text, sizeof(batch_text));
	l->fd = take_fd(&fd);
	look_at_end(l);
	ctr_log_end(l, CTR_STDOUT);
	ctr_log_end(l, CTR_STDERR);
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
