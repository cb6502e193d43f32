/*
 * What happened, as one line of JSON with the member names of podman's event file, and where such
 * lines go: a file or the journal.  Engine and monitor write the same form.
 */
#ifndef BASE_EVENT_LINE_H
#define BASE_EVENT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

#define EVENT_LINE_MAX_BYTES (256u << 10)	/* a longer one is not written, and not read */
#define EVENT_FILE_MAX_BYTES (1000u * 1000u)	/* then the file becomes FILE.1 */
#define EVENT_JOURNAL_FIELD "CTR_LITE_EVENT"	/* holds the line */

/* Texts may be NULL and are written as they are but for what JSON needs; what is no UTF-8 becomes
 * U+FFFD. */
struct event_line {
	int64_t time_ns;		/* CLOCK_REALTIME */
	const char *type, *status;	/* container, image ...; create, start, died ... */
	const char *id, *name, *image;
	const char *network, *pod_id, *health, *error;
	const char *const *attrs;	/* KEY=value */
	size_t n_attrs;
	bool has_exit_code;
	int exit_code;
};

/* Append the line with its newline. */
void event_line_add(struct strbuf *b, const struct event_line *l);

/*
 * Append whole lines to the file @path (0600), whose directory is made (0700) where it is missing:
 * one write, without a lock.  Beyond EVENT_FILE_MAX_BYTES the file is renamed to @path with ".1"
 * behind it; a line that another writer adds at that moment lands there.  0 or -errno.
 */
int event_file_append(const char *path, const char *lines, size_t len);

/* The same lines as messages to systemd's journal, each with EVENT_JOURNAL_FIELD.  -ENOENT or
 * -ECONNREFUSED where no journal listens. */
int event_journal_send(const char *lines, size_t len);

#endif
