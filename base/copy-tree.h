/*
 * Copying a directory's content with everything that a file has: owner, mode, times, extended
 * attributes, hard links, symlinks, holes.
 */
#ifndef BASE_COPY_TREE_H
#define BASE_COPY_TREE_H

#include "err.h"

/*
 * Copy what is in the directory @src_fd (untrusted; opened O_RDONLY) into the empty directory
 * @dst_fd, and the directory's own owner, mode and times onto it.  Links are copied, not followed.
 * Devices that we may not make and sockets are left out, as are attributes that the file system
 * refuses.  On failure what was copied is removed again.  Bounded: COPY_DEPTH_MAX levels.
 */
#define COPY_DEPTH_MAX 200
int copy_tree(int src_fd, int dst_fd, struct err *e);

/* 1 if there is nothing in the directory, 0, or -errno. */
int dir_is_empty(int dir_fd);

#endif
