/*
 * The copying of `cp`: by descriptors only.  Whoever owns a tree may move things around in it while
 * we work, but we never leave what we have open.
 */
#include "copy-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"

#define BUF_BYTES (1u << 20)
#define CHUNK_BYTES (32u << 20) /* between two looks at the signals */
#define XATTR_NAMES_MAX 65536
#define XATTR_VALUE_MAX 65536 /* the kernel's limit, xattr(7) */
#define TMP_PREFIX ".ctr-lite-cp-"

static int copy_entry(struct copy_job *j, int src_fd, const char *src_name, int dst_fd,
		      const char *name, unsigned int depth, struct err *e);

static int fail(struct copy_job *j, int r, const char *doing, struct err *e)
{
	if (r == -EINTR && j->stop && *j->stop)
		return r;
	return err_sys(e, r, "%s %s", doing, j->path_len ? j->path : ".");
}

/* @name becomes the end of the path; the length to go back to, or -ENAMETOOLONG. */
static int push(struct copy_job *j, const char *name)
{
	size_t was = j->path_len, need = was + (was ? 1 : 0) + strlen(name);

	if (need >= sizeof(j->path))
		return -ENAMETOOLONG;
	if (was)
		j->path[j->path_len++] = '/';
	memcpy(j->path + j->path_len, name, strlen(name) + 1);
	j->path_len = need;
	return (int)was;
}

static void pop(struct copy_job *j, int was)
{
	j->path_len = (size_t)was;
	j->path[was] = '\0';
}

static void count(struct copy_job *j, uint64_t bytes, uint64_t files)
{
	if (!j->progress)
		return;
	atomic_fetch_add_explicit(&j->progress->bytes, bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&j->progress->files, files, memory_order_relaxed);
}

static bool stopped(const struct copy_job *j)
{
	return j->stop && *j->stop;
}

bool fs_is_pseudo(int fd)
{
	static const long kinds[] = { PROC_SUPER_MAGIC,	  SYSFS_MAGIC,	      CGROUP2_SUPER_MAGIC,
				      CGROUP_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC,
				      TRACEFS_MAGIC,	  SECURITYFS_MAGIC,   BPF_FS_MAGIC,
				      SELINUX_MAGIC,	  0x19800202 /* mqueue */ };
	struct statfs s;

	if (fstatfs(fd, &s) < 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((long)s.f_type == kinds[i])
			return true;
	return false;
}

/* A file with several names, and where its first copy is. */
struct linked {
	dev_t dev;
	ino_t ino, dst_ino;
	char path[];
};

static int by_inode(const void *a, const void *b)
{
	const struct linked *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* 1 when @name is now another name of the copy, 0 when there is none yet. */
static int link_again(struct copy_job *j, const struct stat *st, int dst_fd, const char *name)
{
	const struct linked key = { .dev = st->st_dev, .ino = st->st_ino };
	struct linked *const *found = tfind(&key, &j->links, by_inode);
	auto_close int fd = FD_NONE;
	struct stat now;
	char proc[40];

	if (!found)
		return 0;
	fd = path_open_beneath(j->top_fd, (*found)->path, O_PATH | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &now) < 0 || now.st_ino != (*found)->dst_ino)
		return 0; /* somebody took it away: one more copy */
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, dst_fd, name, AT_SYMLINK_FOLLOW) == 0;
}

static void remember(struct copy_job *j, const struct stat *st, ino_t dst_ino)
{
	struct linked *l;

	if (j->n_links >= COPY_LINKS_MAX || !(l = malloc(sizeof(*l) + j->path_len + 1)))
		return; /* its other names become files of their own */
	l->dev = st->st_dev;
	l->ino = st->st_ino;
	l->dst_ino = dst_ino;
	memcpy(l->path, j->path, j->path_len + 1);
	if (!tsearch(l, &j->links, by_inode))
		free(l);
	else
		j->n_links++;
}

/* Labels belong to the host's policy, overlay's marks to overlay; a file that runs with more
 * rights is none on the host. */
static bool attribute_is_copied(const struct copy_job *j, const char *name)
{
	if (str_starts(name, "security."))
		return !j->to_host && streq(name, "security.capability");
	return !str_starts(name, "trusted.") && !str_starts(name, "user.overlay.") &&
	       !str_starts(name, "user.containers.");
}

/* What cannot be had or kept here is left out. */
static void copy_xattrs(struct copy_job *j, int src, int dst)
{
	auto_free char *names = NULL, *value = NULL;
	char few[256];
	ssize_t n = flistxattr(src, few, sizeof(few));

	if (n == 0 || (n < 0 && errno != ERANGE))
		return;
	names = malloc(XATTR_NAMES_MAX);
	value = malloc(XATTR_VALUE_MAX);
	n = names && value ? flistxattr(src, names, XATTR_NAMES_MAX) : -1;
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t len;

		if (!attribute_is_copied(j, names + at))
			continue;
		len = fgetxattr(src, names + at, value, XATTR_VALUE_MAX);
		if (len >= 0)
			(void)fsetxattr(dst, names + at, value, (size_t)len, 0);
	}
}

/* Owner first: changing it clears the set-id bits and capabilities.  The mode after an ACL. */
static int copy_meta(struct copy_job *j, int src, int dst, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	uint32_t uid, gid;
	struct stat now;

	if (j->owner(j, st, &uid, &gid)) {
		if (fstat(dst, &now) < 0)
			return -errno;
		if ((now.st_uid != uid || now.st_gid != gid) && fchown(dst, uid, gid) < 0)
			return -errno;
	}
	copy_xattrs(j, src, dst);
	if (fchmod(dst, st->st_mode & 07777) < 0 || futimens(dst, times) < 0)
		return -errno;
	return 0;
}

/* From the present offsets on, at most @len bytes (0: until the end). */
static int copy_bytes(struct copy_job *j, int src, int dst, uint64_t len)
{
	uint64_t left = len ? len : UINT64_MAX;

	while (left) {
		ssize_t n = read(src, j->buf, left < BUF_BYTES ? (size_t)left : BUF_BYTES);
		int r;

		if (stopped(j))
			return -EINTR;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0; /* a file of /proc that would wait for news */
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0; /* it has become shorter */
		r = fd_write_all(dst, j->buf, (size_t)n);
		if (r < 0)
			return r;
		left -= (uint64_t)n;
		count(j, (uint64_t)n, 0);
	}
	return 0;
}

static int copy_range(struct copy_job *j, int src, int dst, off_t at, off_t to)
{
	while (at < to) {
		off_t out = at;
		ssize_t n =
			copy_file_range(src, &at, dst, &out,
					to - at < CHUNK_BYTES ? (size_t)(to - at) : CHUNK_BYTES, 0);

		if (stopped(j))
			return -EINTR;
		if (n > 0) {
			count(j, (uint64_t)n, 0);
			continue;
		}
		/* Across file systems, or its end */
		if (lseek(src, at, SEEK_SET) < 0 || lseek(dst, at, SEEK_SET) < 0)
			return -errno;
		return copy_bytes(j, src, dst, (uint64_t)(to - at));
	}
	return 0;
}

static bool clone_file(struct copy_job *j, int src, int dst)
{
	if (j->no_clone)
		return false;
	if (ioctl(dst, FICLONE, src) == 0)
		return true;
	j->no_clone = errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS || errno == EXDEV;
	return false;
}

/* By reflink where the file system can, else the data between the holes. */
static int copy_data(struct copy_job *j, int src, int dst, const struct stat *st)
{
	off_t at = 0, size = st->st_size;
	bool sparse = st->st_blocks * 512 < size;

	if (size <= 0)
		return copy_bytes(j, src, dst, 0);
	if (clone_file(j, src, dst)) {
		count(j, (uint64_t)size, 0);
		return 0;
	}
	if (!sparse)
		return copy_range(j, src, dst, 0, size);
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
		if (hole > size)
			hole = size;
		r = copy_range(j, src, dst, data, hole);
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

/* What is in the way at the destination. */
enum there { NOTHING, A_FILE, A_DIRECTORY, A_MOUNT };

static int look(int dst_fd, const char *name)
{
	struct statx sx;

	if (statx(dst_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
		return errno == ENOENT ? NOTHING : -errno;
	if (S_ISDIR(sx.stx_mode))
		return A_DIRECTORY;
	return sx.stx_attributes & STATX_ATTR_MOUNT_ROOT ? A_MOUNT : A_FILE;
}

/* Room for something that is no directory; what is no directory itself is only told. */
static int make_room(struct copy_job *j, int dst_fd, const char *name, struct err *e)
{
	int there = look(dst_fd, name), r;

	if (there < 0)
		return fail(j, there, "look at", e);
	if (there != A_DIRECTORY)
		return there;
	if (!j->overwrite)
		return err_set(e, ERR_EXISTS,
			       "%s is a directory where the copy is no directory "
			       "(--overwrite replaces it)",
			       j->path);
	r = path_remove_tree(dst_fd, name);
	return r < 0 ? fail(j, r, "replace the directory", e) : NOTHING;
}

/* Over a file that something is mounted on: its place cannot be taken, its content can. */
static int write_over(struct copy_job *j, int src, int dst_fd, const char *name,
		      const struct stat *st)
{
	auto_close int dst = openat(
		dst_fd, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat now;

	if (dst < 0 || fstat(dst, &now) < 0)
		return -errno;
	if (!S_ISREG(now.st_mode))
		return -EBUSY;
	return copy_bytes(j, src, dst, (uint64_t)st->st_size);
}

static int copy_content(struct copy_job *j, int src, int dst_fd, const char *name, bool exists,
			const struct stat *st)
{
	auto_close int dst = FD_NONE;
	char tmp[sizeof(TMP_PREFIX) + 16] = TMP_PREFIX;
	const char *made = name;
	struct stat now;
	int r = 0;

	/* One that is there stays until the new one is whole, and one that is all there is to copy
	 * shows only when it is. */
	if (exists || j->path_len == strlen(name)) {
		r = str_random_hex(8, tmp + strlen(TMP_PREFIX));
		made = tmp;
	}
	if (r == 0)
		dst = openat(dst_fd, made, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			     0600);
	if (r < 0 || dst < 0)
		return r < 0 ? r : -errno;
	r = copy_data(j, src, dst, st);
	if (r == 0)
		r = copy_meta(j, src, dst, st);
	if (r == 0 && made != name && renameat(dst_fd, made, dst_fd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dst_fd, made, 0); /* a half file: the failure is what counts */
	else if (st->st_nlink > 1 && fstat(dst, &now) == 0)
		remember(j, st, now.st_ino);
	return r;
}

static int copy_file(struct copy_job *j, int src_fd, const char *src_name, int dst_fd,
		     const char *name, struct err *e)
{
	auto_close int src =
		openat(src_fd, src_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (src < 0 || fstat(src, &st) < 0)
		return fail(j, errno, "open", e);
	if (!S_ISREG(st.st_mode))
		return fail(j, -EBUSY, "copy (it has just become something else)", e);
	r = make_room(j, dst_fd, name, e);
	if (r < 0)
		return r;
	if (r == A_MOUNT) {
		r = write_over(j, src, dst_fd, name, &st);
	} else {
		bool exists = r == A_FILE;

		if (st.st_nlink > 1 && exists && j->n_links &&
		    tfind(&(struct linked){ .dev = st.st_dev, .ino = st.st_ino }, &j->links,
			  by_inode))
			exists = unlinkat(dst_fd, name, 0) < 0;
		r = st.st_nlink > 1 && !exists ? link_again(j, &st, dst_fd, name) : 0;
		if (r == 0)
			r = copy_content(j, src, dst_fd, name, exists, &st);
	}
	if (r < 0)
		return fail(j, r, "copy", e);
	count(j, 0, 1);
	return 0;
}

/* A link or FIFO, made under another name where there is something already. */
static int copy_special(struct copy_job *j, int src_fd, const char *src_name, int dst_fd,
			const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX], tmp[sizeof(TMP_PREFIX) + 16] = TMP_PREFIX;
	uint32_t uid, gid;
	int r = make_room(j, dst_fd, name, e);

	if (r < 0)
		return r;
	if (r == A_MOUNT)
		return fail(j, -EBUSY, "replace", e);
	r = str_random_hex(8, tmp + strlen(TMP_PREFIX));
	if (r == 0 && S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(src_fd, src_name, target, sizeof(target) - 1);

		if (n >= 0)
			target[n] = '\0';
		if (n < 0 || symlinkat(target, dst_fd, tmp) < 0)
			r = -errno;
	} else if (r == 0 && mknodat(dst_fd, tmp, S_IFIFO | (st->st_mode & 0777), 0) < 0) {
		r = -errno;
	}
	if (r < 0)
		return fail(j, r, "copy", e);
	if ((j->owner(j, st, &uid, &gid) &&
	     fchownat(dst_fd, tmp, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) ||
	    utimensat(dst_fd, tmp, times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    renameat(dst_fd, tmp, dst_fd, name) < 0) {
		r = -errno;
		(void)unlinkat(dst_fd, tmp, 0); /* ours */
		return fail(j, r, "copy", e);
	}
	count(j, 0, 1);
	return 0;
}

/* The directory to fill: one that is there, or a new one. */
static int open_target_dir(struct copy_job *j, int dst_fd, const char *name, struct err *e)
{
	int there = look(dst_fd, name), fd;

	if (there < 0)
		return fail(j, there, "look at", e);
	if (there == A_FILE && !j->overwrite)
		return err_set(e, ERR_EXISTS,
			       "%s is no directory where the copy is one (--overwrite "
			       "replaces it)",
			       j->path);
	if (there == A_MOUNT || (there == A_FILE && unlinkat(dst_fd, name, 0) < 0))
		return fail(j, there == A_MOUNT ? EBUSY : errno, "replace", e);
	if (there != A_DIRECTORY && mkdirat(dst_fd, name, 0700) < 0)
		return fail(j, errno, "make the directory", e);
	fd = openat(dst_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(j, errno, "open the directory", e) : fd;
}

/* Takes @src over. */
static int copy_entries(struct copy_job *j, int src, int dst, unsigned int depth, struct err *e)
{
	auto_dir DIR *d = fdopendir(src);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = fail(j, errno, "read", e);
		(void)fd_close(src);
		return r;
	}
	while (r == 0 && (errno = 0, de = readdir(d))) {
		int was;

		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		was = push(j, de->d_name);
		if (was < 0)
			return fail(j, was, "copy a file in", e);
		r = copy_entry(j, dirfd(d), de->d_name, dst, de->d_name, depth, e);
		pop(j, was);
	}
	return r == 0 && errno ? fail(j, errno, "read", e) : r;
}

static int copy_dir(struct copy_job *j, int src_fd, const char *src_name, int dst_fd,
		    const char *name, unsigned int depth, struct err *e)
{
	auto_close int src =
		openat(src_fd, src_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int dst = FD_NONE, meta = FD_NONE;
	struct stat st, made, above;
	int r = 0;

	if (src < 0 || fstat(src, &st) < 0)
		return fail(j, errno, "open", e);
	if (depth >= COPY_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "%.200s...: more than %d directories deep", j->path,
			       COPY_DEPTH_MAX);
	if (j->made_ino && st.st_ino == j->made_ino && st.st_dev == j->made_dev)
		return 0; /* the copy itself */
	dst = open_target_dir(j, dst_fd, name, e);
	if (dst < 0)
		return dst;
	if (fstat(dst, &made) < 0)
		return fail(j, errno, "look at", e);
	if (!j->made_ino) {
		j->made_dev = made.st_dev;
		j->made_ino = made.st_ino;
	}
	meta = fd_dup(src);
	if (meta < 0)
		return fail(j, meta, "open", e);
	if (!depth || fstat(src_fd, &above) < 0 || above.st_dev == st.st_dev || !fs_is_pseudo(src))
		r = copy_entries(j, take_fd(&src), dst, depth + 1, e);
	if (r == 0 && (r = copy_meta(j, meta, dst, &st)) < 0)
		r = fail(j, r, "set the attributes of", e);
	if (r == 0)
		count(j, 0, 1);
	return r;
}

static int copy_entry(struct copy_job *j, int src_fd, const char *src_name, int dst_fd,
		      const char *name, unsigned int depth, struct err *e)
{
	struct stat st;

	if (stopped(j))
		return -EINTR;
	if (fstatat(src_fd, src_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && depth ? 0 : fail(j, errno, "look at", e);
	if (S_ISDIR(st.st_mode))
		return copy_dir(j, src_fd, src_name, dst_fd, name, depth, e);
	if (S_ISREG(st.st_mode))
		return copy_file(j, src_fd, src_name, dst_fd, name, e);
	if (S_ISLNK(st.st_mode) || S_ISFIFO(st.st_mode))
		return copy_special(j, src_fd, src_name, dst_fd, name, &st, e);
	return 0;
}

static int copy_contents(struct copy_job *j, const struct place *src, int dst_fd, struct err *e)
{
	int fd = place_open_dir(src);
	struct stat st;

	if (fd < 0)
		return fail(j, fd, "open", e);
	if (fstat(dst_fd, &st) == 0) {
		j->made_dev = st.st_dev;
		j->made_ino = st.st_ino;
	}
	return copy_entries(j, fd, dst_fd, 1, e);
}

int copy_files(struct copy_job *j, const struct place *src, int dst_fd, const char *name,
	       bool contents, struct err *e)
{
	int r = 0;

	j->top_fd = dst_fd;
	j->path_len = 0;
	j->links = NULL;
	j->buf = malloc(BUF_BYTES);
	if (!j->buf)
		return err_sys(e, ENOMEM, "copy");
	if (contents)
		r = copy_contents(j, src, dst_fd, e);
	else if ((r = push(j, name)) == 0)
		r = copy_entry(j, src->parent, src->base, dst_fd, name, 0, e);
	else
		(void)err_sys(e, r, "copy");
	tdestroy(j->links, free);
	free(j->buf);
	return r;
}
