/*
 * Descriptors: ownership on the line of declaration, whole reads and writes.
 * Everything here makes close-on-exec descriptors.  -errno returns; nothing prints.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#define FD_NONE (-EBADF)

/* Close if >= 0; keeps errno.  Returns FD_NONE, for `fd = fd_close(fd);`. */
int fd_close(int fd);

static inline int take_fd(int *fd)
{
	int r = *fd;

	*fd = FD_NONE;
	return r;
}

static inline void *take_ptr_(void *pp)
{
	void **p = pp;
	void *r = *p;

	*p = NULL;
	return r;
}
#define take_ptr(pp) ((__typeof__(*(pp)))take_ptr_(pp))

void auto_close_done(int *fd);
void auto_free_done(void *pp);
void auto_dir_done(DIR **d);
void auto_file_done(FILE **f);
#define auto_close __attribute__((cleanup(auto_close_done)))
#define auto_free __attribute__((cleanup(auto_free_done)))
#define auto_dir __attribute__((cleanup(auto_dir_done)))
#define auto_file __attribute__((cleanup(auto_file_done)))

/* Write all of @len bytes, resuming after signals and short writes.  0 or -errno. */
int fd_write_all(int fd, const void *buf, size_t len);
/* Read until @len bytes or end of file; returns the count (<= @len) or -errno. */
ssize_t fd_read_full(int fd, void *buf, size_t len);
/* Read the whole file behind @fd into fresh memory with a NUL behind it.  More than @max_bytes is
 * -EFBIG and nothing is returned.  The caller frees *@ret_buf. */
int fd_read_file(int fd, size_t max_bytes, char **ret_buf, size_t *ret_len);
/* fcntl(F_DUPFD_CLOEXEC, 3): a close-on-exec copy that is none of stdin, stdout, stderr. */
int fd_dup(int fd);
int fd_set_cloexec(int fd, bool on);
int fd_set_nonblock(int fd, bool on);
/* Copy from @in to @out until end of file (copy_file_range, then read and write); at most
 * @max_bytes, beyond it -EFBIG. */
int fd_copy(int in, int out, uint64_t max_bytes);
/* Descriptors 0, 1 and 2 are open afterwards (on /dev/null where they were closed): the first
 * thing every program does. */
int fd_sanitize_std(void);
/* Open another description of the file behind @fd via /proc/self/fd. */
int fd_reopen(int fd, int flags);

#endif
