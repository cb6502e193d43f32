/* Copying trees by descriptors. */
#include "copy-tree-work.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"
#include "xattr-ids.h"

#define XATTR_NAMES_MAX 65536
#define XATTR_VALUE_MAX 65536
#define HARD_LINKS_MAX 1000000 /* files with several names that are remembered */
#define SMALL_BYTES 65536 /* files that are read and written rather than cloned or spliced */

/* One thread's part. */
struct filler {
	struct copier *c;
	const char *dir;	/* the directory that is being filled, from the top */
	char *buf;		/* SMALL_BYTES */
	uint32_t fsuid, fsgid;	/* of this thread */
	struct err err;
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

/* The failure of this thread, unless a better word was found for it already. */
static int fail(struct filler *f, const char *name, int r, const char *doing)
{
	if (f->err.kind != ERR_NONE)
		return r;
	return err_sys(&f->err, r, "%s %s%s%s", doing, f->dir, f->dir[0] && name[0] ? "/" : "", name);
}

static struct first_copy *find_first(struct copier *c, const struct stat *st)
{
	size_t i = (size_t)(st->st_ino * 0x9e3779b97f4a7c15u ^ st->st_dev) & (c->cap_firsts - 1);

	while (c->firsts[i].path &&
	       (c->firsts[i].ino != st->st_ino || c->firsts[i].dev != st->st_dev))
		i = (i + 1) & (c->cap_firsts - 1);
	return &c->firsts[i];
}

static int grow_firsts(struct copier *c)
{
	struct first_copy *old = c->firsts;
	size_t old_cap = c->cap_firsts;

	if (c->n_firsts * 2 < c->cap_firsts)
		return 0;
	if (c->n_firsts >= HARD_LINKS_MAX)
		return -E2BIG;
	c->cap_firsts = old_cap ? old_cap * 2 : 64;
	c->firsts = calloc(c->cap_firsts, sizeof(*c->firsts));
	if (!c->firsts) {
		c->firsts = old;
		c->cap_firsts = old_cap;
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

static char *path_from_top(const struct filler *f, const char *name)
{
	return str_printf("%s%s%s", f->dir, f->dir[0] ? "/" : "", name);
}

static int remember(struct filler *f, const char *name, const struct stat *st, ino_t dst_ino)
{
	struct first_copy *first;
	int r = grow_firsts(f->c);

	if (r < 0)
		return r;
	first = find_first(f->c, st);
	first->path = path_from_top(f, name);
	if (!first->path)
		return -ENOMEM;
	first->dev = st->st_dev;
	first->ino = st->st_ino;
	first->dst_ino = dst_ino;
	f->c->n_firsts++;
	return 0;
}

/* Another name of a file that was copied before.  1 done, 0 not copied yet.  The target may be
 * shared with a hostile process: the first copy is opened without links and its inode checked. */
static int link_again(struct copier *c, int dst_fd, const char *name, const struct stat *st)
{
	auto_close int fd = FD_NONE;
	const struct first_copy *first;
	char proc[40];
	struct stat now;

	if (!c->cap_firsts)
		return 0;
	first = find_first(c, st);
	if (!first->path)
		return 0;
	fd = path_open_beneath(c->dst_fd, first->path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	if (fstat(fd, &now) < 0)
		return -errno;
	if (now.st_ino != first->dst_ino)
		return -EBUSY;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, dst_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 1;
}

static int not_mapped(struct filler *f, const char *name, const char *what, uint32_t id)
{
	return err_set(&f->err, ERR_INVALID, "%s %u of /%s%s%s is not in the container's id map: "
		       "potentially insufficient UIDs or GIDs available in user namespace: use a "
		       "larger size (--userns=keep-id:size=N, --userns=auto:size=N, or a longer range "
		       "in --uidmap and --gidmap)", what, id, f->dir, f->dir[0] && name[0] ? "/" : "",
		       name);
}

/* What the owner becomes. */
static int shift_owner(struct filler *f, const char *name, const struct stat *st, uint32_t *ret_uid,
		       uint32_t *ret_gid)
{
	const struct idmap *m = f->c->o.shift;

	*ret_uid = st->st_uid;
	*ret_gid = st->st_gid;
	if (!m)
		return 0;
	if (!idmap_to_host(m->uid, m->n_uid, st->st_uid, ret_uid))
		return not_mapped(f, name, "uid", st->st_uid);
	if (!idmap_to_host(m->gid, m->n_gid, st->st_gid, ret_gid))
		return not_mapped(f, name, "gid", st->st_gid);
	return 0;
}

/* Where attributes are: an open file, or (FIFOs and devices, which are not opened) a path. */
struct place {
	int fd;
	const char *path;	/* NULL: the file @fd */
};

static ssize_t list_xattrs(const struct place *p, char *names, size_t cap)
{
	ssize_t n = p->path ? llistxattr(p->path, names, cap) : flistxattr(p->fd, names, cap);

	return n < 0 ? -errno : n;
}

static ssize_t get_xattr(const struct place *p, const char *name, char *value, size_t cap)
{
	ssize_t n = p->path ? lgetxattr(p->path, name, value, cap) :
			      fgetxattr(p->fd, name, value, cap);

	return n < 0 ? -errno : n;
}

static int set_xattr(const struct place *p, const char *name, const char *value, size_t len)
{
	int r = p->path ? lsetxattr(p->path, name, value, len, 0) :
			  fsetxattr(p->fd, name, value, len, 0);

	return r < 0 ? -errno : 0;
}

/* Overlay's own marks mean nothing, or something harmful, outside of a layer.  Labels are given by
 * the host's policy where files are made. */
static bool attribute_is_copied(const struct copy_opts *o, const char *name)
{
	return !str_starts(name, "trusted.") && (o->layer || !str_starts(name, "user.overlay.")) &&
	       (!o->layer || !str_starts(name, "security.") || streq(name, "security.capability"));
}

static int copy_xattr(struct filler *f, const struct place *src, const struct place *dst,
		      const char *file, const char *name)
{
	const struct copy_opts *o = &f->c->o;
	ssize_t got = get_xattr(src, name, f->buf, XATTR_VALUE_MAX);
	size_t len = (size_t)got;
	bool group = false;
	uint32_t id = 0;
	int r;

	if (got < 0)
		return o->layer ? (int)got : 0; /* it has vanished, or is not for us to see */
	if (o->shift &&
	    xattr_shift_ids(name, f->buf, &len, XATTR_VALUE_MAX, o->shift, &id, &group) < 0)
		return not_mapped(f, file, group ? "gid" : "uid", id);
	r = set_xattr(dst, name, f->buf, len);
	if (!o->layer && (r == -ENOTSUP || r == -EPERM || r == -EACCES || r == -EINVAL))
		return 0;
	return r;
}

/* How many the file has, or -errno. */
static int copy_xattrs(struct filler *f, const struct place *src, const struct place *dst,
		       const char *file)
{
	char few[512];
	auto_free char *many = NULL;
	char *names = few;
	ssize_t n = list_xattrs(src, few, sizeof(few));
	int r = 0, count = 0;

	static_assert(XATTR_VALUE_MAX <= SMALL_BYTES, "values go through the buffer");
	if (n == -ERANGE) {
		names = many = malloc(XATTR_NAMES_MAX);
		if (!many)
			return -ENOMEM;
		n = list_xattrs(src, many, XATTR_NAMES_MAX);
	}
	if (n < 0)
		return n == -ENOTSUP ? 0 : (int)n;
	for (ssize_t at = 0; r == 0 && at < n; at += (ssize_t)strlen(names + at) + 1) {
		count++;
		if (attribute_is_copied(&f->c->o, names + at))
			r = copy_xattr(f, src, dst, file, names + at);
	}
	return r < 0 ? r : count;
}

/* What is new has its owner and mode already where that was possible: each change of an inode
 * costs as much as a small file's content.  Owner first: changing it clears the set-id bits and
 * capabilities.  The mode after an ACL, which changes it. */
static int copy_meta(struct filler *f, int src, int dst, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	const struct place from = { .fd = src }, to = { .fd = dst };
	struct stat made;
	uint32_t uid, gid;
	int r = shift_owner(f, name, st, &uid, &gid), n_xattrs;

	if (r < 0)
		return r;
	if (fstat(dst, &made) < 0)
		return -errno;
	if ((made.st_uid != uid || made.st_gid != gid) && fchown(dst, uid, gid) < 0)
		return -errno;
	n_xattrs = copy_xattrs(f, &from, &to, name);
	if (n_xattrs < 0)
		return n_xattrs;
	if ((n_xattrs || made.st_mode != st->st_mode) && fchmod(dst, st->st_mode & 07777) < 0)
		return -errno;
	return futimens(dst, times) < 0 ? -errno : 0;
}

/* @at..@to through the buffer. */
static int copy_bytes(char *buf, int src, int dst, off_t at, off_t to)
{
	while (at < to) {
		ssize_t n = pread(src, buf, to - at > SMALL_BYTES ? SMALL_BYTES : (size_t)(to - at), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0; /* it has become shorter */
		for (ssize_t done = 0; done < n;) {
			ssize_t k = pwrite(dst, buf + done, (size_t)(n - done), at + done);

			if (k < 0 && errno != EINTR)
				return -errno;
			done += k > 0 ? k : 0;
		}
		at += n;
	}
	return 0;
}

static int copy_range(char *buf, int src, int dst, off_t at, off_t to)
{
	while (at < to) {
		ssize_t n = copy_file_range(src, &at, dst, &(off_t){ at }, (size_t)(to - at), 0);

		if (n <= 0)
			return copy_bytes(buf, src, dst, at, to);
	}
	return 0;
}

static bool clone_file(struct copier *c, int src, int dst)
{
	if (c->no_clone)
		return false;
	if (ioctl(dst, FICLONE, src) == 0)
		return true;
	if (errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS || errno == EXDEV)
		c->no_clone = true;
	return false;
}

/* By reflink where the file system can, else the data between the holes. */
static int copy_data(struct filler *f, int src, int dst, const struct stat *st)
{
	off_t at = 0, size = st->st_size;

	if (size == 0)
		return 0;
	if (size <= SMALL_BYTES && st->st_blocks * 512 >= size)
		return copy_bytes(f->buf, src, dst, 0, size);
	if (clone_file(f->c, src, dst))
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
		r = copy_range(f->buf, src, dst, data, hole < size ? hole : size);
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

/* The next file is made as @uid and @gid's.  Where the thread may not (the calls do not tell) or
 * the directory's group counts (mount option grpid), copy_meta() changes the owner. */
static void create_as(struct filler *f, uint32_t uid, uint32_t gid)
{
	if (f->fsgid != gid)
		(void)setfsgid(gid);
	if (f->fsuid != uid)
		(void)setfsuid(uid);
	f->fsgid = gid;
	f->fsuid = uid;
}

static int create_file(struct filler *f, int dst_fd, const char *name, const struct stat *st)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	uint32_t uid, gid;
	int fd, r;

	if (!f->c->o.layer) {
		fd = openat(dst_fd, name, flags, 0600);
		return fd < 0 ? -errno : fd;
	}
	r = shift_owner(f, name, st, &uid, &gid);
	if (r < 0)
		return r;
	create_as(f, uid, gid);
	fd = openat(dst_fd, name, flags, st->st_mode & 0777);
	return fd < 0 ? -errno : fd;
}

static int copy_content(struct filler *f, int src, int dst_fd, const char *name,
			const struct stat *st)
{
	auto_close int dst = create_file(f, dst_fd, name, st);
	int r;

	if (dst < 0)
		return dst;
	r = copy_data(f, src, dst, st);
	return r < 0 ? r : copy_meta(f, src, dst, name, st);
}

static int copy_symlink(struct filler *f, int src_fd, int dst_fd, const char *name,
			const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n = readlinkat(src_fd, name, target, sizeof(target) - 1);
	uint32_t uid, gid;
	int r;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	r = shift_owner(f, name, st, &uid, &gid);
	if (r < 0)
		return r;
	if (symlinkat(target, dst_fd, name) < 0 ||
	    fchownat(dst_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(dst_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* FIFOs, devices and sockets, which are never opened. */
static int copy_node(struct filler *f, int src_fd, int dst_fd, const char *name,
		     const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	auto_close int fd = FD_NONE;
	char proc[40], from[NAME_MAX + 48], to[NAME_MAX + 48];
	uint32_t uid, gid;
	int r = shift_owner(f, name, st, &uid, &gid);

	if (r < 0)
		return r;
	if (mknodat(dst_fd, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0)
		return errno == EPERM && !S_ISFIFO(st->st_mode) && !f->c->o.layer ? 0 : -errno;
	fd = openat(dst_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", src_fd, name);
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", dst_fd, name);
	r = copy_xattrs(f, &(struct place){ .path = from }, &(struct place){ .path = to }, name);
	if (r < 0)
		return r;
	if (chmod(proc, st->st_mode & 07777) < 0 || utimensat(AT_FDCWD, proc, times, 0) < 0)
		return -errno;
	return 0;
}

/* A file of any kind but a directory; @src is open for a regular one. */
static int copy_one(struct filler *f, int src, int src_fd, int dst_fd, const char *name,
		    const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return copy_content(f, src, dst_fd, name, st);
	if (S_ISLNK(st->st_mode))
		return copy_symlink(f, src_fd, dst_fd, name, st);
	return copy_node(f, src_fd, dst_fd, name, st);
}

/* One of several names of a file.  Only one thread at a time, so that the first copy is complete
 * when another name of it comes by. */
static int copy_linked(struct filler *f, int src, int src_fd, int dst_fd, const char *name,
		       const struct stat *st)
{
	struct stat made;
	int r;

	pthread_mutex_lock(&f->c->links);
	r = link_again(f->c, dst_fd, name, st);
	if (r == 0) {
		r = copy_one(f, src, src_fd, dst_fd, name, st);
		/* A device that we may not make is not there. */
		if (r == 0 && fstatat(dst_fd, name, &made, AT_SYMLINK_NOFOLLOW) == 0)
			r = remember(f, name, st, made.st_ino);
	}
	pthread_mutex_unlock(&f->c->links);
	return r < 0 ? r : 0;
}

/* Takes @path over. */
static int add_pending(struct copier *c, char *path)
{
	size_t len = path ? strlen(path) : 0;
	int r = !path ? -ENOMEM : len >= PATH_MAX ? -ENAMETOOLONG : 0;

	if (r < 0) {
		free(path);
		return r;
	}
	pthread_mutex_lock(&c->lock);
	if (c->pending_bytes + len > COPY_PENDING_MAX_BYTES)
		r = -E2BIG;
	if (r == 0 && c->n_pending == c->cap_pending) {
		size_t cap = c->cap_pending ? c->cap_pending * 2 : 64;
		char **p = reallocarray(c->pending, cap, sizeof(*p));

		if (p) {
			c->pending = p;
			c->cap_pending = cap;
		} else {
			r = -ENOMEM;
		}
	}
	if (r == 0) {
		c->pending[c->n_pending++] = path;
		c->pending_bytes += len;
		pthread_cond_signal(&c->more);
	}
	pthread_mutex_unlock(&c->lock);
	if (r < 0)
		free(path);
	return r;
}

static int copy_subdir(struct filler *f, int dst_fd, const char *name)
{
	int r;

	if (mkdirat(dst_fd, name, 0700) < 0)
		return fail(f, name, errno, "create");
	r = add_pending(f->c, path_from_top(f, name));
	if (r == -ENAMETOOLONG)
		return err_set(&f->err, ERR_LIMIT, "the path of the directory %s in %.200s... is longer "
			       "than %d bytes", name, f->dir, PATH_MAX - 1);
	if (r == -E2BIG)
		return err_set(&f->err, ERR_LIMIT, "the names of the directories to copy take more than "
			       "%u bytes", COPY_PENDING_MAX_BYTES);
	return r < 0 ? fail(f, name, r, "copy") : 0;
}

static int copy_file(struct filler *f, int src_fd, int dst_fd, const char *name)
{
	/* A layer's files are ours: reading them need not write to them. */
	auto_close int src = openat(src_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
				    (f->c->o.layer ? O_NOATIME : 0));
	struct stat st;

	if (src < 0 || fstat(src, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBUSY; /* swapped since we looked */
	return (st.st_nlink > 1 ? copy_linked : copy_one)(f, src, src_fd, dst_fd, name, &st);
}

static int copy_other(struct filler *f, int src_fd, int dst_fd, const char *name,
		      const struct stat *st)
{
	if (S_ISSOCK(st->st_mode) && !f->c->o.layer)
		return 0;
	return (st->st_nlink > 1 ? copy_linked : copy_one)(f, FD_NONE, src_fd, dst_fd, name, st);
}

static int copy_entry(struct filler *f, int src_fd, int dst_fd, const struct dirent *de)
{
	struct stat st = { .st_mode = DTTOIF(de->d_type) };
	int r;

	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) &&
	    fstatat(src_fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(f, de->d_name, errno, "look at");
	if (S_ISDIR(st.st_mode))
		return copy_subdir(f, dst_fd, de->d_name);
	if (S_ISREG(st.st_mode))
		r = copy_file(f, src_fd, dst_fd, de->d_name);
	else
		r = copy_other(f, src_fd, dst_fd, de->d_name, &st);
	return r < 0 ? fail(f, de->d_name, r, "copy") : 0;
}

static int copy_entries(struct filler *f, DIR *d, int dst_fd)
{
	struct dirent *de;
	int r = 0;

	while (r == 0 && (errno = 0, de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = copy_entry(f, dirfd(d), dst_fd, de);
	return r == 0 && errno ? fail(f, "", errno, "read") : r;
}

/* The directory f->dir: what is in it, and its own attributes last, as filling it changes its
 * times.  Its subdirectories follow later, and do not change it any more. */
static int copy_dir(struct filler *f)
{
	const char *path = f->dir[0] ? f->dir : ".";
	int src = path_open_beneath(f->c->src_fd, path, O_RDONLY | O_DIRECTORY |
				    (f->c->o.layer ? O_NOATIME : 0));
	auto_close int dst = FD_NONE;
	auto_dir DIR *d = NULL;
	struct stat st;
	int r;

	if (src < 0)
		return fail(f, "", src, "open");
	d = fdopendir(src);
	if (!d) {
		r = fail(f, "", errno, "open");
		(void)fd_close(src);
		return r;
	}
	dst = path_open_beneath(f->c->dst_fd, path, O_RDONLY | O_DIRECTORY);
	if (dst < 0)
		return fail(f, "", dst, "open the copy of");
	if (fstat(src, &st) < 0)
		return fail(f, "", errno, "look at");
	r = copy_entries(f, d, dst);
	if (r < 0)
		return r;
	r = copy_meta(f, src, dst, "", &st);
	return r < 0 ? fail(f, "", r, "copy the attributes of") : 0;
}

static char *next_dir(struct copier *c)
{
	char *path = NULL;

	pthread_mutex_lock(&c->lock);
	while (!c->n_pending && c->busy && !c->failed)
		pthread_cond_wait(&c->more, &c->lock);
	if (c->n_pending && !c->failed) {
		path = c->pending[--c->n_pending];
		c->pending_bytes -= strlen(path);
		c->busy++;
	}
	pthread_mutex_unlock(&c->lock);
	return path;
}

static void dir_done(struct copier *c, int r, const struct err *e)
{
	pthread_mutex_lock(&c->lock);
	c->busy--;
	if (r < 0 && !c->failed) {
		c->failed = r;
		c->err = *e;
	}
	if (c->failed || (!c->busy && !c->n_pending))
		pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
}

void copier_work(struct copier *c)
{
	struct filler f = { .c = c, .buf = malloc(SMALL_BYTES), .fsuid = geteuid(), .fsgid = getegid() };
	char *path;

	while ((path = next_dir(c))) {
		int r;

		f.dir = path;
		r = f.buf ? copy_dir(&f) : fail(&f, "", ENOMEM, "copy");
		dir_done(c, r, &f.err);
		free(path);
	}
	create_as(&f, geteuid(), getegid());
	free(f.buf);
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

int copier_init(struct copier *c, int src_fd, int dst_fd, const struct copy_opts *o)
{
	*c = (struct copier){ .src_fd = src_fd, .dst_fd = dst_fd };
	if (o)
		c->o = *o;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->links, NULL);
	pthread_cond_init(&c->more, NULL);
	return add_pending(c, strdup(""));
}

void copier_fail(struct copier *c, int r, const char *doing)
{
	c->failed = err_sys(&c->err, r, "copy a directory: %s", doing);
}

int copier_end(struct copier *c, struct err *e)
{
	if (c->failed)
		remove_content(c->dst_fd);
	if (c->failed && e)
		*e = c->err;
	for (size_t i = 0; i < c->n_pending; i++)
		free(c->pending[i]);
	free(c->pending);
	for (size_t i = 0; i < c->cap_firsts; i++)
		free(c->firsts[i].path);
	free(c->firsts);
	pthread_cond_destroy(&c->more);
	pthread_mutex_destroy(&c->links);
	pthread_mutex_destroy(&c->lock);
	return c->failed;
}

int copy_tree(int src_fd, int dst_fd, const struct copy_opts *o, struct err *e)
{
	struct copier c;
	int r = copier_init(&c, src_fd, dst_fd, o);

	if (r < 0)
		return err_sys(e, r, "copy a directory");
	copier_work(&c);
	return copier_end(&c, e);
}
