/*
 * The container's log in k8s-file form: "TIME stdout|stderr F|P TEXT\n" for each line of output,
 * P for a piece of a line that goes on in the next record of that stream.
 *
 * Writing never fails for the caller: what cannot be written (disk full, read-only, I/O error) is
 * counted, and the first record that can be written again says how much was lost.  No record is
 * ever torn: a half-written one is cut off.
 */
#ifndef MONITOR_CTR_LOG_H
#define MONITOR_CTR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum ctr_stream { CTR_STDOUT, CTR_STDERR };

struct ctr_log {
	int fd;			/* FD_NONE: nothing is logged */
	int dir_fd;		/* of the file's directory, which may be renamed meanwhile */
	char *name;
	uint64_t size_bytes, max_bytes;
	uint32_t max_files;
	const struct journal_log *journal;	/* NULL: not to the journal; borrowed */
	bool partial[2];	/* the stream's last record was a P */
	bool torn;		/* the file may end inside a record that could not be cut off */
	uint64_t lost_bytes;	/* in all */
	uint64_t unsaid_bytes;	/* lost and not yet noted in the log */
	int last_errno;
};
#define CTR_LOG_INIT { .fd = -EBADF, .dir_fd = -EBADF }

/*
 * Open @path for appending (0600, regular files only).  Beyond @max_bytes (0: no limit) the file is
 * replaced by a fresh one, as podman's k8s-file driver does; with @max_files > 1 it becomes PATH.1,
 * that one PATH.2, and so on, so that there are never more than that (docker's max-file).
 */
int ctr_log_open(struct ctr_log *l, const char *path, uint64_t max_bytes, uint32_t max_files,
		 struct err *e);
void ctr_log_write(struct ctr_log *l, enum ctr_stream stream, const char *buf, size_t len);
/* Nothing may come any more for a while: says what was lost. */
void ctr_log_note_loss(struct ctr_log *l);
/* Another process writes now: finishes a last line that had no newline. */
void ctr_log_end(struct ctr_log *l, enum ctr_stream stream);
void ctr_log_close(struct ctr_log *l);

/*
 * The journald driver: each line a message of its own, a piece of a line with
 * CONTAINER_PARTIAL_MESSAGE.  What the journal does not take in time is lost, and counted as above.
 */
struct journal_log {
	const char *id, *name, *image, *tag;	/* image, tag: NULL: none */
	const char *const *labels;		/* FIELD=value */
	size_t n_labels;
};
/* ERR_UNSUPPORTED where there is no journal.  @j is borrowed. */
int journal_log_open(struct ctr_log *l, const struct journal_log *j, struct err *e);
void journal_log_write(struct ctr_log *l, enum ctr_stream stream, const char *buf, size_t len);

#endif
