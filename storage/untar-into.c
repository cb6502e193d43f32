/*
 * Unpacking among files that belong to somebody hostile, who may move them while we work: each
 * entry's directory is looked up again within the root, and only the descriptor is used.
 */
#include "untar-into.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"
#include "tree.h"

#define READ_BYTES (256u << 10)
#define XATTRS_MAX 64		     /* of one entry */
#define XATTR_VALUE_MAX_BYTES 65536u /* the kernel's limit, xattr(7) */
#define TMP_PREFIX ".ctr-lite-cp-"
#define TMP_NAME_SIZE (sizeof(TMP_PREFIX) + 16)
#define DIRS_MAX_BYTES (256u << 20) /* of the names of directories, kept until the end */

struct late_dir {
	char *path;
	mode_t mode;
	struct timespec mtime;
};

struct job {
	const struct untar_into *u;
	struct archive *a;
	char *buf;
	struct late_dir *dirs;
	size_t n_dirs, cap_dirs;
	uint64_t dir_bytes;
};

/* One entry on its way: where it goes. */
struct spot {
	char path[PATH_MAX]; /* from the directory, clean */
	const char *base;    /* in @path */
	int parent;
};

static int stopped(const struct job *j, struct err *e)
{
	if (!j->u->stop || !*j->u->stop)
		return 0;
	(void)err_set(e, ERR_OS, "interrupted");
	return -EINTR;
}

static la_ssize_t read_cb(struct archive *a, void *arg, const void **ret_buf)
{
	struct job *j = arg;

	for (;;) {
		ssize_t n = read(j->u->in_fd, j->buf, READ_BYTES);

		if (n < 0 && errno == EINTR && !(j->u->stop && *j->u->stop))
			continue;
		if (n < 0)
			archive_set_error(a, errno, "read the standard input");
		*ret_buf = j->buf;
		return n;
	}
}

static int bad_archive(struct job *j, bool begun, struct err *e)
{
	const char *why = archive_error_string(j->a);
	int r = stopped(j, e);

	if (r < 0)
		return r;
	if (!begun)
		return err_set(e, ERR_INVALID,
			       "source must be a (compressed) tar archive when copying from "
			       "stdin: %s",
			       why ? why : "it is none");
	return err_set(e, ERR_CORRUPT, "read the archive: %s", why ? why : "it is damaged");
}

/* @rel from the directory that all goes to, as a path of the root. */
static int open_below(const struct job *j, const char *rel, int flags)
{
	char whole[2 * PATH_MAX];

	(void)snprintf(whole, sizeof(whole), "%s/%s", j->u->dir, rel);
	return path_open_in(j->u->root_fd, whole, flags);
}

static int give(int dir_fd, const char *name, uint32_t uid, uint32_t gid)
{
	return fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static bool owner_of(const struct job *j, int64_t uid, int64_t gid, uint32_t *ret_uid,
		     uint32_t *ret_gid)
{
	const struct untar_into *u = j->u;

	*ret_uid = u->uid;
	*ret_gid = u->gid;
	if (u->one_owner)
		return true;
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return false;
	*ret_uid = (uint32_t)uid;
	*ret_gid = (uint32_t)gid;
	return !u->map || (idmap_to_host(u->map->uid, u->map->n_uid, (uint32_t)uid, ret_uid) &&
			   idmap_to_host(u->map->gid, u->map->n_gid, (uint32_t)gid, ret_gid));
}

/* The directories above, where they are missing. */
static int make_parents(struct job *j, const char *path, struct err *e)
{
	char dir[PATH_MAX];
	uint32_t uid, gid;

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		auto_close int at = FD_NONE;
		char *base;

		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(p - path), path);
		at = open_below(j, dir, O_PATH | O_DIRECTORY);
		if (at != -ENOENT)
			continue;
		base = strrchr(dir, '/');
		if (base)
			*base++ = '\0';
		at = open_below(j, base ? dir : "", O_PATH | O_DIRECTORY);
		if (at < 0 || mkdirat(at, base ? base : dir, 0755) < 0)
			return err_sys(e, at < 0 ? at : errno, "make the directory of %s", path);
		if (owner_of(j, 0, 0, &uid, &gid))
			(void)give(at, base ? base : dir, uid, gid); /* it stays root's */
	}
	return 0;
}

static int find_spot(struct job *j, struct spot *s, struct err *e)
{
	char dir[PATH_MAX];
	char *slash = strrchr(s->path, '/');
	int r;

	(void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - s->path) : 0, s->path);
	s->base = slash ? slash + 1 : s->path;
	s->parent = open_below(j, dir, O_PATH | O_DIRECTORY);
	if (s->parent == -ENOENT && slash) {
		r = make_parents(j, s->path, e);
		if (r < 0)
			return r;
		s->parent = open_below(j, dir, O_PATH | O_DIRECTORY);
	}
	return s->parent < 0 ? err_sys(e, s->parent, "open the directory of %s", s->path) : 0;
}

enum there { NOTHING, A_FILE, A_DIRECTORY, A_MOUNT };

static int look(const struct spot *s)
{
	struct statx sx;

	if (statx(s->parent, s->base, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
		return errno == ENOENT ? NOTHING : -errno;
	if (S_ISDIR(sx.stx_mode))
		return A_DIRECTORY;
	return sx.stx_attributes & STATX_ATTR_MOUNT_ROOT ? A_MOUNT : A_FILE;
}

static int make_room(const struct job *j, const struct spot *s, struct err *e)
{
	int there = look(s), r;

	if (there < 0)
		return err_sys(e, there, "look at %s", s->path);
	if (there == A_MOUNT)
		return err_set(e, ERR_BUSY, "replace %s: something is mounted on it", s->path);
	if (there != A_DIRECTORY)
		return 0;
	if (!j->u->overwrite)
		return err_set(e, ERR_EXISTS,
			       "%s is a directory where the archive has none (--overwrite "
			       "replaces it)",
			       s->path);
	r = path_remove_tree(s->parent, s->base);
	return r < 0 ? err_sys(e, r, "replace the directory %s", s->path) : 0;
}

static int tmp_name(char tmp[TMP_NAME_SIZE])
{
	memcpy(tmp, TMP_PREFIX, sizeof(TMP_PREFIX));
	return str_random_hex(8, tmp + strlen(TMP_PREFIX));
}

/* Give what was made as @tmp its own name, or take it away. */
static int finish(const struct spot *s, const char *tmp, int r, struct err *e)
{
	if (r == 0 && renameat(s->parent, tmp, s->parent, s->base) == 0)
		return 0;
	if (r == 0)
		r = err_sys(e, errno, "create %s", s->path);
	(void)unlinkat(s->parent, tmp, 0); /* ours; the first failure counts */
	return r;
}

static int write_content(struct job *j, int fd, const struct spot *s, int64_t size, struct err *e)
{
	int64_t end = 0;

	for (;;) {
		const void *buf;
		la_int64_t at;
		size_t len;
		int r = archive_read_data_block(j->a, &buf, &len, &at);

		if (r == ARCHIVE_EOF)
			break;
		if (r < ARCHIVE_WARN)
			return bad_archive(j, true, e);
		r = stopped(j, e);
		if (r < 0)
			return r;
		if (at < end || len > (uint64_t)(INT64_MAX - at))
			return err_set(e, ERR_CORRUPT, "%s: its parts overlap", s->path);
		for (size_t done = 0; done < len;) {
			ssize_t n = pwrite(fd, (const char *)buf + done, len - done,
					   at + (int64_t)done);

			if (n < 0 && errno != EINTR)
				return err_sys(e, errno, "write %s", s->path);
			done += n > 0 ? (size_t)n : 0;
		}
		end = at + (int64_t)len;
	}
	if (size > end && ftruncate(fd, size) < 0)
		return err_sys(e, errno, "make %s as large as %" PRId64 " bytes", s->path, size);
	return 0;
}

/* Those of users, and capabilities.  What cannot be kept here is left out. */
static void set_xattrs(struct archive_entry *ae, int fd)
{
	const char *name;
	const void *value;
	size_t len, n = 0;

	(void)archive_entry_xattr_reset(ae);
	while (n++ < XATTRS_MAX && archive_entry_xattr_next(ae, &name, &value, &len) == ARCHIVE_OK)
		if (name && len <= XATTR_VALUE_MAX_BYTES &&
		    ((str_starts(name, "user.") && !str_starts(name, "user.overlay.") &&
		      !str_starts(name, "user.containers.")) ||
		     streq(name, "security.capability")))
			(void)fsetxattr(fd, name, value, len, 0);
}

static struct timespec mtime_of(struct archive_entry *ae)
{
	struct timespec t = { archive_entry_mtime(ae), archive_entry_mtime_nsec(ae) };

	if (t.tv_nsec < 0 || t.tv_nsec > 999999999)
		t.tv_nsec = 0;
	return t;
}

static int set_meta(struct job *j, struct archive_entry *ae, int fd, const struct spot *s,
		    struct err *e)
{
	const struct timespec times[2] = { mtime_of(ae), mtime_of(ae) };
	uint32_t uid, gid;

	if (!owner_of(j, archive_entry_uid(ae), archive_entry_gid(ae), &uid, &gid))
		return err_set(e, ERR_INVALID,
			       "the owner %" PRId64 ":%" PRId64 " of %s is not in the "
			       "container's id map",
			       archive_entry_uid(ae), archive_entry_gid(ae), s->path);
	if (fchown(fd, uid, gid) < 0)
		return err_sys(e, errno, "chown %s", s->path);
	set_xattrs(ae, fd);
	if (fchmod(fd, archive_entry_perm(ae) & 07777) < 0 || futimens(fd, times) < 0)
		return err_sys(e, errno, "set the attributes of %s", s->path);
	return 0;
}

static int add_file(struct job *j, struct archive_entry *ae, const struct spot *s, struct err *e)
{
	auto_close int fd = FD_NONE;
	char tmp[TMP_NAME_SIZE];
	int r = make_room(j, s, e);

	if (r < 0)
		return r;
	r = tmp_name(tmp);
	if (r == 0)
		fd = openat(s->parent, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
	if (r < 0 || fd < 0)
		return err_sys(e, r < 0 ? r : errno, "create %s", s->path);
	r = write_content(j, fd, s, archive_entry_size(ae), e);
	if (r == 0)
		r = set_meta(j, ae, fd, s, e);
	return finish(s, tmp, r, e);
}

static int add_hardlink(struct job *j, const char *link, const struct spot *s, struct err *e)
{
	struct spot to = { .parent = FD_NONE };
	char tmp[TMP_NAME_SIZE];
	struct stat st;
	int r = tree_clean_name(link, strlen(link), to.path, e);

	if (r == 0)
		r = make_room(j, s, e);
	if (r == 0)
		r = find_spot(j, &to, e);
	if (r < 0)
		return r;
	r = tmp_name(tmp);
	if (r == 0 && fstatat(to.parent, to.base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0 && linkat(to.parent, to.base, s->parent, tmp, 0) < 0)
		r = -errno;
	(void)fd_close(to.parent);
	if (r < 0)
		return err_sys(e, r, "link %s to %s", s->path, to.path);
	return finish(s, tmp, 0, e);
}

static int add_special(struct job *j, struct archive_entry *ae, const struct spot *s, struct err *e)
{
	const struct timespec times[2] = { mtime_of(ae), mtime_of(ae) };
	bool is_link = archive_entry_filetype(ae) == AE_IFLNK;
	const char *target = is_link ? archive_entry_symlink(ae) : NULL;
	uint32_t uid, gid;
	char tmp[TMP_NAME_SIZE];
	int r = make_room(j, s, e);

	if (r < 0)
		return r;
	if (!owner_of(j, archive_entry_uid(ae), archive_entry_gid(ae), &uid, &gid))
		uid = gid = 0;
	r = tmp_name(tmp);
	if (r == 0 &&
	    (is_link ? symlinkat(target ? target : "", s->parent, tmp)
		     : mknodat(s->parent, tmp, S_IFIFO | (archive_entry_perm(ae) & 0777), 0)) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(e, r, "create %s", s->path);
	r = give(s->parent, tmp, uid, gid);
	if (r < 0 || utimensat(s->parent, tmp, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = err_sys(e, r < 0 ? r : errno, "set the attributes of %s", s->path);
	return finish(s, tmp, r, e);
}

/* Its mode and times come when all is in it. */
static int set_later(struct job *j, struct archive_entry *ae, const struct spot *s, struct err *e)
{
	j->dir_bytes += strlen(s->path) + sizeof(struct late_dir);
	if (j->dir_bytes > DIRS_MAX_BYTES)
		return err_set(e, ERR_LIMIT,
			       "the archive has too many directories: their names exceed the "
			       "limit of %u MiB",
			       DIRS_MAX_BYTES >> 20);
	if (j->n_dirs == j->cap_dirs) {
		size_t cap = j->cap_dirs ? j->cap_dirs * 2 : 64;
		struct late_dir *p = reallocarray(j->dirs, cap, sizeof(*p));

		if (!p)
			return err_sys(e, ENOMEM, "unpack");
		j->dirs = p;
		j->cap_dirs = cap;
	}
	j->dirs[j->n_dirs] =
		(struct late_dir){ strdup(s->path), archive_entry_perm(ae) & 07777, mtime_of(ae) };
	return j->dirs[j->n_dirs++].path ? 0 : err_sys(e, ENOMEM, "unpack");
}

static int add_dir(struct job *j, struct archive_entry *ae, const struct spot *s, struct err *e)
{
	auto_close int fd = FD_NONE;
	uint32_t uid, gid;
	int there = look(s);

	if (there == A_FILE) {
		/* A link to a directory, as /lib is one, does as well. */
		fd = open_below(j, s->path, O_PATH | O_DIRECTORY);
		if (fd >= 0)
			return 0;
		if (!j->u->overwrite)
			return err_set(e, ERR_EXISTS,
				       "%s is no directory where the archive has one "
				       "(--overwrite replaces it)",
				       s->path);
		if (unlinkat(s->parent, s->base, 0) < 0)
			return err_sys(e, errno, "replace %s", s->path);
	}
	if (there < 0 || there == A_MOUNT)
		return err_sys(e, there < 0 ? there : EBUSY, "look at %s", s->path);
	if (there != A_DIRECTORY && mkdirat(s->parent, s->base, 0700) < 0)
		return err_sys(e, errno, "make the directory %s", s->path);
	fd = openat(s->parent, s->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open the directory %s", s->path);
	if (!owner_of(j, archive_entry_uid(ae), archive_entry_gid(ae), &uid, &gid))
		return err_set(e, ERR_INVALID, "the owner of %s is not in the container's id map",
			       s->path);
	if (fchown(fd, uid, gid) < 0)
		return err_sys(e, errno, "chown %s", s->path);
	set_xattrs(ae, fd);
	return set_later(j, ae, s, e);
}

static int add_entry(struct job *j, struct archive_entry *ae, const struct spot *s, struct err *e)
{
	const char *link = archive_entry_hardlink(ae);

	if (link)
		return add_hardlink(j, link, s, e);
	switch (archive_entry_filetype(ae)) {
	case AE_IFDIR:
		return add_dir(j, ae, s, e);
	case AE_IFREG:
		return add_file(j, ae, s, e);
	case AE_IFLNK:
	case AE_IFIFO:
		return add_special(j, ae, s, e);
	default:
		return 0; /* devices and sockets */
	}
}

static int next_entry(struct job *j, struct archive_entry *ae, struct err *e)
{
	const char *name = archive_entry_pathname(ae);
	struct spot s = { .parent = FD_NONE };
	int r;

	if (!name || !name[0])
		return err_set(e, ERR_CORRUPT, "an archive member has no name");
	if (archive_entry_size(ae) < 0)
		return err_set(e, ERR_CORRUPT, "%s: its size is negative", name);
	r = tree_clean_name(name, strlen(name), s.path, e);
	if (r < 0 || !s.path[0]) /* the directory itself stays as it is */
		return r;
	r = find_spot(j, &s, e);
	if (r == 0)
		r = add_entry(j, ae, &s, e);
	(void)fd_close(s.parent);
	return r;
}

static int finish_dirs(struct job *j, struct err *e)
{
	for (size_t i = j->n_dirs; i-- > 0;) {
		const struct late_dir *d = &j->dirs[i];
		const struct timespec times[2] = { d->mtime, d->mtime };
		auto_close int fd = open_below(j, d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

		if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
			continue; /* somebody took it away */
		if (fd < 0 || fchmod(fd, d->mode) < 0 || futimens(fd, times) < 0)
			return err_sys(e, fd < 0 ? fd : errno, "set the attributes of %s", d->path);
	}
	return 0;
}

/* Some warnings are only about character sets (we take names as bytes), others are damage. */
static bool is_charset_warning(struct archive *a)
{
	const char *s = archive_error_string(a);

	return s && strstr(s, "can't be converted");
}

static int read_entries(struct job *j, struct err *e)
{
	bool begun = false;

	for (;;) {
		struct archive_entry *ae;
		int r = archive_read_next_header(j->a, &ae);

		if (r == ARCHIVE_EOF)
			return finish_dirs(j, e);
		if (r < ARCHIVE_WARN || (r == ARCHIVE_WARN && !is_charset_warning(j->a)))
			return bad_archive(j, begun, e);
		begun = true;
		r = stopped(j, e);
		if (r == 0)
			r = next_entry(j, ae, e);
		if (r < 0)
			return r;
	}
}

static int open_archive(struct job *j, struct err *e)
{
	j->a = archive_read_new();
	/* Not all there are: some filters are programs. */
	if (!j->a || archive_read_support_format_tar(j->a) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(j->a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(j->a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(j->a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(j->a) != ARCHIVE_OK)
		return err_sys(e, ENOMEM, "read the archive");
	if (archive_read_open(j->a, j, NULL, read_cb, NULL) != ARCHIVE_OK)
		return bad_archive(j, false, e);
	return 0;
}

int untar_into(const struct untar_into *u, struct err *e)
{
	struct job j = { .u = u, .buf = malloc(READ_BYTES) };
	int r;

	if (!j.buf)
		return err_sys(e, ENOMEM, "unpack");
	r = open_archive(&j, e);
	if (r == 0)
		r = read_entries(&j, e);
	if (j.a)
		(void)archive_read_free(j.a);
	for (size_t i = 0; i < j.n_dirs; i++)
		free(j.dirs[i].path);
	free(j.dirs);
	free(j.buf);
	return r;
}
