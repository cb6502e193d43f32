/* State files: atomic replacement, bounded reading, locks. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"

int file_replace(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		 enum file_sync sync)
{
	static atomic_uint serial;
	auto_close int fd = FD_NONE;
	char tmp[64];
	int r;

	if (!path_is_component(name))
		return -EINVAL;
	(void)snprintf(tmp, sizeof(tmp), ".tmp-%d-%u", (int)getpid(), serial++);
	(void)unlinkat(dir_fd, tmp, 0); /* left by an earlier process with our number */
	fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = fchmod(fd, mode) < 0 ? -errno : fd_write_all(fd, data, len);
	if (r == 0 && sync == FILE_SYNC_FULL && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, tmp, 0);
		return r;
	}
	if (sync == FILE_SYNC_FULL && fsync(dir_fd) < 0)
		return -errno;
	return 0;
}

int file_read(int dir_fd, const char *name, size_t max_bytes, char **ret_buf, size_t *ret_len)
{
	auto_close int fd = path_open_beneath(dir_fd, name, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? fd : fd_read_file(fd, max_bytes, ret_buf, ret_len);
}

int file_read_path(const char *path, size_t max_bytes, char **ret_buf, size_t *ret_len)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_file(fd, max_bytes, ret_buf, ret_len);
}

ssize_t file_peek(int dir_fd, const char *name, char *buf, size_t cap)
{
	auto_close int fd = path_open_beneath(dir_fd, name, O_RDONLY | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = read(fd, buf, cap);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int file_lock(int fd, bool exclusive, bool wait)
{
	int op = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
	int r;

	do
		r = flock(fd, op);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int file_ofd_lock(int fd, bool wait)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r;

	do
		r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK : -errno;
	return 0;
}

int file_ofd_held(int fd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &fl) < 0)
		return -errno;
	return fl.l_type != F_UNLCK;
}
