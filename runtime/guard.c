/* Continuing from a sealed copy of the program. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

/*
 * As root of this user namespace we have every right that the container's root can have: when we
 * may not write, nobody in there may.  As another user the file must also not be ours, since the
 * container's root is us with the right to change modes.
 */
static bool out_of_reach(void)
{
	struct stat st;

	if (faccessat(AT_FDCWD, "/proc/self/exe", W_OK, AT_EACCESS) == 0)
		return false;
	/* The mount that we were started from is read-only, and not in the container's hands. */
	if (errno == EROFS)
		return true;
	if (errno != EACCES && errno != EPERM)
		return false;
	if (geteuid() == 0)
		return true;
	return stat("/proc/self/exe", &st) == 0 && st.st_uid != geteuid() && !(st.st_mode & 022);
}

/*
 * Cheaper than a copy, where we may mount: the program once more, through a read-only mount that
 * nobody can reach.  When its descriptor closes it belongs to no namespace, so that nobody can
 * change it either.
 */
static int clone_read_only(void)
{
	auto_close int fd =
		open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };

	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &ro, sizeof(ro)) < 0)
		return -errno;
	if (faccessat(fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) == 0 || errno != EROFS)
		return -EPERM;
	return take_fd(&fd);
}

static int copy_to_memory(int self)
{
	auto_close int fd =
		memfd_create("ctr-lite-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	struct stat st;
	off_t at = 0;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 all of them are executable */
		fd = memfd_create("ctr-lite-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fstat(self, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(fd, self, &at, (size_t)(st.st_size - at));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
	}
	return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : take_fd(&fd);
}

int guard_own_program(char **argv, struct err *e)
{
	auto_close int self = FD_NONE, copy = FD_NONE;
	int seals;

	if (out_of_reach())
		return 0;
	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return err_sys(e, errno, "open our own program");
	seals = fcntl(self, F_GET_SEALS);
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return 0;
	copy = clone_read_only();
	if (copy < 0)
		copy = copy_to_memory(self);
	if (copy < 0)
		return err_sys(e, copy, "copy our own program to memory");
	(void)execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	return err_sys(e, errno, "execute our own program anew");
}
