/*
 * Copying a directory's content with everything that a file has: owner, mode, times, extended
 * attributes, hard links, symlinks, holes.
 */
#ifndef BASE_COPY_TREE_H
#define BASE_COPY_TREE_H

#include <stdbool.h>

#include "err.h"
#include "userns.h"

struct copy_opts {
	/*
	 * A layer for overlay, in a place where nobody else is: sockets and overlay's own marks
	 * (user.overlay.*) belong to it, and an attribute or device that cannot be copied is an
	 * error.  Otherwise these are left out.  The caller may create files for everybody: root of
	 * its user namespace with umask 0 and SECBIT_NO_SETUID_FIXUP.
	 */
	bool layer;
	/* Owners, and the ids in ACLs and capabilities, become what this makes of them (from its
	 * container to its host side).  One that it lacks is ERR_INVALID.  NULL: as they are. */
	const struct idmap *shift;
};

/*
 * Copy what is in the directory @src_fd (untrusted; opened O_RDONLY) into the empty directory
 * @dst_fd, and the directory's own owner, mode and times onto it.  @o NULL: all of it unset.
 * Links are copied, not followed.  On failure what was copied is removed again.  A directory whose
 * path is longer than PATH_MAX, or COPY_PENDING_MAX_BYTES of names of directories that are still
 * to be copied, are ERR_LIMIT.
 */
#define COPY_PENDING_MAX_BYTES (256u << 20)
int copy_tree(int src_fd, int dst_fd, const struct copy_opts *o, struct err *e);

/* The same by @n threads (1..COPY_THREADS_MAX): directories are shared out among them. */
#define COPY_THREADS_MAX 16
int copy_tree_by_threads(int src_fd, int dst_fd, const struct copy_opts *o, unsigned int n,
			 struct err *e);

/* 1 if there is nothing in the directory, 0, or -errno. */
int dir_is_empty(int dir_fd);

#endif
