/* Finding the last lines of a log without reading what is before them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "log-read.h"

#define CHUNK 65536
#define HEAD 96			/* enough of a record to know its kind */
#define LOOK_BACK_BYTES (8u << 20)	/* how far before the first line its earlier pieces are looked for */

/* One walk backwards over the records of all files. */
struct walk {
	int64_t lines, found;
	bool full;		/* all lines are found; only earlier pieces of them are missing */
	off_t full_at;
	bool open[2];		/* the earliest line of the stream may have earlier pieces */
	bool seen[2];		/* some record of the stream was counted */
	off_t from[2];
};

static bool is_over(const struct walk *w, off_t at)
{
	return w->full && ((!w->open[0] && !w->open[1]) || w->full_at - at > LOOK_BACK_BYTES);
}

/* The record at @at, the one before those seen so far. */
static void step(struct walk *w, off_t at, const struct log_record *r)
{
	bool s = r->is_stderr, ends_line = !r->partial || !w->seen[s];

	if (!w->full && ends_line) {
		if (w->found == w->lines) {
			w->full = true;
			w->full_at = at;
		} else {
			w->found++;
			w->open[s] = w->seen[s] = true;
			w->from[s] = at;
			return;
		}
	}
	if (!w->open[s])
		return;
	if (r->partial)
		w->from[s] = at;
	else
		w->open[s] = false;
}

static ssize_t pread_all(int fd, char *buf, size_t len, off_t at)
{
	size_t n = 0;

	while (n < len) {
		ssize_t r = pread(fd, buf + n, len - n, at + (off_t)n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : (ssize_t)n;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static size_t line_len(const char *p, size_t len)
{
	const char *nl = memchr(p, '\n', len);

	return nl ? (size_t)(nl - p) : len;
}

/* All records of one file, last first.  @base: where it begins over all files. */
static int walk_file(struct walk *w, int fd, off_t size, off_t base, char *buf)
{
	off_t pos = size;
	bool ended = false; /* the newline behind the last whole line was met */

	while (pos > 0 && !is_over(w, base + pos)) {
		size_t want = pos > CHUNK ? CHUNK : (size_t)pos;
		ssize_t n = pread_all(fd, buf, want, pos - (off_t)want);

		if (n < 0)
			return (int)n;
		if ((size_t)n != want)
			return 0; /* emptied meanwhile: all that is left is new */
		for (size_t i = want; !is_over(w, base + pos);) {
			char *nl = memrchr(buf, '\n', i);
			off_t at = nl ? pos - (off_t)want + (nl - buf) + 1 : 0;
			struct log_record rec;
			char head[HEAD];
			ssize_t h;

			if (!nl && pos > (off_t)want)
				break;
			if (ended && at < size) {
				size_t in = (size_t)(at - (pos - (off_t)want));
				const char *p = buf + in;

				/* The record's head may lie beyond what was read. */
				h = (ssize_t)(want - in);
				if (h < HEAD) {
					h = pread_all(fd, head, sizeof(head), at);
					p = head;
				}
				if (h > 0)
					h = (ssize_t)line_len(p, h < HEAD ? (size_t)h : HEAD);
				if (h > 0 && log_record_parse(p, (size_t)h, &rec))
					step(w, base + at, &rec);
			}
			ended = true;
			if (!nl)
				break;
			i = (size_t)(nl - buf);
		}
		pos -= (off_t)want;
	}
	return 0;
}

int log_files_tail(struct log_files *f, int64_t lines)
{
	auto_free char *buf = malloc(CHUNK);
	struct walk w = { .lines = lines };
	off_t end = 0, base, first, skipped = 0;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		struct stat st;

		if (fstat(f->items[i].fd, &st) == 0)
			f->items[i].size = st.st_size;
		end += f->items[i].size;
	}
	w.from[0] = w.from[1] = end;
	base = end;
	for (size_t i = f->n; r == 0 && i-- > 0 && !is_over(&w, base);) {
		base -= f->items[i].size;
		r = walk_file(&w, f->items[i].fd, f->items[i].size, base, buf);
	}
	if (r < 0)
		return r;
	/* Both at 0 would mean to begin at the beginning, which is right as well. */
	f->from[0] = w.from[0];
	f->from[1] = w.from[1];
	first = w.from[0] < w.from[1] ? w.from[0] : w.from[1];
	while (f->at + 1 < f->n && skipped + f->items[f->at].size <= first) {
		skipped += f->items[f->at].size;
		f->items[f->at].fd = fd_close(f->items[f->at].fd);
		f->at++;
	}
	f->pos = first;
	f->read = lseek(f->items[f->at].fd, first - skipped, SEEK_SET);
	return f->read < 0 ? -errno : 0;
}
