/* Namespaces as descriptors: kinds, owners, ancestors. */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "fd.h"

#define DEPTH_MAX 40 /* the kernel nests user namespaces 32 deep */

int ns_open(const struct proc *p, const char *name)
{
	auto_close int fd = FD_NONE;
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)p->pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT && errno != ESRCH)
		return -errno;
	/* It lives still, so that the number was its own when the path was opened. */
	if (fd < 0 || proc_poll(p, 0) != 0)
		return -ESRCH;
	return take_fd(&fd);
}

int ns_kind(int fd)
{
	int r = ioctl(fd, NS_GET_NSTYPE);

	return r < 0 ? -EINVAL : r;
}

bool ns_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int ns_owner(int fd)
{
	int r = ns_kind(fd);

	if (r == CLONE_NEWUSER)
		return fd_dup(fd);
	if (r < 0)
		return r;
	r = ioctl(fd, NS_GET_USERNS);
	return r < 0 ? -errno : r; /* close-on-exec: the kernel sees to it */
}

int ns_below_ours(int user_fd, int *ret_fd)
{
	auto_close int ours = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	auto_close int at = fd_dup(user_fd);

	if (ours < 0 || at < 0)
		return ours < 0 ? -errno : at;
	if (ns_same(at, ours))
		return 0;
	for (int i = 0; i < DEPTH_MAX; i++) {
		auto_close int up = ioctl(at, NS_GET_PARENT);

		if (up < 0)
			return -errno;
		if (ns_same(up, ours)) {
			*ret_fd = take_fd(&at);
			return 1;
		}
		(void)fd_close(at);
		at = take_fd(&up);
	}
	return -EPERM;
}
