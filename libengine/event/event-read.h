/* Reading events: what the sources (file, journal) share. */
#ifndef EVENT_READ_H
#define EVENT_READ_H

#include <poll.h>

#include "ctrlite/event.h"

struct event_reader {
	const struct ctr_events_opts *o;
	int (*fn)(void *arg, const struct ctr_event *ev);
	void *arg;
	bool past_until;
	char *field;	/* events are in this member of each line's object; NULL: they are the object */
};

/* One line without its newline: 0, whether it was an event or not, or what fn returned. */
int event_read_line(struct event_reader *rd, const char *line, size_t len);

/* What was read of a stream, until its lines are whole. */
struct event_buf {
	char *data;		/* EVENT_BUF_BYTES */
	size_t len;
	bool skipping;		/* the line at the beginning is too long */
};
#define EVENT_BUF_BYTES (512u << 10)
#define EVENT_BUF_INIT { 0 }
/* Read @fd to its end (or, when it is non-blocking, to what there is now): 0 at the end or when
 * until was reached, -EAGAIN, another -errno, or what fn returned. */
int event_read_fd(struct event_reader *rd, struct event_buf *b, int fd);

/* Milliseconds until @o's until, at most @max (-1: no limit). */
int event_wait_ms(const struct ctr_events_opts *o, int max);

/* The backends. */
int event_read_file(struct ctr_engine *eng, struct event_reader *rd, struct err *e);
int event_read_journal(struct event_reader *rd, struct err *e);

#endif
