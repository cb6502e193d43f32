/*
 * A root filesystem before it is mounted: paths looked up over the directories that overlay will
 * join, with the meaning they will have in the container (whiteouts, opaque directories, links
 * that stay inside).  Or a mounted one, behind a single directory.
 */
#ifndef SPEC_MERGED_H
#define SPEC_MERGED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "err.h"

struct merged {
	const char *const *dirs;	/* borrowed, topmost first; NULL for a mounted root */
	size_t n;
	int *fds;			/* opened as needed */
	int root_fd;			/* a mounted root, borrowed; or FD_NONE */
};
#define MERGED_INIT { .root_fd = -EBADF }

/* Over @n absolute directories, topmost first; @dirs is borrowed.  0 or -ENOMEM, -EINVAL. */
int merged_init(struct merged *m, const char *const *dirs, size_t n);
/* Over the root of a running container: @root_fd is /proc/PID/root, opened by the caller. */
void merged_init_root(struct merged *m, int root_fd);
void merged_done(struct merged *m);
#define auto_merged __attribute__((cleanup(merged_done)))

/*
 * Open @path with O_PATH; links are followed inside.  Returns a descriptor with *@ret_st (may be
 * NULL) filled, or -ENOENT, -ENOTDIR, -ELOOP, -EACCES where a directory belongs to another mapped
 * id and its mode keeps us out, -ENAMETOOLONG.
 */
int merged_open(struct merged *m, const char *path, struct stat *ret_st);

/*
 * What the layers have at @rel itself ("" the root, else "a/b" whose directories are none by links):
 * a descriptor with *@ret_st filled, -ENOENT where there is nothing.  Only after merged_init().
 */
int merged_entry(struct merged *m, const char *rel, struct stat *ret_st);

/*
 * Read the regular file @path of at most @max_bytes; the caller frees *@ret_buf, which has a NUL
 * behind its *@ret_len bytes.  Anything but a regular file is -EINVAL and is never opened for
 * reading, so that FIFOs and devices cannot block; larger is -EFBIG.
 */
int merged_read(struct merged *m, const char *path, size_t max_bytes, char **ret_buf,
		size_t *ret_len);

#endif
