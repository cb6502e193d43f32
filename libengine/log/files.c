/*
 * Log files in k8s-file form, `TIME stdout|stderr F|P TEXT`: the present one and those that rotation
 * has put aside (NAME.1 is the youngest of them).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "log-read.h"
#include "path.h"
#include "stamp.h"

#define BUF_BYTES (1u << 20)	/* a longer line was not written by us or conmon */
#define READ_BYTES (256u << 10)
#define LOOK_TRIES 100

bool log_record_parse(const char *s, size_t len, struct log_record *ret)
{
	const char *end = s + len, *sp, *p;

	/* Ours have a stamp of 35 bytes. */
	sp = len > 35 && s[35] == ' ' ? s + 35 : memchr(s, ' ', len);
	if (!sp || end - sp < 10)
		return false;
	p = sp + 1;
	if ((memcmp(p, "stdout ", 7) != 0 && memcmp(p, "stderr ", 7) != 0) ||
	    (p[7] != 'F' && p[7] != 'P') || p[8] != ' ')
		return false;
	ret->stamp = s;
	ret->stamp_len = (size_t)(sp - s);
	ret->is_stderr = p[3] == 'e';
	ret->partial = p[7] == 'P';
	ret->text = p + 9;
	ret->len = (size_t)(end - ret->text);
	return true;
}

static void file_close(struct log_file *f)
{
	f->fd = fd_close(f->fd);
}

void log_files_done(struct log_files *f)
{
	for (size_t i = f->at; i < f->n; i++)
		file_close(&f->items[i]);
	free(take_ptr(&f->items));
	free(take_ptr(&f->name));
	free(take_ptr(&f->buf));
	f->dir = fd_close(f->dir);
}

/* The @i-th oldest but one: 0 is the present file.  A link or a FIFO in its place is not it. */
static int open_file(const struct log_files *f, size_t i, struct log_file *ret)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int fd;

	if (snprintf(name, sizeof(name), i ? "%s.%zu" : "%s", f->name, i) >= (int)sizeof(name))
		return -ENOENT;
	fd = path_open_beneath(f->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)fd_close(fd);
		return -EINVAL;
	}
	*ret = (struct log_file){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size };
	return 0;
}

static bool same(const struct log_file *a, const struct log_file *b)
{
	return a->ino == b->ino && a->dev == b->dev;
}

static void close_all(struct log_file *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		file_close(&v[i]);
}

/* The files that are younger than @last (NULL: all), youngest first; their number or -errno. */
static int collect(const struct log_files *f, const struct log_file *last, struct log_file *v)
{
	int n = 0;
	bool gap = false;

	for (size_t i = 0; n < LOG_FILES_MAX_READ; i++, n++) {
		int r = open_file(f, i, &v[n]);

		/* While names are shifted one of them is missing for a moment. */
		if (r == -ENOENT && i > 0 && !gap) {
			gap = true;
			r = open_file(f, ++i, &v[n]);
		}
		if (r == -ENOENT)
			break;
		if (r < 0) {
			close_all(v, (size_t)n);
			return r;
		}
		if (last && same(&v[n], last)) {
			file_close(&v[n]);
			break;
		}
	}
	return n;
}

/* Rotation may shift the names while they are opened: then some are met twice, or the first is not
 * the present one any more. */
static bool is_consistent(const struct log_files *f, const struct log_file *v, int n)
{
	struct log_file now;

	for (int i = 0; i < n; i++)
		for (int k = 0; k < i && n < 64; k++)
			if (same(&v[i], &v[k]))
				return false;
	if (open_file(f, 0, &now) < 0)
		return false;
	file_close(&now);
	return n == 0 || same(&now, &v[0]);
}

/* Append what came after the last file that is known. */
static int look(struct log_files *f)
{
	auto_free struct log_file *v = calloc(LOG_FILES_MAX_READ, sizeof(*v));
	const struct log_file *last = f->n ? &f->items[f->n - 1] : NULL;
	struct log_file *items;
	int n = 0;

	if (!v)
		return -ENOMEM;
	for (int i = 0; i < LOOK_TRIES; i++) {
		if (i > 0)
			(void)poll(NULL, 0, 1);
		n = collect(f, last, v);
		/* Between two renames the name is missing for a moment. */
		if (n > 0 && is_consistent(f, v, n))
			break;
		if (n < 0 && n != -ENOENT)
			return n;
		close_all(v, n > 0 ? (size_t)n : 0);
		if (n == 0 && i > 2)
			return f->n ? 0 : -ENOENT;
		n = 0;
	}
	if (n <= 0)
		return -EAGAIN;
	items = reallocarray(f->items, f->n + (size_t)n, sizeof(*items));
	if (!items) {
		close_all(v, (size_t)n);
		return -ENOMEM;
	}
	f->items = items;
	while (n-- > 0)
		f->items[f->n++] = v[n];
	return 0;
}

int log_files_open(struct log_files *f, const char *path)
{
	auto_free char *dir = strndup(path, (size_t)(path_base(path) - path));

	f->name = strdup(path_base(path));
	f->buf = malloc(BUF_BYTES);
	if (!dir || !f->name || !f->buf)
		return -ENOMEM;
	f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->dir < 0 ? -errno : look(f);
}

/* Hand out the whole lines in the buffer and keep the rest. */
static int take_lines(struct log_files *f, struct log_sink *s)
{
	const bool times = s->o->since_ns || s->o->until_ns || s->o->stamps;
	const bool picks = f->from[0] || f->from[1];
	char *at = f->buf, *end = f->buf + f->len, *nl;
	struct log_record rec;
	int64_t ns = 0;
	int r = 0;

	while (r == 0 && !s->past_until && (nl = memchr(at, '\n', (size_t)(end - at)))) {
		bool wanted = !f->skipping && log_record_parse(at, (size_t)(nl - at), &rec);

		f->skipping = false;
		if (wanted && picks)
			wanted = f->pos + (at - f->buf) >= f->from[rec.is_stderr];
		if (wanted && times)
			wanted = stamp_parse(rec.stamp, rec.stamp_len, &ns) && log_sink_wants(s, ns);
		if (wanted)
			r = log_sink_add(s, rec.is_stderr, rec.partial, ns, rec.text, rec.len);
		at = nl + 1;
	}
	f->pos += at - f->buf;
	f->len = (size_t)(end - at);
	memmove(f->buf, at, f->len);
	if (f->len == BUF_BYTES) {
		f->pos += (off_t)f->len;
		f->len = 0;
		f->skipping = true;
	}
	return r;
}

/* Read the present file to its end. */
static int drain_one(struct log_files *f, struct log_sink *s)
{
	int fd = f->items[f->at].fd;

	for (;;) {
		size_t room = BUF_BYTES - f->len;
		ssize_t n = read(fd, f->buf + f->len, room < READ_BYTES ? room : READ_BYTES);
		struct stat st;
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			/* Somebody (logrotate's copytruncate) has emptied it: begin again. */
			if (fstat(fd, &st) < 0 || st.st_size >= f->read)
				return 0;
			f->read = lseek(fd, 0, SEEK_SET);
			f->len = 0;
			f->skipping = false;
			continue;
		}
		f->len += (size_t)n;
		f->read += n;
		r = take_lines(f, s);
		if (r < 0 || s->past_until)
			return r;
	}
}

static bool is_replaced(const struct log_files *f)
{
	const struct log_file *last = &f->items[f->n - 1];
	struct stat st;

	return fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_ino != last->ino || st.st_dev != last->dev);
}

int log_files_drain(struct log_files *f, struct log_sink *s)
{
	int r;

	for (;;) {
		bool replaced = f->at + 1 == f->n && is_replaced(f);

		/* Nothing is written to a file that has lost its name: read it to the end after that. */
		r = drain_one(f, s);
		if (r < 0 || s->past_until)
			return r;
		if (f->at + 1 == f->n && replaced) {
			r = look(f);
			if (r < 0)
				return r == -EAGAIN || r == -EINVAL ? 0 : r;
		}
		if (f->at + 1 >= f->n)
			return 0;
		file_close(&f->items[f->at++]);
		f->pos += (off_t)f->len; /* a torn end is nobody's beginning */
		f->len = 0;
		f->read = 0;
		f->skipping = false;
	}
}
