/*
 * What containers have written, line by line, whichever driver keeps it.
 */
#ifndef CTRLITE_LOGS_H
#define CTRLITE_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctrlite/engine.h"
#include "err.h"
#include "str.h"

struct ctr_logs_opts {
	bool follow;			/* until the container has stopped, or until_ns has come */
	int64_t since_ns, until_ns;	/* 0: none */
	int64_t tail;			/* the last so many lines; -1: all */
	bool stamps;			/* struct ctr_log_line's stamp is wanted */
	int reader_fd;			/* following ends with -EPIPE when nobody reads this pipe any more */
};

struct ctr_log_line {
	size_t container;		/* of those asked for */
	int64_t stamp_ns;		/* with @stamps: when its first piece was written */
	bool is_stderr;
	bool partial;			/* the line goes on in a later piece: no newline belongs behind it */
	const char *text;		/* not terminated; lives until the callback returns */
	size_t len;
};

struct ctr_logs_callbacks {
	/* 0, or a negative errno that ends the reading and is returned (-EPIPE without a message). */
	int (*line)(void *arg, const struct ctr_log_line *l);
	/* Nothing more is there now: what was kept back should be shown.  The same results. */
	int (*idle)(void *arg);
	void *arg;
};

/*
 * The logs of @ids (full IDs), one after the other, or all at once as they come when they are
 * followed.  Pieces of a line come as one line, but for endless ones and, while following, those
 * whose rest does not come.  ERR_UNSUPPORTED: the driver of one keeps nothing.
 */
int ctr_logs_read(struct ctr_engine *eng, const struct strv *ids, const struct ctr_logs_opts *o,
		  const struct ctr_logs_callbacks *cb, struct err *e);

#endif
