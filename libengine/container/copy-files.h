/* Copying files and trees into a place where there may be others, between roots that are hostile. */
#ifndef CONTAINER_COPY_FILES_H
#define CONTAINER_COPY_FILES_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "copy-place.h"
#include "err.h"

#define COPY_DEPTH_MAX 1000	/* directories inside of one another */
#define COPY_LINKS_MAX 1000000	/* files with several names that are remembered */

/* How far it is, in memory that the process that shows it shares. */
struct copy_progress {
	_Atomic uint64_t bytes, files;
};

struct copy_job {
	/* What an owner becomes; false: leave it to the file system who made the file. */
	bool (*owner)(const struct copy_job *j, const struct stat *st, uint32_t *ret_uid,
		      uint32_t *ret_gid);
	const void *owner_arg;
	bool overwrite;		/* a directory may take the place of something else, and the reverse */
	bool to_host;		/* what means something to the host's kernel stays away */
	struct copy_progress *progress;		/* may be NULL */
	const volatile sig_atomic_t *stop;	/* a signal: end, and leave no half file */

	/* private */
	int top_fd;		/* where the copy is made; @path is from there */
	char path[PATH_MAX];
	size_t path_len;
	char *buf;
	void *links;		/* tsearch(3) */
	size_t n_links;
	bool no_clone;
	dev_t made_dev;		/* the copied directory itself, which may lie in the source */
	ino_t made_ino;
};

/*
 * Copy what @src is to the name @name in the directory @dst_fd; with @contents what is in the
 * directory @src into the directory @dst_fd.  Existing directories are filled further, other files
 * are replaced.  Links are copied as they are; devices and sockets are left out, and what other
 * file systems of the kernel (/proc ...) show inside of a tree.
 * A file is complete before it has its name.  -EINTR when @j->stop became true.
 */
int copy_files(struct copy_job *j, const struct place *src, int dst_fd, const char *name,
	       bool contents, struct err *e);

/* Is this a file system of the kernel's own making, whose files are no files? */
bool fs_is_pseudo(int fd);

#endif
