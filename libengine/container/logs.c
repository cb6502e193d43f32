/*
 * Reading a k8s-file log: `TIME stdout|stderr F|P TEXT` lines, from the end for --tail, and
 * following it across rotation until the container stops.
 */
#include "container-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "path.h"

#define LOG_NAME "ctr.log"
#define CHUNK 262144
#define LINE_MAX_BYTES (4u << 20)	/* a longer line was not written by our monitor */

/* Days since 1970-01-01 of a civil date (proleptic Gregorian). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* RFC 3339 with nanoseconds, as our monitor and conmon write it. */
static bool parse_stamp(const char *s, size_t len, int64_t *ret_ns)
{
	char buf[48], frac[10] = "000000000";
	int y, mo, d, h, mi, sec, used = 0, oh = 0, om = 0;
	int64_t t;
	char *p;

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	if (sscanf(buf, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &sec, &used) != 6 || !used)
		return false;
	p = buf + used;
	if (*p == '.') {
		p++;
		for (int i = 0; i < 9 && *p >= '0' && *p <= '9'; i++)
			frac[i] = *p++;
	}
	t = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	if (*p == '+' || *p == '-') {
		if (sscanf(p + 1, "%2d:%2d", &oh, &om) != 2)
			return false;
		t -= (*p == '+' ? 1 : -1) * (oh * 3600 + om * 60);
	} else if (*p != 'Z') {
		return false;
	}
	*ret_ns = t * 1000000000 + strtol(frac, NULL, 10);
	return true;
}

/* One line of the file without its newline; false where it is not ours. */
static bool parse_line(const char *s, size_t len, struct ctr_log_line *ret)
{
	const char *sp = memchr(s, ' ', len), *p, *end = s + len;

	if (!sp)
		return false;
	ret->stamp = s;
	ret->stamp_len = (size_t)(sp - s);
	p = sp + 1;
	if ((size_t)(end - p) < 9 || (memcmp(p, "stdout ", 7) != 0 && memcmp(p, "stderr ", 7) != 0))
		return false;
	ret->is_stderr = p[3] == 'e';
	p += 7;
	if ((p[0] != 'F' && p[0] != 'P') || p[1] != ' ')
		return false;
	ret->partial = p[0] == 'P';
	ret->text = p + 2;
	ret->len = (size_t)(end - ret->text);
	return true;
}

struct reader {
	const struct ctr_logs_opts *o;
	int (*line)(void *arg, const struct ctr_log_line *l);
	void *arg;
	char *buf;
	size_t len;
	bool past_until;
};

/* Hand out the whole lines in the buffer and keep the rest. */
static int emit(struct reader *rd)
{
	size_t start = 0;
	char *nl;

	while (!rd->past_until && (nl = memchr(rd->buf + start, '\n', rd->len - start))) {
		struct ctr_log_line l;
		size_t len = (size_t)(nl - rd->buf) - start;
		int64_t ns;

		if (parse_line(rd->buf + start, len, &l)) {
			bool show = true;
			int r;

			if ((rd->o->since_ns || rd->o->until_ns) &&
			    parse_stamp(l.stamp, l.stamp_len, &ns)) {
				show = !rd->o->since_ns || ns >= rd->o->since_ns;
				if (rd->o->until_ns && ns > rd->o->until_ns) {
					rd->past_until = true;
					return 0;
				}
			}
			r = show ? rd->line(rd->arg, &l) : 0;
			if (r < 0)
				return r;
		}
		start += len + 1;
	}
	memmove(rd->buf, rd->buf + start, rd->len - start);
	rd->len -= start;
	return 0;
}

/* Read to the present end of the file. */
static int drain(struct reader *rd, int fd)
{
	for (;;) {
		ssize_t n;
		int r;

		if (rd->len == LINE_MAX_BYTES)
			rd->len = 0; /* not a line of ours: forget it */
		n = read(fd, rd->buf + rd->len,
			 rd->len + CHUNK > LINE_MAX_BYTES ? LINE_MAX_BYTES - rd->len : CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		rd->len += (size_t)n;
		r = emit(rd);
		if (r < 0 || rd->past_until)
			return r;
	}
}

/* Move to the beginning of the last @lines whole lines (parts of one line count as one). */
static int seek_tail(int fd, int64_t lines)
{
	auto_free char *buf = malloc(CHUNK);
	off_t end = lseek(fd, 0, SEEK_END), pos = end, line_start = end;
	int64_t left = lines;
	struct ctr_log_line l, next = { 0 };

	if (!buf)
		return -ENOMEM;
	if (pos < 0)
		return -errno;
	/* Walk back newline by newline; a line that follows a partial one belongs to it. */
	while (pos > 0 && left >= 0) {
		size_t want = pos > CHUNK ? CHUNK : (size_t)pos;
		ssize_t n = pread(fd, buf, want, pos - (off_t)want);
		size_t i;

		if (n < 0)
			return -errno;
		if ((size_t)n != want)
			return -EAGAIN; /* truncated meanwhile */
		for (i = want; i > 0; i--) {
			off_t at = pos - (off_t)want + (off_t)i;
			char head[96];
			ssize_t h;

			if (buf[i - 1] != '\n' || at == line_start)
				continue;
			/* A line begins at @at.  What follows it begins a new one unless this is a
			 * part of it. */
			h = pread(fd, head, sizeof(head), at);
			if (h <= 0 || !parse_line(head, (size_t)h, &l))
				l = (struct ctr_log_line){ 0 };
			if ((line_start == end || !l.partial || l.is_stderr != next.is_stderr) &&
			    --left < 0)
				return lseek(fd, line_start, SEEK_SET) < 0 ? -errno : 0;
			line_start = at;
			next = l;
		}
		pos -= (off_t)want;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static bool still_running(struct ctr_engine *eng, const char *id)
{
	struct ctr_status st;

	return ctr_container_status(eng, id, &st, NULL) == 0 &&
	       (st.state == CTR_RUNNING || (st.state == CTR_CREATED && container_is_held(eng, id) == 1));
}

/* Wait for more; the file may be replaced by rotation, and then *@fd is the new one. */
static int follow(struct ctr_engine *eng, const char *id, int dir, struct reader *rd, int *fd)
{
	auto_close int ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char name[40], ev[4096];
	int r;

	if (ino < 0)
		return -errno;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", dir);
	if (inotify_add_watch(ino, name, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
		return -errno;
	for (;;) {
		struct pollfd p = { .fd = ino, .events = POLLIN };
		bool running = still_running(eng, id);
		struct stat mine, now;

		r = drain(rd, *fd);
		if (r < 0 || rd->past_until)
			return r;
		if (fstat(*fd, &mine) == 0 && lseek(*fd, 0, SEEK_CUR) > mine.st_size)
			(void)lseek(*fd, 0, SEEK_SET); /* truncated by rotation */
		if (fstatat(dir, LOG_NAME, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (now.st_ino != mine.st_ino || now.st_dev != mine.st_dev)) {
			int next = path_open_beneath(dir, LOG_NAME, O_RDONLY);

			if (next >= 0) {
				(void)fd_close(*fd);
				*fd = next;
				continue;
			}
		}
		if (!running)
			return 0;
		if (poll(&p, 1, 250) > 0)
			(void)!read(ino, ev, sizeof(ev)); /* which event does not matter */
	}
}

int ctr_container_logs(struct ctr_engine *eng, const char *id, const struct ctr_logs_opts *o,
		       int (*line)(void *arg, const struct ctr_log_line *l), void *arg,
		       struct err *e)
{
	struct reader rd = { .o = o, .line = line, .arg = arg };
	struct ctr_request req = CTR_REQUEST_INIT;
	auto_close int dir = FD_NONE, fd = FD_NONE;
	auto_free char *buf = malloc(LINE_MAX_BYTES);
	bool none;
	int r;

	if (!buf)
		return err_sys(e, ENOMEM, "read the log");
	rd.buf = buf;
	r = ctr_container_load(eng, id, &req, e);
	if (r < 0)
		return r;
	none = req.log_driver && streq(req.log_driver, "none");
	ctr_request_done(&req);
	if (none)
		return err_set(e, ERR_UNSUPPORTED, "this container is using the 'none' log driver, "
			       "cannot read logs: this container is not logging output");
	dir = container_dir(eng, id, e);
	if (dir < 0)
		return dir;
	fd = path_open_beneath(dir, LOG_NAME, O_RDONLY);
	if (fd == -ENOENT && o->follow && still_running(eng, id)) {
		/* Starting just now: the monitor makes the file before anything runs. */
		for (int i = 0; fd == -ENOENT && i < 200; i++) {
			(void)poll(NULL, 0, 5);
			fd = path_open_beneath(dir, LOG_NAME, O_RDONLY);
		}
	}
	if (fd == -ENOENT)
		return 0; /* never started */
	if (fd < 0)
		return err_sys(e, fd, "open the log of container %.64s", id);
	r = o->tail >= 0 ? seek_tail(fd, o->tail) : 0;
	if (r == 0)
		r = o->follow ? follow(eng, id, dir, &rd, &fd) : drain(&rd, fd);
	/* -EPIPE is the reader's: whoever reads our output has gone. */
	return r < 0 && r != -EPIPE ? err_sys(e, r, "read the log of container %.64s", id) : r;
}
