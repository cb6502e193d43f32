/*
 * Events: what happened to containers, images, volumes and the rest, for `events`.
 */
#ifndef CTRLITE_EVENT_H
#define CTRLITE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ctrlite/engine.h"
#include "err.h"
#include "str.h"

struct ctr_request;

/* All texts are borrowed.  What does not apply is NULL or false. */
struct ctr_event {
	const char *type;	/* container, image, volume, secret, network, pod, system */
	const char *status;	/* podman's word: create, start, died, remove, pull ... */
	const char *id, *name;
	const char *image;	/* of a container: its image's name */
	const struct strv *attrs;	/* KEY=value: a container's labels, say */
	bool has_exit_code;
	int exit_code;
	const char *health;	/* healthy, unhealthy, starting */
	const char *network, *pod_id, *error;
	/* Only when read back: */
	int64_t time_ns;
};

/* Say that it happened, now.  What cannot be written is dropped (a debug message tells): no command
 * fails for it.  One append to a file, about 10 us. */
void ctr_event(struct ctr_engine *eng, const struct ctr_event *ev);
/* The same for a container whose record is at hand: its name, image and labels go along. */
void ctr_event_of(struct ctr_engine *eng, const struct ctr_request *r, const char *status);
/* The same, reading the record first; nothing happens where there is none. */
void ctr_event_of_id(struct ctr_engine *eng, const char *id, const char *status);

/* Of an image, its ID in hex and the name that it was meant by (may be NULL). */
void ctr_image_event(struct ctr_engine *eng, const char *status, const char *id, const char *name);

/* "file", "journald", "none"; ERR_INVALID. */
int ctr_events_backend_parse(const char *s, enum ctr_events_backend *ret, struct err *e);
const char *ctr_events_backend_str(enum ctr_events_backend b);
/* The file of CTR_EVENTS_FILE; fresh, or NULL. */
char *ctr_events_path(const struct ctr_engine *eng);

struct ctr_events_opts {
	bool old;		/* from the beginning of what is kept, not from now on */
	bool stream;		/* go on with what happens, until until_ns */
	int64_t since_ns, until_ns;	/* 0: none */
	int reader_fd;		/* a stream ends with -EPIPE when nobody reads this pipe any more */
};
/*
 * Call @fn for each event in the order of the file, lines that are none left out; it may end the
 * reading by a non-zero result, which is returned.  The event and its texts live until @fn returns.
 * ERR_UNSUPPORTED: events are kept nowhere, or the journal cannot be read.
 */
int ctr_events_read(struct ctr_engine *eng, const struct ctr_events_opts *o,
		    int (*fn)(void *arg, const struct ctr_event *ev), void *arg, struct err *e);

#endif
