/* Copying a directory of the image into a fresh tmpfs. */
#include "copy-up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

#define COPY_DEPTH_MAX 128

static int copy_dir(int from_fd, int to_fd, int depth, struct err *e);

static int copy_owner(int to_dir, const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "give %s its owner", name);
	if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
		return err_sys(e, errno, "give %s its mode", name);
	if (utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "give %s its times", name);
	return 0;
}

static int copy_link(int from_dir, int to_dir, const char *name, struct err *e)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return err_sys(e, errno, "read the link %s", name);
	text[n] = '\0';
	return symlinkat(text, to_dir, name) < 0 ? err_sys(e, errno, "make the link %s", name) : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
		     struct err *e)
{
	/* O_NONBLOCK: it may have become a FIFO since it was looked at. */
	auto_close int in = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_close int out = FD_NONE;
	struct stat now;
	int r;

	if (in < 0)
		return err_sys(e, errno, "open %s", name);
	if (fstat(in, &now) < 0 || !S_ISREG(now.st_mode))
		return err_set(e, ERR_DENIED, "%s changed while it was copied", name);
	out = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, errno, "make %s", name);
	r = fd_copy(in, out, (uint64_t)st->st_size + (1u << 20));
	return r < 0 ? err_sys(e, r, "copy %s", name) : 0;
}

static int copy_sub(int from_dir, int to_dir, const char *name, int depth, struct err *e)
{
	auto_close int from =
		openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int to = FD_NONE;

	if (from < 0)
		return err_sys(e, errno, "open %s", name);
	if (mkdirat(to_dir, name, 0700) < 0)
		return err_sys(e, errno, "make %s", name);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_sys(e, errno, "open %s", name);
	return copy_dir(from, to, depth + 1, e);
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "look at %s", name);
	if (S_ISDIR(st.st_mode))
		r = copy_sub(from_dir, to_dir, name, depth, e);
	else if (S_ISREG(st.st_mode))
		r = copy_file(from_dir, to_dir, name, &st, e);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from_dir, to_dir, name, e);
	else
		return 0;
	return r < 0 ? r : copy_owner(to_dir, name, &st, e);
}

static int copy_dir(int from_fd, int to_fd, int depth, struct err *e)
{
	int fd = fd_dup(from_fd);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		(void)fd_close(fd);
		return err_sys(e, errno, "read a directory");
	}
	if (depth > COPY_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "directories are deeper than %d", COPY_DEPTH_MAX);
	while ((errno = 0, de = readdir(d))) {
		int r;

		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		r = copy_entry(from_fd, to_fd, de->d_name, depth, e);
		if (r < 0)
			return r;
	}
	return errno ? err_sys(e, errno, "read a directory") : 0;
}

int copy_up(int from_fd, int to_fd, bool owner, bool mode, struct err *e)
{
	auto_close int from = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int to = openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return err_sys(e, errno, "open a directory");
	if ((owner && fchown(to, st.st_uid, st.st_gid) < 0) ||
	    (mode && fchmod(to, st.st_mode & 07777) < 0))
		return err_sys(e, errno, "give the tmpfs its owner and mode");
	return copy_dir(from, to, 0, e);
}
