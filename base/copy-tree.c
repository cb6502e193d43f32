/* Copying trees by descriptors. */
#include "copy-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"

#define XATTR_NAMES_MAX 65536
#define XATTR_VALUE_MAX 65536
#define HARD_LINKS_MAX 1000000 /* files with several names that are remembered */

/* A copied file that has more names: where its first copy is, from the top of the target. */
struct first_copy {
	dev_t dev;
	ino_t ino;
	ino_t dst_ino;
	char *path;
};

struct copier {
	int dst_top_fd;
	struct strbuf path;	   /* of the directory being copied, from the top */
	struct first_copy *firsts; /* open addressing, @cap is a power of two */
	size_t n, cap;
	int depth;
	struct err *e;
};

int dir_is_empty(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		int r = -errno;

		(void)fd_close(fd);
		return r;
	}
	while ((errno = 0, de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			return 0;
	return errno ? -errno : 1;
}

static int fail(struct copier *c, const char *name, int r, const char *doing)
{
	return err_sys(c->e, r, "%s %s/%s", doing, c->path.len ? c->path.data : "", name);
}

static struct first_copy *find_first(struct copier *c, const struct stat *st)
{
	size_t i = (size_t)(st->st_ino * 0x9e3779b97f4a7c15u ^ st->st_dev) & (c->cap - 1);

	while (c->firsts[i].path &&
	       (c->firsts[i].ino != st->st_ino || c->firsts[i].dev != st->st_dev))
		i = (i + 1) & (c->cap - 1);
	return &c->firsts[i];
}

static int grow_firsts(struct copier *c)
{
	struct first_copy *old = c->firsts;
	size_t old_cap = c->cap;

	if (c->n * 2 < c->cap)
		return 0;
	if (c->n >= HARD_LINKS_MAX)
		return -E2BIG;
	c->cap = old_cap ? old_cap * 2 : 64;
	c->firsts = calloc(c->cap, sizeof(*c->firsts));
	if (!c->firsts) {
		c->firsts = old;
		c->cap = old_cap;
		return -ENOMEM;
	}
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].path) {
			const struct stat st = { .st_dev = old[i].dev, .st_ino = old[i].ino };

			*find_first(c, &st) = old[i];
		}
	free(old);
	return 0;
}

static int remember(struct copier *c, const char *name, const struct stat *st, ino_t dst_ino)
{
	struct first_copy *f;
	int r = grow_firsts(c);

	if (r < 0)
		return r;
	f = find_first(c, st);
	f->path = str_printf("%s%s%s", c->path.len ? c->path.data + 1 : "", c->path.len ? "/" : "",
			     name);
	if (!f->path)
		return -ENOMEM;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->dst_ino = dst_ino;
	c->n++;
	return 0;
}

/* Another name of a file that was copied before.  1 done, 0 not copied yet.  The target may be
 * shared with a hostile process: the first copy is opened without links and its inode checked. */
static int link_again(struct copier *c, int dst_fd, const char *name, const struct stat *st)
{
	auto_close int fd = FD_NONE;
	const struct first_copy *f;
	char proc[40];
	struct stat now;

	if (st->st_nlink < 2 || !c->cap)
		return 0;
	f = find_first(c, st);
	if (!f->path)
		return 0;
	fd = path_open_beneath(c->dst_top_fd, f->path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	if (fstat(fd, &now) < 0)
		return -errno;
	if (now.st_ino != f->dst_ino)
		return -EBUSY;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, dst_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 1;
}

static bool attribute_is_copied(const char *name)
{
	/* Overlay's own marks mean nothing, or something harmful, elsewhere. */
	return !str_starts(name, "user.overlay.") && !str_starts(name, "trusted.");
}

static int copy_xattrs(int src, int dst)
{
	auto_free char *names = NULL, *value = NULL;
	ssize_t n = flistxattr(src, NULL, 0);

	if (n <= 0 || n > XATTR_NAMES_MAX)
		return n < 0 && errno != ENOTSUP ? -errno : 0;
	names = malloc((size_t)n + 1);
	value = malloc(XATTR_VALUE_MAX);
	if (!names || !value)
		return -ENOMEM;
	n = flistxattr(src, names, (size_t)n);
	if (n < 0)
		return -errno;
	names[n] = '\0';
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t len;

		if (!attribute_is_copied(name))
			continue;
		len = fgetxattr(src, name, value, XATTR_VALUE_MAX);
		if (len < 0 || fsetxattr(dst, name, value, (size_t)len, 0) == 0)
			continue; /* it has vanished, or is not for us to see */
		if (errno != ENOTSUP && errno != EPERM && errno != EACCES && errno != EINVAL)
			return -errno;
	}
	return 0;
}

/* Owner first: changing it clears the set-id bits and capabilities. */
static int copy_meta(int src, int dst, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (fchown(dst, st->st_uid, st->st_gid) < 0)
		return -errno;
	r = copy_xattrs(src, dst);
	if (r < 0)
		return r;
	if (fchmod(dst, st->st_mode & 07777) < 0 || futimens(dst, times) < 0)
		return -errno;
	return 0;
}

static int copy_range(int src, int dst, off_t from, off_t to)
{
	char buf[65536];

	while (from < to) {
		ssize_t n =
			copy_file_range(src, &from, dst, &(off_t){ from }, (size_t)(to - from), 0);

		if (n > 0)
			continue;
		n = pread(src, buf,
			  to - from > (off_t)sizeof(buf) ? sizeof(buf) : (size_t)(to - from), from);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0; /* it has become shorter */
		for (ssize_t done = 0; done < n;) {
			ssize_t k = pwrite(dst, buf + done, (size_t)(n - done), from + done);

			if (k < 0 && errno != EINTR)
				return -errno;
			done += k > 0 ? k : 0;
		}
		from += n;
	}
	return 0;
}

/* By reflink where the file system can, else the data between the holes. */
static int copy_data(int src, int dst, off_t size)
{
	off_t at = 0;

	if (size == 0 || ioctl(dst, FICLONE, src) == 0)
		return 0;
	if (ftruncate(dst, size) < 0)
		return -errno;
	while (at < size) {
		off_t data = lseek(src, at, SEEK_DATA), hole;
		int r;

		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		hole = lseek(src, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_range(src, dst, data, hole < size ? hole : size);
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

static int copy_file(struct copier *c, int src_fd, int dst_fd, const char *name)
{
	auto_close int src = openat(src_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_close int dst = FD_NONE;
	struct stat st, made;
	int r;

	if (src < 0)
		return -errno;
	if (fstat(src, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBUSY; /* swapped since we looked */
	dst = openat(dst_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (dst < 0)
		return -errno;
	r = copy_data(src, dst, st.st_size);
	if (r == 0)
		r = copy_meta(src, dst, &st);
	if (r == 0 && st.st_nlink > 1)
		r = fstat(dst, &made) < 0 ? -errno : remember(c, name, &st, made.st_ino);
	return r;
}

static int copy_symlink(int src_fd, int dst_fd, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n = readlinkat(src_fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, dst_fd, name) < 0 ||
	    fchownat(dst_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(dst_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_node(int dst_fd, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	auto_close int fd = FD_NONE;
	char proc[40];

	if (mknodat(dst_fd, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0)
		return errno == EPERM && !S_ISFIFO(st->st_mode) ? 0 : -errno;
	fd = openat(dst_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fchownat(fd, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0 ||
	    chmod(proc, st->st_mode & 07777) < 0 || utimensat(AT_FDCWD, proc, times, 0) < 0)
		return -errno;
	return 0;
}

static int copy_dir_content(struct copier *c, int src_fd, int dst_fd);

static int copy_dir(struct copier *c, int src_fd, int dst_fd, const char *name)
{
	auto_close int src = openat(src_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int dst = FD_NONE;
	size_t len = c->path.len;
	struct stat st;
	int r;

	if (src < 0 || fstat(src, &st) < 0)
		return fail(c, name, errno, "open");
	if (mkdirat(dst_fd, name, 0700) < 0)
		return fail(c, name, errno, "create");
	dst = openat(dst_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dst < 0)
		return fail(c, name, errno, "open");
	if (++c->depth > COPY_DEPTH_MAX)
		return err_set(c->e, ERR_LIMIT, "%s is more than %d directories deep", c->path.data,
			       COPY_DEPTH_MAX);
	strbuf_addf(&c->path, "/%s", name);
	if (c->path.failed)
		return err_sys(c->e, ENOMEM, "copy %s", name);
	r = copy_dir_content(c, src, dst);
	c->depth--;
	c->path.len = len;
	c->path.data[len] = '\0';
	if (r < 0)
		return r;
	r = copy_meta(src, dst, &st); /* last: filling it has changed its times */
	return r < 0 ? fail(c, name, r, "copy the attributes of") : 0;
}

static int copy_entry(struct copier *c, int src_fd, int dst_fd, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(src_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, name, errno, "look at");
	if (S_ISDIR(st.st_mode))
		return copy_dir(c, src_fd, dst_fd, name);
	if (S_ISSOCK(st.st_mode))
		return 0;
	r = link_again(c, dst_fd, name, &st);
	if (r == 0) {
		if (S_ISREG(st.st_mode))
			r = copy_file(c, src_fd, dst_fd, name);
		else if (S_ISLNK(st.st_mode))
			r = copy_symlink(src_fd, dst_fd, name, &st);
		else
			r = copy_node(dst_fd, name, &st);
	}
	return r < 0 ? fail(c, name, r, "copy") : 0;
}

static int copy_dir_content(struct copier *c, int src_fd, int dst_fd)
{
	int fd = openat(src_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = fail(c, "", errno, "read");
		(void)fd_close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = copy_entry(c, src_fd, dst_fd, de->d_name);
	if (r == 0 && errno)
		r = fail(c, "", errno, "read");
	return r;
}

static void remove_content(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			(void)path_remove_tree(dir_fd,
					       de->d_name); /* the first failure is reported */
}

int copy_tree(int src_fd, int dst_fd, struct err *e)
{
	struct copier c = { .dst_top_fd = dst_fd, .e = e };
	struct stat st;
	int r = 0;

	if (fstat(src_fd, &st) < 0)
		r = err_sys(e, errno, "look at the source");
	if (r == 0)
		r = copy_dir_content(&c, src_fd, dst_fd);
	if (r == 0) {
		r = copy_meta(src_fd, dst_fd, &st);
		if (r < 0)
			r = fail(&c, "", r, "copy the attributes of");
	} else {
		remove_content(dst_fd);
	}
	for (size_t i = 0; i < c.cap; i++)
		free(c.firsts[i].path);
	free(c.firsts);
	strbuf_done(&c.path);
	return r;
}
