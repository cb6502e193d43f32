/* Reading the logs of containers, one after the other or all at once: see ctrlite/logs.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "container/container-priv.h"
#include "fd.h"
#include "log-read.h"
#include "stamp.h"

#define LOOK_MS 250		/* how often it is asked whether containers still run */
#define LOOK_BLIND_MS 50	/* without inotify */
#define JOURNAL_LATE_MS 300	/* after the container's end: what the journal still has to write */

enum source_kind { SOURCE_NONE, SOURCE_FILES, SOURCE_JOURNAL };

struct source {
	const char *id;
	char *path;		/* of the file */
	enum source_kind kind;
	struct log_files files;
	struct log_journal journal;
	struct log_sink sink;
	bool opened, over;
	int64_t ended_ns;	/* journal: when the container was found to have ended */
};

static void source_done(struct source *s)
{
	log_files_done(&s->files);
	log_journal_done(&s->journal);
	log_sink_done(&s->sink);
	free(take_ptr(&s->path));
}

static bool is_alive(struct ctr_engine *eng, const char *id)
{
	struct ctr_status st;

	if (ctr_container_status(eng, id, &st, NULL) < 0)
		return false;
	return st.state == CTR_RUNNING ||
	       (st.state == CTR_CREATED && container_is_held(eng, id) == 1);
}

static int choose(struct ctr_engine *eng, struct source *s, struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	int r = ctr_container_load(eng, s->id, &req, e);
	const char *driver = req.log_driver;

	if (r < 0)
		return r;
	if (container_log_is_file(driver))
		s->kind = SOURCE_FILES;
	else if (streq(driver, "journald"))
		s->kind = SOURCE_JOURNAL;
	else
		r = err_set(e, ERR_UNSUPPORTED, "this container is using the '%s' log driver, cannot read "
			    "logs: this container is not logging output", driver);
	s->path = container_log_path(eng, &req);
	ctr_request_done(&req);
	return r < 0 || s->path ? r : err_sys(e, ENOMEM, "read the log of container %.12s", s->id);
}

/* 0, also where there is no file yet: then @opened stays false. */
static int open_files(struct source *s, const struct ctr_logs_opts *o, struct err *e)
{
	int r = log_files_open(&s->files, s->path);

	if (r == 0 && o->tail >= 0)
		r = log_files_tail(&s->files, o->tail);
	if (r == 0) {
		s->opened = true;
		return 0;
	}
	log_files_done(&s->files);
	s->files = (struct log_files)LOG_FILES_INIT;
	if (r == -ENOENT)
		return 0;
	if (r == -EINVAL || r == -ELOOP)
		return err_set(e, ERR_CORRUPT, "the log %s of container %.12s is not a regular file", s->path,
			       s->id);
	return err_sys(e, r, "open the log %s of container %.12s", s->path, s->id);
}

static int source_open(struct ctr_engine *eng, struct source *s, const struct ctr_logs_opts *o,
		       struct err *e)
{
	int r = choose(eng, s, e);

	if (r < 0)
		return r;
	if (s->kind == SOURCE_JOURNAL) {
		r = log_journal_open(&s->journal, s->id, o, e);
		s->opened = r == 0;
		return r;
	}
	return open_files(s, o, e);
}

/* Take what is there; sets over. */
static int source_step(struct ctr_engine *eng, struct source *s, const struct ctr_logs_opts *o,
		       struct err *e)
{
	bool alive = o->follow && is_alive(eng, s->id); /* before: what is written after it is read */
	int r = 0;

	if (!s->opened && alive) {
		r = open_files(s, o, e); /* it is only being started */
		if (r < 0)
			return r;
	}
	if (s->opened)
		r = s->kind == SOURCE_FILES ? log_files_drain(&s->files, &s->sink)
					    : log_journal_drain(&s->journal, &s->sink);
	s->over = s->sink.past_until;
	if (s->kind == SOURCE_FILES) {
		s->over |= !alive;
	} else if (r == 0) {
		s->over = true; /* journalctl has ended */
	} else if (r == -EAGAIN) {
		r = 0;
		if (o->follow && !alive && !s->ended_ns)
			s->ended_ns = stamp_now();
		s->over |= s->ended_ns && stamp_now() - s->ended_ns > JOURNAL_LATE_MS * 1000000LL;
	}
	if (r == 0 && (s->over || o->follow))
		r = log_sink_flush(&s->sink);
	/* -EPIPE is the reader's: whoever reads our output has gone. */
	return r < 0 && r != -EPIPE ? err_sys(e, r, "read the log of container %.12s", s->id) : r;
}

static bool watch_files(int ino, const struct source *s)
{
	auto_free char *dir = strdup(s->path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash)
		return false;
	slash[slash == dir] = '\0';
	return inotify_add_watch(ino, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF) >= 0;
}

struct crowd {
	struct source *items;
	size_t n;
	int ino;
	bool blind;	/* not all files are watched */
};

static int wait_ms(const struct crowd *c, const struct ctr_logs_opts *o)
{
	int ms = c->blind ? LOOK_BLIND_MS : LOOK_MS;
	int64_t left;

	if (!o->until_ns)
		return ms;
	left = (o->until_ns - stamp_now()) / 1000000 + 1;
	return left < 0 ? 0 : left < ms ? (int)left : ms;
}

static int crowd_wait(const struct crowd *c, const struct ctr_logs_opts *o)
{
	auto_free struct pollfd *p = calloc(c->n + 2, sizeof(*p));
	char ev[4096];
	nfds_t n = 0;

	if (!p)
		return -ENOMEM;
	p[n++] = (struct pollfd){ .fd = c->ino, .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = o->reader_fd };
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].kind == SOURCE_JOURNAL && !c->items[i].over)
			p[n++] = (struct pollfd){ .fd = c->items[i].journal.fd, .events = POLLIN };
	if (poll(p, n, wait_ms(c, o)) < 0 && errno != EINTR)
		return -errno;
	if (p[1].revents & POLLERR)
		return -EPIPE;
	if (p[0].revents)
		(void)!read(c->ino, ev, sizeof(ev)); /* which event does not matter */
	return 0;
}

static int follow(struct ctr_engine *eng, struct crowd *c, const struct ctr_logs_opts *o,
		  const struct ctr_logs_callbacks *cb, struct err *e)
{
	size_t left = c->n;
	bool late = false;
	int r = 0;

	c->ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* A user has few of these: without one the files are looked at now and then. */
	c->blind = c->ino < 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->ino >= 0 && c->items[i].kind == SOURCE_FILES && !watch_files(c->ino, &c->items[i]))
			c->blind = true;
	while (r == 0 && left > 0 && !late) {
		late = o->until_ns && stamp_now() >= o->until_ns;
		for (size_t i = 0; r == 0 && i < c->n; i++) {
			if (c->items[i].over)
				continue;
			r = source_step(eng, &c->items[i], o, e);
			left -= c->items[i].over;
		}
		if (r == 0)
			r = cb->idle(cb->arg);
		if (r == 0 && left > 0 && !late)
			r = crowd_wait(c, o);
		if (r < 0 && r != -EPIPE && e && e->kind == ERR_NONE)
			(void)err_sys(e, r, "wait for output");
	}
	c->ino = fd_close(c->ino);
	return r;
}

static int read_one(struct ctr_engine *eng, struct source *s, const struct ctr_logs_opts *o,
		    struct err *e)
{
	struct pollfd p = { .fd = s->journal.fd, .events = POLLIN };
	int r;

	do
		r = source_step(eng, s, o, e);
	while (r == 0 && !s->over && (poll(&p, 1, -1) >= 0 || errno == EINTR));
	return r;
}

int ctr_logs_read(struct ctr_engine *eng, const struct strv *ids, const struct ctr_logs_opts *o,
		  const struct ctr_logs_callbacks *cb, struct err *e)
{
	struct crowd c = { .items = calloc(ids->n + 1, sizeof(*c.items)), .ino = FD_NONE };
	int r = c.items ? 0 : err_sys(e, ENOMEM, "read logs");

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		struct source *s = &c.items[c.n++];

		*s = (struct source){
			.id = ids->items[i], .files = LOG_FILES_INIT, .journal = LOG_JOURNAL_INIT,
			.sink = { .o = o, .cb = cb, .container = i },
		};
		r = source_open(eng, s, o, e);
		if (r == 0 && !o->follow)
			r = read_one(eng, s, o, e);
		if (!o->follow)
			source_done(s);
	}
	if (r == 0)
		r = o->follow ? follow(eng, &c, o, cb, e) : cb->idle(cb->arg);
	for (size_t i = 0; i < c.n && o->follow; i++)
		source_done(&c.items[i]);
	free(c.items);
	return r;
}
