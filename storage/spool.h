/*
 * An archive as a file that can be read at any place: what is a pipe, or compressed, goes to a file
 * without a name first.
 */
#ifndef STORAGE_SPOOL_H
#define STORAGE_SPOOL_H

#include "err.h"
#include "unpack.h"
#include "userns.h"

struct spool_opts {
	int dir_fd;			/* a stage: where the file is, and the decompressing worker */
	const char *tmp;		/* the file goes there instead; NULL: not */
	const struct idmap *idmap;	/* for the worker; NULL: none (root) */
	const struct unpack_limits *lim;
	int (*stop)(struct err *e);	/* asked now and then: negative (with @e) to end; may be NULL */
};

/* A new file without a name in the directory @dir_fd, read and write.  fd or -errno. */
int spool_file(int dir_fd);

/*
 * *@ret_fd is a regular file with the bytes of @in_fd (borrowed), decompressed: another descriptor
 * of the same file where that is one, stands at its beginning and is not compressed.
 * ERR_LIMIT where it grows beyond o->lim.
 */
int spool_open(int in_fd, const struct spool_opts *o, int *ret_fd, struct err *e);

#endif
