/* Reading events back: from the file, with what was renamed away, and following both. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event-read.h"
#include "fd.h"
#include "path.h"
#include "stamp.h"

#define POLL_MS 200	/* without inotify */
#define FILES_MAX 3	/* that are read side by side: renamed ones may still get a last line */
#define DIR_NAME "events"
#define FILE_NAME "events.log"

struct file {
	int fd;
	struct stat st;
	struct event_buf buf;
};

/* The files that are read, oldest first; the last is where lines go now. */
struct tail {
	int dir;
	struct file files[FILES_MAX];
	size_t n;
};

static void file_done(struct file *f)
{
	f->fd = fd_close(f->fd);
	free(take_ptr(&f->buf.data));
}

static void tail_done(struct tail *t)
{
	for (size_t i = 0; i < t->n; i++)
		file_done(&t->files[i]);
	t->n = 0;
	t->dir = fd_close(t->dir);
}

static bool has(const struct tail *t, const struct stat *st)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->files[i].st.st_ino == st->st_ino && t->files[i].st.st_dev == st->st_dev)
			return true;
	return false;
}

/* Take up @name unless it is there already: 1 taken, 0, or -errno (a missing one is 0). */
static int take_up(struct tail *t, const char *name)
{
	struct file f = { .fd = path_open_beneath(t->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY) };

	if (f.fd < 0)
		return f.fd == -ENOENT ? 0 : f.fd;
	if (fstat(f.fd, &f.st) < 0 || !S_ISREG(f.st.st_mode) || has(t, &f.st)) {
		file_done(&f);
		return 0;
	}
	if (t->n == FILES_MAX) {
		file_done(&t->files[0]);
		t->n--;
		memmove(&t->files[0], &t->files[1], t->n * sizeof(t->files[0]));
	}
	t->files[t->n++] = f;
	return 1;
}

/* Find what was renamed and made since: both names, and once more when that happened meanwhile. */
static int look(struct tail *t)
{
	struct stat now;
	int r = 0;

	for (int i = 0; r >= 0 && i < 8; i++) {
		r = take_up(t, FILE_NAME ".1");
		r = r < 0 ? r : take_up(t, FILE_NAME);
		if (r >= 0 && (fstatat(t->dir, FILE_NAME, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
			       !S_ISREG(now.st_mode) || has(t, &now)))
			break;
	}
	return r < 0 ? r : 0;
}

static int drain(struct event_reader *rd, struct tail *t)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n && !rd->past_until; i++)
		r = event_read_fd(rd, &t->files[i].buf, t->files[i].fd);
	return r;
}

static int follow(struct event_reader *rd, struct tail *t)
{
	auto_close int ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char name[40], ev[4096];
	bool over = false;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", t->dir);
	/* A user has few of these: without one the file is looked at now and then. */
	if (ino >= 0 && inotify_add_watch(ino, name, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		ino = fd_close(ino);
	for (;;) {
		struct pollfd p[] = { { .fd = ino, .events = POLLIN }, { .fd = rd->o->reader_fd } };
		int r = look(t);

		r = r < 0 ? r : drain(rd, t);
		if (r != 0 || rd->past_until || over)
			return r;
		(void)poll(p, 2, event_wait_ms(rd->o, ino < 0 ? POLL_MS : -1));
		if (p[1].revents & POLLERR)
			return -EPIPE;
		if (p[0].revents)
			(void)!read(ino, ev, sizeof(ev)); /* which event does not matter */
		over = rd->o->until_ns && stamp_now() >= rd->o->until_ns;
	}
}

static int open_dir(struct ctr_engine *eng)
{
	int fd = path_open_beneath(eng->store.run_fd, DIR_NAME, O_RDONLY | O_DIRECTORY);

	if (fd != -ENOENT)
		return fd;
	/* Nothing has happened yet. */
	if (mkdirat(eng->store.run_fd, DIR_NAME, 0700) < 0 && errno != EEXIST)
		return -errno;
	return path_open_beneath(eng->store.run_fd, DIR_NAME, O_RDONLY | O_DIRECTORY);
}

int event_read_file(struct ctr_engine *eng, struct event_reader *rd, struct err *e)
{
	struct tail t = { .dir = open_dir(eng) };
	int r = t.dir < 0 ? t.dir : look(&t);

	for (size_t i = 0; r >= 0 && !rd->o->old && i < t.n; i++)
		if (lseek(t.files[i].fd, 0, SEEK_END) < 0)
			r = -errno;
	if (r >= 0)
		r = rd->o->stream ? follow(rd, &t) : drain(rd, &t);
	tail_done(&t);
	return r < 0 && r != -EPIPE ? err_sys(e, r, "read the events in %s/" DIR_NAME, eng->store.run) : r;
}

int ctr_events_read(struct ctr_engine *eng, const struct ctr_events_opts *o,
		    int (*fn)(void *arg, const struct ctr_event *ev), void *arg, struct err *e)
{
	struct event_reader rd = { .o = o, .fn = fn, .arg = arg };

	if (eng->events == CTR_EVENTS_NONE)
		return err_set(e, ERR_UNSUPPORTED, "cannot read events with the \"none\" backend: "
			       "they are kept nowhere");
	if (eng->events == CTR_EVENTS_JOURNALD)
		return event_read_journal(&rd, e);
	return event_read_file(eng, &rd, e);
}
