/* Records of file lists, from a tree and from a list; for the files of storage/ only. */
#ifndef STORAGE_FILE_WALK_H
#define STORAGE_FILE_WALK_H

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "file-sums.h"
#include "str.h"

struct file_record {
	char type;		/* see file-list.h; '.': the end of a directory */
	mode_t mode;
	uint32_t uid, gid;
	uint64_t size;
	struct timespec mtime;
	uint64_t content, xattrs, link;
	char name[NAME_MAX + 1];
	bool dense;		/* from a tree only: as many blocks as its size needs */
	bool known;		/* from a tree only: so is the content */
	bool shared;		/* from a tree only: it has several names, perhaps in other layers */
};

/* All of a tree, in the order of a list, without reading any file.  One descriptor, whatever the depth. */
struct file_walk {
	int fd;			/* the present directory */
	int cwd;		/* where we were before */
	bool xattrs;		/* look for them */
	bool enter;		/* the last record was a directory, whose content is next */
	bool leave;		/* the last record was the end of a directory, which is still the present one */
	uint64_t n;		/* records so far, ends of directories not counted */
	char last[NAME_MAX + 1];
	struct file_walk_dir {
		struct file_walk_name {
			char *name;	/* in text */
			uint64_t ino;
			unsigned char type;
		} *names;
		char *text;
		size_t n, next, path_len;
	} *dirs;
	size_t depth, cap;
	struct strbuf path;	/* of the present directory: "", or "usr/bin/" */
	struct file_sums_map links;	/* of files with several names */
	struct file_sums *known;	/* files that need not be looked at; may be NULL */
};
#define FILE_WALK_INIT { .fd = -EBADF, .cwd = -EBADF }
/* The walk needs the working directory, which comes back with file_walk_done(). */
int file_walk_init(struct file_walk *w, int root_fd, bool xattrs);
void file_walk_done(struct file_walk *w);
#define auto_file_walk __attribute__((cleanup(file_walk_done)))
/* 1, or 0 behind the end of the root. */
int file_walk_next(struct file_walk *w, struct file_record *ret);
/* Pass over the content of the directory that came last. */
static inline void file_walk_skip(struct file_walk *w)
{
	w->enter = false;
}
/* Open the file that came last. */
int file_walk_open(const struct file_walk *w, const struct file_record *rec);

/* Append the record with its NUL. */
void file_record_write(struct strbuf *b, const struct file_record *rec);
/* The next record of a list: 1, 0 at its end, -EBADMSG for nonsense. */
int file_record_read(FILE *f, struct file_record *ret);

#endif
