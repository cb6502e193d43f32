/* Descriptors: cleanup handlers, whole reads and writes. */
#include "fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd); /* nothing can be done about a failed close here */
	errno = saved;
	return FD_NONE;
}

void auto_close_done(int *fd)
{
	(void)fd_close(*fd);
}

void auto_free_done(void *pp)
{
	int saved = errno;

	free(*(void **)pp);
	errno = saved;
}

void auto_dir_done(DIR **d)
{
	int saved = errno;

	if (*d)
		(void)closedir(*d);
	errno = saved;
}

void auto_file_done(FILE **f)
{
	int saved = errno;

	if (*f)
		(void)fclose(*f); /* writers that care call fclose() themselves */
	errno = saved;
}

int fd_write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, (char *)buf + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int fd_read_file(int fd, size_t max_bytes, char **ret_buf, size_t *ret_len)
{
	auto_free char *buf = NULL;
	size_t cap = 4096, len = 0;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		if ((uint64_t)st.st_size > max_bytes)
			return -EFBIG;
		cap = (size_t)st.st_size + 1;
	}
	for (;;) {
		char *grown;
		ssize_t n;

		if (cap > max_bytes + 1)
			cap = max_bytes + 1;
		grown = realloc(buf, cap + 1);
		if (!grown)
			return -ENOMEM;
		buf = grown;
		n = fd_read_full(fd, buf + len, cap - len);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len > max_bytes)
			return -EFBIG;
		if (len < cap)
			break;
		cap *= 2;
	}
	buf[len] = '\0';
	*ret_buf = take_ptr(&buf);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int fd_dup(int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return r < 0 ? -errno : r;
}

int fd_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_copy(int in, int out, uint64_t max_bytes)
{
	uint64_t done = 0;
	char buf[65536];

	for (;;) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* the read below tells end of file from "cannot do this here" */
		done += (uint64_t)n;
		if (done > max_bytes)
			return -EFBIG;
	}
	for (;;) {
		ssize_t n = read(in, buf, sizeof(buf));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		done += (uint64_t)n;
		if (done > max_bytes)
			return -EFBIG;
		r = fd_write_all(out, buf, (size_t)n);
		if (r < 0)
			return r;
	}
}

int fd_sanitize_std(void)
{
	for (int fd = 0; fd < 3; fd++) {
		int r;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		r = open("/dev/null", O_RDWR); /* meant to be inherited: no close-on-exec */
		if (r < 0)
			return -errno;
		if (r != fd) {
			(void)close(r);
			return -EBADF;
		}
	}
	return 0;
}

int fd_reopen(int fd, int flags)
{
	char name[40];
	int r;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	r = open(name, flags | O_CLOEXEC);
	return r < 0 ? -errno : r;
}
