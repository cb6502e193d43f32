/* What a path of `cp` means: in a container's root, which is hostile, or on the host. */
#ifndef CONTAINER_COPY_PLACE_H
#define CONTAINER_COPY_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "err.h"

struct place {
	int parent;		/* the directory that it is in, O_PATH; owned */
	char base[NAME_MAX + 1];/* its name there, links resolved; "." for a root directory */
	bool exists;
	struct stat st;		/* where it exists: of no link */
	bool dot;		/* the path ends with "/." or is "." */
	bool slash;		/* the path ends with "/" */
};
#define PLACE_INIT { .parent = -EBADF }

/*
 * Find what @path names, links followed, within @root_fd; FD_NONE: on the host, from the working
 * directory.  One that does not exist, but whose directory does, is a place as well.  0, or
 * -ENOENT (its directory is missing), -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EACCES ...
 */
int place_find(int root_fd, const char *path, struct place *ret);
void place_done(struct place *p);
/* Open the directory that it is: a descriptor for reading, or -errno. */
int place_open_dir(const struct place *p);

#endif
