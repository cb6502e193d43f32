/* Reading logs: what the kinds of sources share. */
#ifndef LOG_READ_H
#define LOG_READ_H

#include <sys/types.h>

#include "ctrlite/logs.h"
#include "proc.h"

/* Pieces of a line that have come, until the rest does. */
struct log_join {
	struct strbuf text;
	int64_t stamp_ns;
	bool shown;	/* its beginning was handed out already */
};
#define LOG_JOIN_MAX_BYTES (1u << 20)	/* more than this is handed out in pieces */

/* Where lines go. */
struct log_sink {
	const struct ctr_logs_opts *o;
	const struct ctr_logs_callbacks *cb;
	size_t container;
	struct log_join join[2];	/* by stream */
	bool past_until;
};

/* One record: a line, or with @partial a piece of one.  What the callback returns. */
int log_sink_add(struct log_sink *s, bool is_stderr, bool partial, int64_t stamp_ns, const char *text,
		 size_t len);
/* Hand out what is kept back. */
int log_sink_flush(struct log_sink *s);
void log_sink_done(struct log_sink *s);
/* Do since and until let a record of that time through?  Sets past_until. */
bool log_sink_wants(struct log_sink *s, int64_t stamp_ns);

#define LOG_FILES_MAX_READ 1001

struct log_file {
	int fd;
	dev_t dev;
	ino_t ino;
	off_t size;	/* when it was opened */
};

/* The file of the k8s-file driver and those that rotation has made of it. */
struct log_files {
	int dir;
	char *name;
	struct log_file *items;		/* oldest first; those before @at are closed */
	size_t n, at;
	off_t from[2];			/* where each stream begins, over all files; see log_files_tail() */
	off_t pos;			/* of @buf, over all files */
	off_t read;			/* of items[at] */
	char *buf;
	size_t len;
	bool skipping;			/* a line that is too long goes by */
};
#define LOG_FILES_INIT { .dir = -EBADF }

/* @path: absolute.  0; -ENOENT: there is no log yet; -errno. */
int log_files_open(struct log_files *f, const char *path);
void log_files_done(struct log_files *f);
/* Begin at the last @lines lines. */
int log_files_tail(struct log_files *f, int64_t lines);
/* Read to the end of what there is now, also of files that rotation has made meanwhile. */
int log_files_drain(struct log_files *f, struct log_sink *s);
/* The line at @s without its newline, as our monitor and conmon write it; false: it is none. */
struct log_record {
	const char *stamp, *text;
	size_t stamp_len, len;
	bool is_stderr, partial;
};
bool log_record_parse(const char *s, size_t len, struct log_record *ret);

/* The journal, by way of journalctl. */
struct log_journal {
	struct proc proc;
	int fd;
	char *buf;
	size_t len;
};
#define LOG_JOURNAL_BUF_BYTES (1u << 20)	/* more than one entry of ours ever has */
#define LOG_JOURNAL_INIT { .proc = PROC_INIT, .fd = -EBADF }
int log_journal_open(struct log_journal *j, const char *id, const struct ctr_logs_opts *o,
		     struct err *e);
/* 0: end, -EAGAIN: nothing more now, or another error. */
int log_journal_drain(struct log_journal *j, struct log_sink *s);
void log_journal_done(struct log_journal *j);

#endif
