/* From a tree to a tar archive.  The names of a directory are sorted: the same tree always gives
 * the same archive. */
#include "copy-tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"
#include "tar-write.h"

#define XATTRS_MAX 64
#define XATTR_NAMES_MAX 65536
#define XATTR_VALUE_MAX 65536	      /* the kernel's limit, xattr(7) */
#define XATTRS_MAX_BYTES (256u << 10) /* of one file */
#define OWNER_XATTR "user.containers.override_stat"
#define OPAQUE_XATTR "user.overlay.opaque"

struct tar_job {
	struct tar_write w;
	const struct tar_walk_opts *o;
	char path[PATH_MAX]; /* in the archive */
	size_t path_len;
	void *links; /* tsearch(3) */
	size_t n_links;
	struct tar_xattr xattrs[XATTRS_MAX];
	size_t n_xattrs;
	char *xattr_buf, *names_buf;
};

static int walk_entry(struct tar_job *t, int dir_fd, const char *name, unsigned int depth,
		      struct err *e);

static int fail(struct tar_job *t, int r, const char *doing, struct err *e)
{
	if (r == -EINTR && t->o->stop && *t->o->stop)
		return r;
	return err_sys(e, r, "%s /%s", doing, t->path);
}

/* Nobody reads any more, or the disk is full: that is not about a file. */
static int write_failed(struct tar_job *t, int r, struct err *e)
{
	if (r == -EINTR && t->o->stop && *t->o->stop)
		return r;
	return err_sys(e, r, "write the archive");
}

static bool tick(void *arg, uint64_t bytes)
{
	struct tar_job *t = arg;

	if (t->o->progress)
		atomic_fetch_add_explicit(&t->o->progress->bytes, bytes, memory_order_relaxed);
	return t->o->stop && *t->o->stop;
}

static int push(struct tar_job *t, const char *name)
{
	size_t was = t->path_len, need = was + (was ? 1 : 0) + strlen(name);

	if (need >= sizeof(t->path) - 1)
		return -ENAMETOOLONG;
	if (was)
		t->path[t->path_len++] = '/';
	memcpy(t->path + t->path_len, name, strlen(name) + 1);
	t->path_len = need;
	return (int)was;
}

static void pop(struct tar_job *t, int was)
{
	t->path_len = (size_t)was;
	t->path[was] = '\0';
}

struct first_name {
	dev_t dev;
	ino_t ino;
	char path[];
};

static int by_inode(const void *a, const void *b)
{
	const struct first_name *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

/* The name under which the file is in the archive already, or NULL; then this one is remembered. */
static const char *first_name(struct tar_job *t, const struct stat *st)
{
	struct first_name *f = malloc(sizeof(*f) + t->path_len + 1), **found;

	if (!f)
		return NULL;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	memcpy(f->path, t->path, t->path_len + 1);
	found = t->n_links < COPY_LINKS_MAX ? tsearch(f, &t->links, by_inode)
					    : tfind(f, &t->links, by_inode);
	if (found && *found == f) {
		t->n_links++;
		return NULL;
	}
	free(f);
	return found ? (*found)->path : NULL;
}

/* "UID:GID:MODE..." */
static void squashed_owner(const char *value, size_t len, struct tar_entry *e)
{
	unsigned int uid, gid, mode;
	char text[64];
	int n;

	if (len >= sizeof(text))
		return;
	memcpy(text, value, len);
	text[len] = '\0';
	n = sscanf(text, "%u:%u:%o", &uid, &gid, &mode);
	if (n >= 2) {
		e->uid = uid;
		e->gid = gid;
	}
	if (n == 3)
		e->mode = (e->mode & S_IFMT) | (mode & 07777);
}

static bool attribute_is_kept(const char *name)
{
	if (str_starts(name, "user."))
		return !str_starts(name, "user.overlay.") && !str_starts(name, OWNER_XATTR);
	return streq(name, "security.capability");
}

/* A file capability seen from inside of its namespace has its root's id with it (version 3); in an
 * image it is that of whoever runs it (version 2). */
static size_t plain_capability(char *value, size_t len)
{
	if (len != 24 || value[3] != 3)
		return len;
	value[3] = 2;
	return 20;
}

static void read_xattrs(struct tar_job *t, const char *at, struct tar_entry *e)
{
	ssize_t n = llistxattr(at, t->names_buf, XATTR_NAMES_MAX);
	size_t used = 0;

	t->n_xattrs = 0;
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(t->names_buf + i) + 1) {
		const char *name = t->names_buf + i;
		bool owner = t->o->squashed && streq(name, OWNER_XATTR);
		struct tar_xattr *x = &t->xattrs[t->n_xattrs];
		ssize_t len;

		if ((!owner && !attribute_is_kept(name)) || t->n_xattrs == XATTRS_MAX ||
		    used + XATTR_VALUE_MAX > XATTRS_MAX_BYTES)
			continue;
		len = lgetxattr(at, name, t->xattr_buf + used, XATTR_VALUE_MAX);
		if (len < 0)
			continue; /* it has vanished, or is not for us to see */
		if (owner) {
			squashed_owner(t->xattr_buf + used, (size_t)len, e);
			continue;
		}
		if (streq(name, "security.capability"))
			len = (ssize_t)plain_capability(t->xattr_buf + used, (size_t)len);
		*x = (struct tar_xattr){ name, t->xattr_buf + used, (size_t)len };
		used += (size_t)len;
		t->n_xattrs++;
	}
	e->xattrs = t->xattrs;
	e->n_xattrs = t->n_xattrs;
}

static int fill_entry(struct tar_job *t, const struct stat *st, struct tar_entry *e,
		      struct err *err)
{
	const struct idmap *m = t->o->inner;

	*e = (struct tar_entry){ .path = t->path,
				 .mode = st->st_mode,
				 .uid = st->st_uid,
				 .gid = st->st_gid,
				 .mtime = st->st_mtim.tv_sec,
				 .rdev = st->st_rdev };
	if (S_ISREG(st->st_mode))
		e->size = (uint64_t)st->st_size;
	if (m && (!idmap_to_container(m->uid, m->n_uid, st->st_uid, &e->uid) ||
		  !idmap_to_container(m->gid, m->n_gid, st->st_gid, &e->gid)))
		return err_set(err, ERR_INVALID,
			       "the owner %u:%u of /%s is not in the container's id "
			       "map",
			       st->st_uid, st->st_gid, t->path);
	return 0;
}

static int put_entry(struct tar_job *t, const struct tar_entry *te, struct err *e)
{
	int r = tar_write_entry(&t->w, te);

	if (t->o->progress)
		atomic_fetch_add_explicit(&t->o->progress->files, 1, memory_order_relaxed);
	return r < 0 ? write_failed(t, r, e) : 0;
}

/* Content without a size, as files of /proc have it. */
static int put_sizeless(struct tar_job *t, int fd, struct tar_entry *te, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	auto_close int mem = FD_NONE;
	int r = fd_read_file(fd, 16u << 20, &text, &len);

	if (r < 0 || len == 0) {
		free(text);
		return put_entry(t, te, e);
	}
	te->size = len;
	mem = memfd_create("copy", MFD_CLOEXEC);
	r = mem < 0 ? -errno : fd_write_all(mem, text, len);
	free(text);
	if (r == 0 && lseek(mem, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return fail(t, r, "copy", e);
	r = put_entry(t, te, e);
	if (r == 0 && (r = tar_write_file(&t->w, mem, len, NULL, NULL)) < 0)
		(void)write_failed(t, r, e);
	return r;
}

static int walk_file(struct tar_job *t, int dir_fd, const char *name, struct err *e)
{
	auto_close int fd =
		openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct tar_entry te;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : fail(t, errno, "open", e);
	if (!S_ISREG(st.st_mode))
		return fail(t, -EBUSY, "copy (it has just become something else)", e);
	r = fill_entry(t, &st, &te, e);
	if (r < 0)
		return r;
	if (st.st_nlink > 1 && (te.link = first_name(t, &st))) {
		te.hard_link = true;
		return put_entry(t, &te, e);
	}
	/* The calls for names tell more kinds apart; most files have none. */
	if (flistxattr(fd, NULL, 0) > 0) {
		char at[NAME_MAX + 48];

		(void)snprintf(at, sizeof(at), "/proc/self/fd/%d/%s", dir_fd, name);
		read_xattrs(t, at, &te);
	}
	if (st.st_size == 0 && fs_is_pseudo(fd))
		return put_sizeless(t, fd, &te, e);
	r = put_entry(t, &te, e);
	if (r == 0 && te.size && (r = tar_write_file(&t->w, fd, te.size, tick, t)) < 0)
		(void)write_failed(t, r, e);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_skipped(const struct tar_job *t, const char *name, unsigned int depth)
{
	for (size_t i = 0; !depth && t->o->skip && t->o->skip[i]; i++)
		if (streq(t->o->skip[i], name))
			return true;
	return false;
}

static int read_names(struct tar_job *t, int dir_fd, unsigned int depth, struct strv *ret,
		      struct err *e)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = -errno;
		(void)fd_close(fd);
		return fail(t, r, "read", e);
	}
	while (r == 0 && (errno = 0, de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, "..") &&
		    !is_skipped(t, de->d_name, depth))
			r = strv_add(ret, de->d_name);
	if (r < 0 || errno)
		return fail(t, r < 0 ? r : errno, "read", e);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_name);
	return 0;
}

/* What is in the directory @fd. */
static int walk_entries(struct tar_job *t, int fd, unsigned int depth, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = read_names(t, fd, depth, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		int was = push(t, names.items[i]);

		if (was < 0)
			return fail(t, was, "archive a file in", e);
		r = walk_entry(t, fd, names.items[i], depth + 1, e);
		pop(t, was);
	}
	return r;
}

/* A file of no content at @t's path and @name behind it. */
static int put_mark(struct tar_job *t, const char *name, const struct stat *st, struct err *e)
{
	struct tar_entry te = { .mode = S_IFREG, .mtime = st->st_mtim.tv_sec };
	int was = push(t, name), r;

	if (was < 0)
		return fail(t, was, "archive a whiteout in", e);
	te.path = t->path;
	r = put_entry(t, &te, e);
	pop(t, was);
	return r;
}

/* In the place of the entry @t's path ends with. */
static int put_whiteout(struct tar_job *t, const char *name, const struct stat *st, struct err *e)
{
	auto_free char *mark = str_printf(".wh.%s", name);
	size_t was = t->path_len;
	char saved[NAME_MAX + 1];
	int r;

	if (!mark || strlen(mark) > NAME_MAX)
		return fail(t, mark ? -ENAMETOOLONG : -ENOMEM, "archive the whiteout", e);
	(void)snprintf(saved, sizeof(saved), "%s", name);
	pop(t, (int)(was - strlen(name) - (was > strlen(name))));
	r = put_mark(t, mark, st, e);
	if (r == 0)
		(void)push(t, saved);
	return r;
}

static bool is_opaque(int fd)
{
	char value[4];

	return fgetxattr(fd, OPAQUE_XATTR, value, sizeof(value)) == 1 && value[0] == 'y';
}

static int walk_dir(struct tar_job *t, int dir_fd, const char *name, unsigned int depth,
		    struct err *e)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, above;
	struct tar_entry te;
	char proc[48];
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : fail(t, errno, "open", e);
	if (depth >= COPY_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "/%.200s...: more than %d directories deep", t->path,
			       COPY_DEPTH_MAX);
	r = fill_entry(t, &st, &te, e);
	if (r < 0)
		return r;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d/.", fd);
	read_xattrs(t, proc, &te);
	r = put_entry(t, &te, e);
	if (r == 0 && t->o->layer && is_opaque(fd))
		r = put_mark(t, ".wh..wh..opq", &st, e);
	if (r < 0 || (depth > 1 && fstat(dir_fd, &above) == 0 && above.st_dev != st.st_dev &&
		      fs_is_pseudo(fd)))
		return r;
	return walk_entries(t, fd, depth, e);
}

static int walk_other(struct tar_job *t, int dir_fd, const char *name, const struct stat *st,
		      struct err *e)
{
	char target[PATH_MAX];
	struct tar_entry te;
	ssize_t n;
	int r;

	if (t->o->layer && S_ISCHR(st->st_mode) && st->st_rdev == 0)
		return put_whiteout(t, name, st, e);
	r = fill_entry(t, st, &te, e);
	if (r < 0)
		return r;
	if (st->st_nlink > 1 && (te.link = first_name(t, st))) {
		te.hard_link = true;
	} else if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
		if (n < 0)
			return errno == ENOENT ? 0 : fail(t, errno, "read", e);
		target[n] = '\0';
		te.link = target;
	}
	return put_entry(t, &te, e);
}

static int walk_entry(struct tar_job *t, int dir_fd, const char *name, unsigned int depth,
		      struct err *e)
{
	struct stat st;

	if (tick(t, 0))
		return -EINTR;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(t, errno, "look at", e);
	if (S_ISDIR(st.st_mode))
		return walk_dir(t, dir_fd, name, depth, e);
	if (S_ISREG(st.st_mode))
		return walk_file(t, dir_fd, name, e);
	return S_ISSOCK(st.st_mode) ? 0 : walk_other(t, dir_fd, name, &st, e);
}

int tar_begin(int out_fd, const struct tar_walk_opts *o, struct tar_job **ret, struct err *e)
{
	struct tar_job *t = calloc(1, sizeof(*t));

	if (t) {
		t->o = o;
		t->names_buf = malloc(XATTR_NAMES_MAX);
		t->xattr_buf = malloc(XATTRS_MAX_BYTES);
	}
	if (!t || !t->names_buf || !t->xattr_buf || tar_write_init(&t->w, out_fd) < 0) {
		(void)tar_end(t, false, NULL);
		return err_sys(e, ENOMEM, "write an archive");
	}
	*ret = t;
	return 0;
}

/* The directories that lead to @prefix, as plain ones. */
static int put_parents(struct tar_job *t, const char *prefix, struct err *e)
{
	for (const char *p = strchr(prefix, '/'); p; p = strchr(p + 1, '/')) {
		auto_free char *dir = strndup(prefix, (size_t)(p - prefix));
		const struct tar_entry te = { .path = dir, .mode = S_IFDIR | 0755 };
		int r = dir ? put_entry(t, &te, e) : err_sys(e, ENOMEM, "write an archive");

		if (r < 0)
			return r;
	}
	return 0;
}

int tar_tree(struct tar_job *t, int dir_fd, const char *prefix, struct err *e)
{
	struct tar_entry te;
	struct stat st;
	int was, r;

	if (!*prefix)
		return walk_entries(t, dir_fd, 0, e);
	if (fstat(dir_fd, &st) < 0)
		return err_sys(e, errno, "look at /%s", prefix);
	r = put_parents(t, prefix, e);
	was = push(t, prefix);
	if (r == 0 && was < 0)
		r = err_sys(e, was, "archive /%s", prefix);
	if (r == 0)
		r = fill_entry(t, &st, &te, e);
	if (r == 0)
		r = put_entry(t, &te, e);
	if (r == 0)
		r = walk_entries(t, dir_fd, 1, e);
	if (was >= 0)
		pop(t, was);
	return r;
}

int tar_root(struct tar_job *t, int dir_fd, struct err *e)
{
	struct tar_entry te;
	struct stat st;
	int r = fstat(dir_fd, &st) < 0 ? err_sys(e, errno, "look at /")
				       : fill_entry(t, &st, &te, e);

	te.path = ".";
	return r < 0 ? r : put_entry(t, &te, e);
}

int tar_end(struct tar_job *t, bool ok, struct err *e)
{
	int r = 0;

	if (!t)
		return 0;
	if (ok && (r = tar_write_end(&t->w)) < 0)
		(void)write_failed(t, r, e);
	tdestroy(t->links, free);
	tar_write_done(&t->w);
	free(t->names_buf);
	free(t->xattr_buf);
	free(t);
	return r;
}

int tar_place(const struct place *p, int out_fd, const struct tar_walk_opts *o, struct err *e)
{
	auto_close int dir = FD_NONE;
	struct tar_job *t = NULL;
	int r = tar_begin(out_fd, o, &t, e);

	if (r == 0 && streq(p->base, ".")) {
		dir = place_open_dir(p);
		r = dir < 0 ? err_sys(e, dir, "open the directory") : tar_tree(t, dir, "", e);
	} else if (r == 0) {
		(void)push(t, p->base); /* one name always fits */
		r = walk_entry(t, p->parent, p->base, 1, e);
	}
	if (r < 0)
		(void)tar_end(t, false, NULL);
	else
		r = tar_end(t, true, e);
	return r;
}
