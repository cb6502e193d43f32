/*
 * Writing a tar archive (POSIX pax) to a descriptor: ustar headers, with pax records for what does
 * not fit in them (long names, large numbers, extended attributes).
 */
#ifndef BASE_TAR_WRITE_H
#define BASE_TAR_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tar_xattr {
	const char *name;
	const void *value;
	size_t len;
};

struct tar_entry {
	const char *path;	/* without a leading '/'; a directory's '/' at the end is added */
	const char *link;	/* of a symbolic or hard link; else NULL */
	bool hard_link;
	mode_t mode;		/* with the type */
	uint32_t uid, gid;
	uint64_t size;		/* of a regular file */
	int64_t mtime;		/* seconds */
	dev_t rdev;		/* of a device */
	const struct tar_xattr *xattrs;
	size_t n_xattrs;
};

struct tar_write {
	int fd;			/* borrowed */
	char *buf;
	size_t len;
	uint64_t written;	/* all bytes up to now, with those that wait in the buffer */
	bool no_sendfile;
};

/* 0 or -ENOMEM. */
int tar_write_init(struct tar_write *t, int fd);
void tar_write_done(struct tar_write *t);	/* drops what is not written yet */

/* The header of an entry; its content, if it has a size, follows by tar_write_file(). */
int tar_write_entry(struct tar_write *t, const struct tar_entry *e);
/*
 * Exactly @size bytes of @fd's file from its beginning: what is missing (it has become shorter) is
 * filled up with zeros.  @stop (may be NULL) is asked now and then; when it says so -EINTR.
 */
int tar_write_file(struct tar_write *t, int fd, uint64_t size, bool (*stop)(void *arg, uint64_t bytes),
		   void *arg);
/* The end of the archive, and everything out. */
int tar_write_end(struct tar_write *t);

#endif
