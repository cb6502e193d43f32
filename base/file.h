/*
 * State files: replaced, never edited; and the locks on them.  -errno returns; nothing prints.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum file_sync {
	FILE_SYNC_NONE,	/* atomic for processes, not durable: state that a reboot wipes anyway */
	FILE_SYNC_FULL,	/* data and directory are on disk before it returns */
};

/* Replace @name under @dir_fd: temporary file beside it, write, fsync, rename, fsync of the
 * directory.  On failure the old content stands and nothing is left behind. */
int file_replace(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		 enum file_sync sync);
/* Read a whole file of ours (path_open_beneath).  More than @max_bytes is -EFBIG.  The caller
 * frees *@ret_buf, which has a NUL behind its *@ret_len bytes. */
int file_read(int dir_fd, const char *name, size_t max_bytes, char **ret_buf, size_t *ret_len);
/* The same for a host path, links followed as the host means them (configuration files). */
int file_read_path(const char *path, size_t max_bytes, char **ret_buf, size_t *ret_len);
/* The beginning of a file of ours, at most @cap bytes by a single read: how many, or -errno.  For
 * many small ones, of which a reader can tell whether they are whole. */
ssize_t file_peek(int dir_fd, const char *name, char *buf, size_t cap);

/* flock() on @fd; with @wait false -EWOULDBLOCK where another holds it. */
int file_lock(int fd, bool exclusive, bool wait);

/* Lock files whose holder proves liveness (open file description locks): take for life, and ask
 * without taking.  file_ofd_held() returns 1 held by someone else, 0 free, or -errno. */
int file_ofd_lock(int fd, bool wait);
int file_ofd_held(int fd);

#endif
