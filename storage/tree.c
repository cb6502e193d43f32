/* Building the tree of a layer from entries with hostile names. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"

#define OPAQUE_XATTR "user.overlay.opaque"
#define OVERRIDE_XATTR "user.containers.override_stat"
#define DEFAULT_ACL_XATTR "system.posix_acl_default"
#define SET_ID_BITS (S_ISUID | S_ISGID)
#define WHITEOUT_PREFIX ".wh."

int tree_init(struct tree *t, int root_fd, bool squash, struct err *e)
{
	/* The layer's root may have inherited both from the user's own directories. */
	if (fchmod(root_fd, 0755) < 0)
		return err_sys(e, errno, "chmod the layer's root");
	(void)fremovexattr(root_fd, DEFAULT_ACL_XATTR);
	(void)fremovexattr(root_fd, "system.posix_acl_access");
	*t = (struct tree){ .root_fd = root_fd, .squash = squash };
	return 0;
}

static void stack_cut(struct tree *t, size_t depth)
{
	while (t->depth > depth)
		(void)fd_close(t->stack[--t->depth].fd);
}

void tree_done(struct tree *t)
{
	stack_cut(t, 0);
	for (size_t i = 0; i < t->n_dirs; i++) {
		free(t->dirs[i].path);
		free(t->dirs[i].default_acl);
	}
	for (size_t i = 0; i < t->cap_implicit; i++)
		free(t->implicit[i]);
	free(t->dirs);
	free(t->implicit);
	file_sums_free(t->sums);
	*t = (struct tree){ .root_fd = FD_NONE };
}

static int bad_name(const char *name, const char *why, struct err *e)
{
	auto_free char *q = str_quote(name);

	return err_set(e, ERR_CORRUPT, "archive member %s %s", q ? q : "?", why);
}

/* Names with a special meaning in whiteout archives stand last or nowhere. */
static bool is_whiteout_component(const char *s, size_t len)
{
	return len >= sizeof(WHITEOUT_PREFIX) - 1 &&
	       memcmp(s, WHITEOUT_PREFIX, sizeof(WHITEOUT_PREFIX) - 1) == 0;
}

int tree_clean_name(const char *name, size_t len, char *out, struct err *e)
{
	size_t n = 0;

	if (strnlen(name, len + 1) != len)
		return bad_name(name, "has a NUL in its name", e);
	while (*name) {
		size_t c = strcspn(name, "/");

		if (c == 2 && name[0] == '.' && name[1] == '.') {
			if (n == 0)
				return bad_name(name, "is outside of the layer", e);
			while (n > 0 && out[--n] != '/')
				;
		} else if (c > 0 && !(c == 1 && name[0] == '.')) {
			if (c > NAME_MAX)
				return bad_name(name, "has a name of more than 255 bytes", e);
			if (n + c + 2 > PATH_MAX)
				return bad_name(name, "has a path of more than 4095 bytes", e);
			if (n)
				out[n++] = '/';
			memcpy(out + n, name, c);
			n += c;
		}
		name += c;
		while (*name == '/')
			name++;
	}
	out[n] = '\0';
	return 0;
}

/* A hash table of the implicit directories: open addressing, power of two, half full at most. */
static size_t implicit_slot(const struct tree *t, const char *path)
{
	size_t i = str_hash64(path, strlen(path)) & (t->cap_implicit - 1);

	while (t->implicit[i] && !streq(t->implicit[i], path))
		i = (i + 1) & (t->cap_implicit - 1);
	return i;
}

static int implicit_grow(struct tree *t)
{
	struct tree n = { .cap_implicit = t->cap_implicit ? t->cap_implicit * 2 : 64 };

	n.implicit = calloc(n.cap_implicit, sizeof(*n.implicit));
	if (!n.implicit)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap_implicit; i++)
		if (t->implicit[i])
			n.implicit[implicit_slot(&n, t->implicit[i])] = t->implicit[i];
	free(t->implicit);
	t->implicit = n.implicit;
	t->cap_implicit = n.cap_implicit;
	return 0;
}

static int charge_name(struct tree *t, const char *path, struct err *e)
{
	t->dir_bytes += strlen(path) + sizeof(struct tree_dir);
	if (t->dir_bytes > TREE_DIRS_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "the layer has too many directories: their names exceed the "
			       "limit of %u MiB", TREE_DIRS_MAX_BYTES >> 20);
	return 0;
}

static int implicit_add(struct tree *t, const char *path, struct err *e)
{
	int r = charge_name(t, path, e);
	size_t i;

	if (r < 0)
		return r;
	if (2 * (t->n_implicit + 1) > t->cap_implicit && implicit_grow(t) < 0)
		return err_sys(e, ENOMEM, "unpack");
	i = implicit_slot(t, path);
	if (t->implicit[i])
		return 0;
	t->implicit[i] = strdup(path);
	if (!t->implicit[i])
		return err_sys(e, ENOMEM, "unpack");
	t->n_implicit++;
	return 0;
}

static void implicit_del(struct tree *t, const char *path)
{
	size_t i;

	if (!t->n_implicit)
		return;
	i = implicit_slot(t, path);
	if (!t->implicit[i])
		return;
	free(t->implicit[i]);
	t->implicit[i] = NULL;
	t->n_implicit--;
	/* Close the gap, or searches for what was pushed behind it would stop there. */
	for (i = (i + 1) & (t->cap_implicit - 1); t->implicit[i];
	     i = (i + 1) & (t->cap_implicit - 1)) {
		char *moved = t->implicit[i];

		t->implicit[i] = NULL;
		t->implicit[implicit_slot(t, moved)] = moved;
	}
}

static int set_opaque_at(struct tree *t, int dir_fd, const char *name, struct err *e)
{
	/* O_PATH descriptors take no xattrs; there is no other writer, so chdir is as safe. */
	int r = fchdir(dir_fd);

	if (r == 0)
		r = lsetxattr(name, OPAQUE_XATTR, "y", 1, 0);
	t->has_xattrs = true;
	return r < 0 ? err_sys(e, errno, "mark the directory %s opaque (the store's file system must "
			       "support user.* extended attributes)", name) : 0;
}

static bool is_whiteout_node(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

/* Remove what has the name of a new entry.  Descriptors of what was below it are stale then. */
static int clear_place(struct tree *t, int dir_fd, const char *name, bool *ret_whiteout, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "look at %s", name);
	if (ret_whiteout)
		*ret_whiteout = S_ISCHR(st.st_mode) && st.st_rdev == 0;
	if (S_ISDIR(st.st_mode)) {
		auto_close int parent = fd_dup(dir_fd); /* the stack is about to go */

		if (parent < 0)
			return err_sys(e, parent, "replace %s", name);
		t->removed_dir = true;
		stack_cut(t, 0);
		r = path_remove_tree(parent, name);
		return r < 0 ? err_sys(e, r, "replace the directory %s", name) : 0;
	}
	if (unlinkat(dir_fd, name, 0) < 0)
		return err_sys(e, errno, "replace %s", name);
	return 0;
}

/*
 * The directory @name under @dir_fd, made where it is missing (*ret_made), opened without
 * following a link: -ELOOP or -ENOTDIR says that there is something else.
 */
static int enter(int dir_fd, const char *name, bool *ret_made)
{
	int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	if (mkdirat(dir_fd, name, 0755) < 0)
		return -errno;
	*ret_made = true;
	fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* @path (its first @len bytes) names something that is no directory, or lies deeper than what is
 * kept open: resolve it as a process chrooted in the layer would, making what is missing. */
static int enter_slowly(struct tree *t, const char *path, size_t len, struct err *e)
{
	char buf[PATH_MAX];
	int fd;

	memcpy(buf, path, len);
	buf[len] = '\0';
	fd = path_open_in(t->root_fd, buf, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT) {
		int r;

		fd = path_mkdirs_in(t->root_fd, buf, 0755);
		r = fd < 0 ? 0 : implicit_add(t, buf, e);
		if (r < 0) {
			(void)fd_close(fd);
			return r;
		}
	}
	if (fd < 0) {
		auto_free char *q = str_quote(buf);

		return err_sys(e, fd, "the layer uses %s as a directory", q ? q : "?");
	}
	return fd;
}

/* One step down from @dir_fd; @path up to @len is where that leads. */
static int step(struct tree *t, int dir_fd, const char *name, const char *path, size_t len,
		struct err *e)
{
	bool made = false;
	int fd = enter(dir_fd, name, &made), r = 0;

	if ((fd == -ENOTDIR || fd == -ELOOP) && is_whiteout_node(dir_fd, name)) {
		/* The layer hides what is below and then has a directory of its own there. */
		if (unlinkat(dir_fd, name, 0) < 0)
			return err_sys(e, errno, "replace the whiteout %s", name);
		fd = enter(dir_fd, name, &made);
		if (fd >= 0)
			r = set_opaque_at(t, dir_fd, name, e);
	} else if (fd == -ENOTDIR || fd == -ELOOP) {
		return enter_slowly(t, path, len, e);
	}
	if (fd < 0) {
		auto_free char *q = str_quote(path);

		return err_sys(e, fd, "open the directory of %s", q ? q : "?");
	}
	if (r == 0 && made) {
		char buf[PATH_MAX];

		memcpy(buf, path, len);
		buf[len] = '\0';
		r = implicit_add(t, buf, e);
	}
	if (r < 0) {
		(void)fd_close(fd);
		return r;
	}
	return fd;
}

/*
 * The parent directory of the clean path @path (not ""), from the stack of open directories as
 * far as it agrees.  *@ret_fd is borrowed until the next call, *@ret_name points into @path.
 * A directory deeper than the stack is held in *@deep_fd, which the caller closes.
 */
static int open_parent(struct tree *t, const char *path, int *deep_fd, int *ret_fd,
		       const char **ret_name, struct err *e)
{
	const char *p = path, *slash;
	size_t i = 0;
	int fd = t->root_fd;

	/* What the stack has already. */
	while ((slash = strchr(p, '/')) && i < t->depth) {
		size_t len = (size_t)(slash - p);

		if (strncmp(t->stack[i].name, p, len) != 0 || t->stack[i].name[len])
			break;
		fd = t->stack[i++].fd;
		p = slash + 1;
	}
	stack_cut(t, i);
	while ((slash = strchr(p, '/'))) {
		size_t len = (size_t)(slash - p);
		struct tree_place *place = &t->stack[t->depth];
		char name[NAME_MAX + 1];

		if (is_whiteout_component(p, len))
			return bad_name(path, "lies below the name of a whiteout", e);
		if (t->depth == TREE_DEPTH_OPEN) {
			slash = strrchr(p, '/');
			*deep_fd = enter_slowly(t, path, (size_t)(slash - path), e);
			if (*deep_fd < 0)
				return *deep_fd;
			fd = *deep_fd;
			p = slash + 1;
			break;
		}
		memcpy(name, p, len);
		name[len] = '\0';
		fd = step(t, fd, name, path, (size_t)(slash - path), e);
		if (fd < 0)
			return fd;
		memcpy(place->name, name, len + 1);
		place->fd = fd;
		t->depth++;
		p = slash + 1;
	}
	*ret_fd = fd;
	*ret_name = p;
	return 0;
}

struct place {
	int fd;			/* of the parent, borrowed from the stack */
	int deep_fd;		/* or owned here */
	const char *name;
};
#define PLACE_INIT { .fd = FD_NONE, .deep_fd = FD_NONE }

static void place_done(struct place *p)
{
	p->deep_fd = fd_close(p->deep_fd);
}
#define auto_place __attribute__((cleanup(place_done)))

static int find_place(struct tree *t, const char *path, struct place *p, struct err *e)
{
	return open_parent(t, path, &p->deep_fd, &p->fd, &p->name, e);
}

/* Make room for a new entry, and look the parent up again where that closed it. */
static int empty_place(struct tree *t, const char *path, struct place *p, bool *ret_whiteout,
		       struct err *e)
{
	int r = clear_place(t, p->fd, p->name, ret_whiteout, e);

	if (r < 0)
		return r;
	place_done(p);
	return find_place(t, path, p, e);
}

static bool keep_xattr(const char *name)
{
	static const char *const refused[] = {
		/* The control attributes of overlay, of fuse-overlayfs, and of ours. */
		"user.overlay.", "trusted.", "user.fuseoverlayfs.", OVERRIDE_XATTR,
		/* Labels belong to the host's policy. */
		"security.selinux", "security.SMACK64", "security.apparmor", "security.evm",
		"security.ima",
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (str_starts(name, refused[i]))
			return false;
	return str_starts(name, "user.") || str_starts(name, "security.") ||
	       str_starts(name, "system.posix_acl_");
}

/* What a file system or namespace cannot hold is left out, as other engines do; a full disk and
 * an attribute too large for it is an error. */
static int xattr_result(const struct tree *t, int r, const char *xattr, const char *path,
			struct err *e)
{
	if (r == 0 || errno == EOPNOTSUPP || errno == EPERM || (t->squash && errno == EINVAL))
		return 0;
	return err_sys(e, errno, "set the extended attribute %s of %s", xattr, path);
}

static int set_xattr(struct tree *t, int fd, int dir_fd, const char *name, const struct tree_xattr *x)
{
	t->has_xattrs = true;
	if (fd >= 0)
		return fsetxattr(fd, x->name, x->value, x->len, 0);
	return fchdir(dir_fd) < 0 ? -1 : lsetxattr(name, x->name, x->value, x->len, 0);
}

/* @fd an open file, or -1: @name under @dir_fd, links not followed.  The default ACL of a
 * directory is left for the end. */
static int set_xattrs(struct tree *t, int fd, int dir_fd, const char *name, const char *path,
		      const struct tree_meta *m, struct err *e)
{
	for (size_t i = 0; i < m->n_xattrs; i++) {
		int r;

		if (!keep_xattr(m->xattrs[i].name) || streq(m->xattrs[i].name, DEFAULT_ACL_XATTR))
			continue;
		r = xattr_result(t, set_xattr(t, fd, dir_fd, name, &m->xattrs[i]), m->xattrs[i].name, path, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* With one id: who the owner would be, where that is not who it is.  containers-storage's form. */
static int set_override(struct tree *t, int fd, int dir_fd, const char *name, const char *path,
			const struct tree_meta *m, struct err *e)
{
	struct tree_xattr x = { .name = OVERRIDE_XATTR };
	char value[48];
	int n;

	if (!t->squash || (m->uid == 0 && m->gid == 0))
		return 0;
	n = snprintf(value, sizeof(value), "%u:%u:0%o", m->uid, m->gid, (unsigned int)(m->mode & 07777));
	x.value = value;
	x.len = (size_t)n;
	return xattr_result(t, set_xattr(t, fd, dir_fd, name, &x), x.name, path, e);
}

/* A set-id program of another user must not become one of ours. */
static mode_t real_mode(const struct tree *t, const struct tree_meta *m)
{
	mode_t mode = m->mode & 07777;

	if (t->squash && m->uid != 0)
		mode &= ~(mode_t)S_ISUID;
	if (t->squash && m->gid != 0)
		mode &= ~(mode_t)S_ISGID;
	return mode;
}

static int chown_failed(const char *path, const struct tree_meta *m, struct err *e)
{
	auto_free char *q = str_quote(path);

	if (errno == EINVAL || errno == EPERM)
		return err_set(e, ERR_UNSUPPORTED, "%s belongs to %u:%u, which is outside of the ids that "
			       "are mapped: get a larger range in /etc/subuid and /etc/subgid",
			       q ? q : "?", m->uid, m->gid);
	return err_sys(e, errno, "chown %s to %u:%u", q ? q : "?", m->uid, m->gid);
}

/* Owner, attributes, mode and times of what is no regular file; set-id bits only with
 * @set_id_now.  chown clears set-id bits and capabilities, so it is first. */
static int set_meta_at(struct tree *t, int dir_fd, const char *name, const char *path,
		       mode_t type, const struct tree_meta *m, bool set_id_now, struct err *e)
{
	const struct timespec times[2] = { m->atime, m->mtime };
	mode_t mode = real_mode(t, m);
	int r;

	if (!t->squash && (m->uid || m->gid || type == S_IFDIR) &&
	    fchownat(dir_fd, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return chown_failed(path, m, e);
	if (!set_id_now)
		mode &= ~(mode_t)SET_ID_BITS;
	/* No link can be there: we made the entry, or found it to be a directory. */
	if (type != S_IFLNK && fchmodat(dir_fd, name, mode, 0) < 0)
		return err_sys(e, errno, "chmod %s", path);
	r = set_xattrs(t, -1, dir_fd, name, path, m, e);
	if (r == 0 && type != S_IFLNK)
		r = set_override(t, -1, dir_fd, name, path, m, e);
	if (r == 0 && type != S_IFDIR && utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = err_sys(e, errno, "set the times of %s", path);
	return r;
}

static int record_dir(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	struct tree_dir *d;
	int r = charge_name(t, path, e);

	if (r < 0)
		return r;
	if (t->n_dirs == t->cap_dirs) {
		size_t cap = t->cap_dirs ? t->cap_dirs * 2 : 256;

		d = realloc(t->dirs, cap * sizeof(*d));
		if (!d)
			return err_sys(e, ENOMEM, "unpack");
		t->dirs = d;
		t->cap_dirs = cap;
	}
	d = &t->dirs[t->n_dirs];
	*d = (struct tree_dir){ .path = strdup(path), .atime = m->atime, .mtime = m->mtime,
				.mode = real_mode(t, m) };
	if (!d->path)
		return err_sys(e, ENOMEM, "unpack");
	t->n_dirs++;
	for (size_t i = 0; i < m->n_xattrs; i++) {
		if (!streq(m->xattrs[i].name, DEFAULT_ACL_XATTR) || d->default_acl)
			continue;
		t->dir_bytes += m->xattrs[i].len;
		d->default_acl = malloc(m->xattrs[i].len + 1);
		if (!d->default_acl)
			return err_sys(e, ENOMEM, "unpack");
		memcpy(d->default_acl, m->xattrs[i].value, m->xattrs[i].len);
		d->default_acl_len = m->xattrs[i].len;
	}
	return 0;
}

int tree_dir(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	bool whiteout = false;
	int r;

	if (!path[0]) {
		t->twice |= t->has_root;
		t->has_root = true;
		r = set_meta_at(t, t->root_fd, ".", "/", S_IFDIR, m, false, e);
		return r < 0 ? r : record_dir(t, path, m, e);
	}
	r = find_place(t, path, &p, e);
	if (r < 0)
		return r;
	if (mkdirat(p.fd, p.name, 0700) < 0) {
		struct stat st;

		if (errno != EEXIST)
			return err_sys(e, errno, "make the directory %s", path);
		if (fstatat(p.fd, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, errno, "look at %s", path);
		if (S_ISDIR(st.st_mode)) {
			implicit_del(t, path);
			t->twice = true;
		} else {
			r = empty_place(t, path, &p, &whiteout, e);
			if (r < 0)
				return r;
			if (mkdirat(p.fd, p.name, 0700) < 0)
				return err_sys(e, errno, "make the directory %s", path);
		}
	}
	if (whiteout) {
		r = set_opaque_at(t, p.fd, p.name, e);
		if (r < 0)
			return r;
	}
	r = set_meta_at(t, p.fd, p.name, path, S_IFDIR, m, false, e);
	return r < 0 ? r : record_dir(t, path, m, e);
}

static int create_file(int dir_fd, const char *name, mode_t mode)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

int tree_file_begin(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	mode_t mode = m->mode & 01777;
	int fd, r;

	r = find_place(t, path, &p, e);
	if (r < 0)
		return r;
	fd = create_file(p.fd, p.name, mode);
	if (fd == -EEXIST) {
		r = empty_place(t, path, &p, NULL, e);
		if (r < 0)
			return r;
		fd = create_file(p.fd, p.name, mode);
	}
	return fd < 0 ? err_sys(e, fd, "make the file %s", path) : fd;
}

int tree_file_end(struct tree *t, int fd_consumed, const char *path, const struct tree_meta *m,
		  struct err *e)
{
	auto_close int fd = fd_consumed;
	const struct timespec times[2] = { m->atime, m->mtime };
	mode_t mode = real_mode(t, m);
	struct stat st;
	int r;

	if (!t->squash && (m->uid || m->gid) && fchown(fd, m->uid, m->gid) < 0)
		return chown_failed(path, m, e);
	if ((mode & SET_ID_BITS) && fchmod(fd, mode) < 0)
		return err_sys(e, errno, "chmod %s", path);
	r = set_xattrs(t, fd, FD_NONE, NULL, path, m, e);
	if (r == 0)
		r = set_override(t, fd, FD_NONE, NULL, path, m, e);
	if (r == 0 && futimens(fd, times) < 0)
		r = err_sys(e, errno, "set the times of %s", path);
	if (r == 0 && t->sums && fstat(fd, &st) == 0)
		file_sums_end(t->sums, &st);
	return r;
}

int tree_symlink(struct tree *t, const char *path, const char *target, const struct tree_meta *m,
		 struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	int r;

	r = find_place(t, path, &p, e);
	if (r < 0)
		return r;
	if (!target[0] || strlen(target) >= PATH_MAX)
		return bad_name(path, "is a link to nothing or to a name of more than 4095 bytes", e);
	if (symlinkat(target, p.fd, p.name) < 0) {
		if (errno != EEXIST)
			return err_sys(e, errno, "make the link %s", path);
		r = empty_place(t, path, &p, NULL, e);
		if (r < 0)
			return r;
		if (symlinkat(target, p.fd, p.name) < 0)
			return err_sys(e, errno, "make the link %s", path);
	}
	return set_meta_at(t, p.fd, p.name, path, S_IFLNK, m, true, e);
}

static bool same_inode(int fd_a, const char *a, int fd_b, const char *b)
{
	struct stat x, y;

	return fstatat(fd_a, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(fd_b, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* The directory of a hard link's target; nothing is made on the way. */
static int open_target_dir(struct tree *t, const char *target, const char **ret_name)
{
	const char *slash = strrchr(target, '/');
	char dir[PATH_MAX];

	if (!slash) {
		*ret_name = target;
		return fd_dup(t->root_fd);
	}
	memcpy(dir, target, (size_t)(slash - target));
	dir[slash - target] = '\0';
	*ret_name = slash + 1;
	return path_open_in(t->root_fd, dir, O_PATH | O_DIRECTORY);
}

int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	auto_close int tfd = FD_NONE;
	const char *tname;
	struct stat st;
	int r;

	if (!target[0])
		return bad_name(path, "is a hard link to the root", e);
	r = find_place(t, path, &p, e);
	if (r < 0)
		return r;
	tfd = open_target_dir(t, target, &tname);
	if (tfd < 0 || fstatat(tfd, tname, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (S_ISCHR(st.st_mode) && st.st_rdev == 0))
		return bad_name(path, "is a hard link to something that the layer does not have", e);
	if (S_ISDIR(st.st_mode))
		return bad_name(path, "is a hard link to a directory", e);
	if (linkat(tfd, tname, p.fd, p.name, 0) == 0)
		return 0;
	if (errno == EEXIST) {
		if (same_inode(tfd, tname, p.fd, p.name))
			return 0;
		r = empty_place(t, path, &p, NULL, e);
		if (r < 0)
			return r;
		if (linkat(tfd, tname, p.fd, p.name, 0) == 0)
			return 0;
	}
	return err_sys(e, errno, "link %s to %s", path, target);
}

int tree_node(struct tree *t, const char *path, mode_t type, dev_t dev, const struct tree_meta *m,
	      struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	int r;

	if (type == S_IFCHR && dev == 0)
		return 0;
	r = find_place(t, path, &p, e);
	if (r == 0)
		r = empty_place(t, path, &p, NULL, e);
	if (r < 0)
		return r;
	if (mknodat(p.fd, p.name, type | 0600, dev) < 0) {
		if (errno == EPERM && type != S_IFIFO)
			return 0;
		return err_sys(e, errno, "make the %s %s", type == S_IFIFO ? "FIFO" : "device", path);
	}
	return set_meta_at(t, p.fd, p.name, path, type, m, true, e);
}

int tree_whiteout(struct tree *t, const char *path, struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	struct stat st;
	int r;

	r = find_place(t, path, &p, e);
	if (r < 0)
		return r;
	if (mknodat(p.fd, p.name, S_IFCHR, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, errno, "make the whiteout %s", path);
	/* The layer has something of its own there, which stays (image-spec "Whiteouts"); of a
	 * directory only what is below is hidden. */
	if (fstatat(p.fd, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "look at %s", path);
	return S_ISDIR(st.st_mode) ? set_opaque_at(t, p.fd, p.name, e) : 0;
}

int tree_opaque(struct tree *t, const char *path, struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	char below[PATH_MAX + 2];
	int r;

	if (!path[0]) {
		t->opaque_root = true;
		return set_opaque_at(t, t->root_fd, ".", e);
	}
	if (snprintf(below, sizeof(below), "%s/.", path) >= PATH_MAX)
		return bad_name(path, "has a path of more than 4095 bytes", e);
	r = find_place(t, below, &p, e);
	return r < 0 ? r : set_opaque_at(t, p.fd, ".", e);
}

static int finish_dir(struct tree *t, const struct tree_dir *d, int dir_fd, const char *name,
		      struct err *e)
{
	const struct timespec times[2] = { d->atime, d->mtime };
	struct tree_xattr acl = { DEFAULT_ACL_XATTR, d->default_acl, d->default_acl_len };
	struct stat st;
	int r = 0;

	if (t->removed_dir && (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			       !S_ISDIR(st.st_mode)))
		return 0; /* replaced by a later entry */
	if (((d->mode & SET_ID_BITS) || t->twice) && fchmodat(dir_fd, name, d->mode, 0) < 0)
		return err_sys(e, errno, "chmod %s", d->path);
	if (d->default_acl)
		r = xattr_result(t, set_xattr(t, -1, dir_fd, name, &acl), acl.name, d->path, e);
	if (r == 0 && utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = err_sys(e, errno, "set the times of %s", d->path);
	return r;
}

/* Like find_place(), but nothing is made: what is gone was replaced by a later entry. */
static bool parent_is_there(struct tree *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	auto_close int fd = FD_NONE;

	if (!slash || !t->removed_dir)
		return true;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	fd = path_open_in(t->root_fd, dir, O_PATH | O_DIRECTORY);
	return fd >= 0;
}

int tree_finish(struct tree *t, struct err *e)
{
	for (size_t i = 0; i < t->n_dirs; i++) {
		auto_place struct place p = PLACE_INIT;
		const struct tree_dir *d = &t->dirs[i];
		int r;

		if (!d->path[0]) {
			r = finish_dir(t, d, t->root_fd, ".", e);
		} else if (!parent_is_there(t, d->path)) {
			continue;
		} else {
			r = find_place(t, d->path, &p, e);
			if (r == 0)
				r = finish_dir(t, d, p.fd, p.name, e);
		}
		if (r < 0)
			return r;
	}
	stack_cut(t, 0);
	return 0;
}

static int compare_str(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

int tree_write_implicit(struct tree *t, int fd, struct err *e)
{
	auto_strbuf struct strbuf all = STRBUF_INIT;
	size_t n = 0;
	int r;

	/* From here on a plain list: sorted, a parent comes before its children. */
	for (size_t i = 0; i < t->cap_implicit; i++)
		if (t->implicit[i]) {
			char *s = t->implicit[i];

			t->implicit[i] = NULL;
			t->implicit[n++] = s;
		}
	if (n)
		qsort(t->implicit, n, sizeof(*t->implicit), compare_str);
	for (size_t i = 0; i < n; i++)
		strbuf_addn(&all, t->implicit[i], strlen(t->implicit[i]) + 1);
	if (all.failed)
		return err_sys(e, ENOMEM, "unpack");
	r = fd_write_all(fd, all.data, all.len);
	return r < 0 ? err_sys(e, r, "note the layer's implicit directories") : 0;
}
