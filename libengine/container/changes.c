/* Comparing an upper directory with what is below it, and `export`. */
#include "ctrlite/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "changes-priv.h"
#include "container-priv.h"
#include "copy-tar.h"
#include "ctrlite/event.h"
#include "ctrlite/image.h"
#include "ctrlite/shift.h"
#include "merged.h"
#include "path.h"
#include "root-work.h"

#define OPAQUE_XATTR "user.overlay.opaque"

void ctr_changes_done(struct ctr_changes *c)
{
	free(c->items);
	free(c->text);
	*c = (struct ctr_changes)CTR_CHANGES_INIT;
}

/* The files that belong to the engine and not to the container. */
static bool is_ours(const char *path)
{
	static const char *const paths[] = {
		"/dev",
		"/etc/hostname",
		"/etc/hosts",
		"/etc/mtab",
		"/etc/resolv.conf",
		"/proc",
		"/run",
		"/run/.containerenv",
		"/run/notify",
		"/run/podman-init",
		"/run/secrets",
		"/sys",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (streq(path, paths[i]))
			return true;
	return false;
}

struct compare {
	struct strv dirs; /* absolute, topmost first */
	struct merged below;
	struct change_list list;
	char path[PATH_MAX]; /* with a leading '/' */
	size_t len;
};

int change_say_at(struct change_list *l, size_t at, enum ctr_change kind, const char *path,
		  struct err *e)
{
	size_t was = l->out.len, len = strlen(path) + 2;

	if (is_ours(path))
		return 0;
	if (was + len > CHANGES_MAX_BYTES)
		return err_set(e, ERR_LIMIT,
			       "the names of what has changed take more than %u bytes",
			       CHANGES_MAX_BYTES);
	strbuf_addc(&l->out, "CAD"[kind]);
	strbuf_add(&l->out, path);
	strbuf_addc(&l->out, '\0');
	if (l->out.failed)
		return err_sys(e, ENOMEM, "list the changes");
	if (at < was) {
		memmove(l->out.data + at + len, l->out.data + at, was - at);
		l->out.data[at] = "CAD"[kind];
		memcpy(l->out.data + at + 1, path, len - 1);
	}
	return 0;
}

int change_say(struct change_list *l, enum ctr_change kind, const char *path, struct err *e)
{
	return change_say_at(l, l->out.len, kind, path, e);
}

int change_flush(struct change_list *l, struct err *e)
{
	int r = l->out.len ? fd_write_all(l->fd, l->out.data, l->out.len) : 0;

	return r < 0 ? err_sys(e, r, "list the changes") : 0;
}

static int say(struct compare *c, enum ctr_change kind, const char *path, struct err *e)
{
	return change_say(&c->list, kind, path, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(int dir_fd, const char *name, void *names)
{
	(void)dir_fd;
	return strv_add(names, name);
}

static int names_of(int dir_fd, struct strv *ret)
{
	int r = path_each(dir_fd, add_name, ret);

	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_name);
	return r;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int fd)
{
	char value[4];

	return fgetxattr(fd, OPAQUE_XATTR, value, sizeof(value)) == 1 && value[0] == 'y';
}

/* What is at the present path in the layers below: 1 with *@ret, 0, or -errno. */
static int look_below(struct compare *c, struct stat *ret)
{
	int fd = c->below.n ? merged_entry(&c->below, c->path + 1, ret) : -ENOENT;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	(void)fd_close(fd);
	return 1;
}

static int fail(struct compare *c, int r, const char *doing, struct err *e)
{
	return err_sys(e, r, "%s %s", doing, c->len ? c->path : "/");
}

static int push(struct compare *c, const char *name)
{
	size_t len = strlen(name);
	int was = (int)c->len;

	if (c->len + len + 2 > sizeof(c->path))
		return -ENAMETOOLONG;
	c->path[c->len++] = '/';
	memcpy(c->path + c->len, name, len + 1);
	c->len += len;
	return was;
}

static void pop(struct compare *c, int was)
{
	c->len = (size_t)was;
	c->path[was] = '\0';
}

/* What the opaque directory @upper hides: the names below that it has not. */
static int say_hidden(struct compare *c, int upper, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	struct stat st;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->below.n; i++) {
		auto_close int dir = open(c->below.dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		auto_close int fd =
			dir < 0 ? -errno
				: path_open_beneath(dir, c->path + 1, O_RDONLY | O_DIRECTORY);

		if (fd >= 0)
			r = names_of(fd, &names);
	}
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		int was;

		if ((i && streq(names.items[i], names.items[i - 1])) ||
		    fstatat(upper, names.items[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		was = push(c, names.items[i]);
		r = was < 0 ? was : look_below(c, &st);
		if (r > 0) {
			r = say(c, CTR_DELETED, c->path, e);
			if (r < 0)
				return r;
		}
		if (was >= 0)
			pop(c, was);
	}
	return r < 0 ? fail(c, r, "compare", e) : 0;
}

static bool same_dir(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int compare_dir(struct compare *c, int fd, unsigned int depth, bool *said, struct err *e);

/* The directory @up at the present path, which is in both. */
static int compare_both(struct compare *c, int dir_fd, const char *name, const struct stat *up,
			const struct stat *below, unsigned int depth, bool *parent_said,
			struct err *e)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool said = false;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(c, errno, "open", e);
	if (depth >= COPY_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "%.200s...: more than %d directories deep", c->path,
			       COPY_DEPTH_MAX);
	/* Copied up for the sake of something in it: it has changed only if that came or went. */
	if (!S_ISDIR(below->st_mode) || !same_dir(up, below)) {
		r = say(c, CTR_CHANGED, c->path, e);
		said = true;
	}
	*parent_said = *parent_said || said;
	if (r == 0 && S_ISDIR(below->st_mode) && is_opaque(fd))
		r = say_hidden(c, fd, e);
	return r == 0 ? compare_dir(c, fd, depth + 1, &said, e) : r;
}

/* The directory above has changed if something in it came or went. */
static int say_parent(struct compare *c, bool *said, int was, struct err *e)
{
	char last = c->path[was];
	int r = 0;

	if (!*said && was > 0) {
		c->path[was] = '\0';
		r = say(c, CTR_CHANGED, c->path, e);
		c->path[was] = last;
	}
	*said = true;
	return r;
}

static int compare_entry(struct compare *c, int dir_fd, const char *name, int was,
			 unsigned int depth, bool *said, struct err *e)
{
	struct stat up, below;
	auto_close int fd = FD_NONE;
	bool all_said = true;
	int r, there;

	if (root_work_stop)
		return -EINTR;
	if (fstatat(dir_fd, name, &up, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(c, errno, "look at", e);
	there = look_below(c, &below);
	if (there < 0)
		return fail(c, there, "compare", e);
	if (is_whiteout(&up)) {
		if (!there)
			return 0; /* it hides nothing */
		r = say_parent(c, said, was, e);
		return r < 0 ? r : say(c, CTR_DELETED, c->path, e);
	}
	if (there && S_ISDIR(up.st_mode))
		return compare_both(c, dir_fd, name, &up, &below, depth, said, e);
	if (there)
		return say(c, CTR_CHANGED, c->path, e);
	r = say_parent(c, said, was, e);
	if (r == 0)
		r = say(c, CTR_ADDED, c->path, e);
	if (r < 0 || !S_ISDIR(up.st_mode))
		return r;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(c, errno, "open", e);
	if (depth >= COPY_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "%.200s...: more than %d directories deep", c->path,
			       COPY_DEPTH_MAX);
	return compare_dir(c, fd, depth + 1, &all_said, e);
}

static int compare_dir(struct compare *c, int fd, unsigned int depth, bool *said, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = names_of(fd, &names);

	if (r < 0)
		return fail(c, r, "read", e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		int was = push(c, names.items[i]);

		if (was < 0)
			return fail(c, was, "compare a file in", e);
		r = compare_entry(c, fd, names.items[i], was, depth, said, e);
		pop(c, was);
	}
	return r;
}

static int compare(void *arg, struct err *e)
{
	struct compare *c = arg;
	auto_close int upper = open(c->dirs.items[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *const *below = (const char *const *)c->dirs.items + 1;
	bool said = true; /* the root itself is never said to have changed */
	int r = 0;

	if (upper < 0)
		return err_sys(e, errno, "open %s", c->dirs.items[0]);
	if (c->dirs.n > 1 && !is_opaque(upper))
		r = merged_init(&c->below, below, c->dirs.n - 1);
	if (r < 0)
		return err_sys(e, r, "compare the layers");
	r = compare_dir(c, upper, 0, &said, e);
	return r < 0 ? r : change_flush(&c->list, e);
}

static int read_changes(int fd, struct ctr_changes *ret, struct err *e)
{
	size_t len = 0, n = 0;
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno
					   : fd_read_file(fd, CHANGES_MAX_BYTES, &ret->text, &len);

	if (r < 0)
		return err_sys(e, r, "read the changes");
	for (size_t i = 0; i < len; i++)
		n += ret->text[i] == '\0';
	ret->items = calloc(n + 1, sizeof(*ret->items));
	if (!ret->items)
		return err_sys(e, ENOMEM, "read the changes");
	for (const char *p = ret->text; ret->n < n; p += strlen(p) + 1)
		ret->items[ret->n++] = (struct ctr_change_item){ *p == 'C'   ? CTR_CHANGED
								 : *p == 'A' ? CTR_ADDED
									     : CTR_DELETED,
								 p + 1 };
	return 0;
}

int change_list_run(struct change_list *l, const struct ctr_root *root,
		    int (*run)(void *arg, struct err *e), void *arg, struct ctr_changes *ret,
		    struct err *e)
{
	const struct root_work w = { .root = root, .run = run, .arg = arg };
	auto_close int mem = memfd_create("changes", MFD_CLOEXEC);
	int r;

	if (mem < 0)
		return err_sys(e, errno, "list the changes");
	l->fd = mem;
	r = root_work(&w, e);
	if (r == 0)
		r = read_changes(mem, ret, e);
	if (r < 0)
		ctr_changes_done(ret);
	return r;
}

int ctr_container_changes(struct ctr_engine *eng, const char *id, struct ctr_changes *ret,
			  struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	struct compare *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_sys(e, ENOMEM, "list the changes");
	r = ctr_root_open(eng, id, ROOT_IDS, &root, e);
	if (r == 0 && root.req.rootfs && !root.req.rootfs_overlay)
		r = err_set(
			e, ERR_UNSUPPORTED,
			"container %.12s writes to %s itself: there is nothing to compare it with",
			id, root.req.rootfs);
	if (r == 0)
		r = root_dirs(eng, &root.req, &c->dirs, e);
	if (r == 0)
		r = change_list_run(&c->list, &root, compare, c, ret, e);
	strv_done(&c->dirs);
	free(c);
	return r;
}

int ctr_image_changes(struct ctr_engine *eng, const char *name, struct ctr_changes *ret,
		      struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	struct ctr_image img = CTR_IMAGE_INIT;
	struct compare *c = calloc(1, sizeof(*c));
	int r = c ? ctr_image_get(eng, name, &img, NULL, e)
		  : err_sys(e, ENOMEM, "list the changes");

	if (r == 0 && !img.layers.n)
		r = err_set(e, ERR_NOT_FOUND, "image %s is not unpacked: pull it again", name);
	for (size_t i = img.layers.n; r == 0 && i-- > 0;)
		r = strv_addf(&c->dirs, "%s/layers/%s/diff", eng->store.root, img.layers.items[i]);
	if (r == 0)
		r = ctr_root_open_ids(eng, &root, e);
	if (r == 0)
		r = change_list_run(&c->list, &root, compare, c, ret, e);
	if (c)
		strv_done(&c->dirs);
	free(c);
	ctr_image_done(&img);
	return r;
}

struct export
{
	const struct ctr_root *root;
	struct tar_walk_opts o;
	int out_fd;
};

static int do_export(void *arg, struct err *e)
{
	struct export *x = arg;
	auto_close int dir = openat(x->root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tar_job *t = NULL;
	int r = dir < 0 ? err_sys(e, errno, "open the root") : tar_begin(x->out_fd, &x->o, &t, e);

	if (r < 0)
		return r;
	r = tar_tree(t, dir, "", e);
	if (r < 0)
		(void)tar_end(t, false, NULL);
	else
		r = tar_end(t, true, e);
	return r;
}

int ctr_container_export(struct ctr_engine *eng, const char *id, int out_fd,
			 const struct ctr_export_opts *o, struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	const struct idmap *map = NULL;
	struct export x = { .root = &root, .out_fd = out_fd };
	struct root_work w = { .root = &root,
			       .run = do_export,
			       .arg = &x,
			       .tick = o->tick,
			       .tick_arg = o->tick_arg,
			       .tmp = o->tmp };
	int r = ctr_root_open(eng, id, ROOT_PLAIN, &root, e);

	if (r == 0)
		r = ctr_engine_idmap(eng, &map, e);
	if (r < 0)
		return r;
	w.progress = root_shared(sizeof(*w.progress));
	x.o = (struct tar_walk_opts){ .inner = root.inner,
				      .squashed = map && idmap_is_single(map),
				      .progress = w.progress,
				      .stop = &root_work_stop };
	r = root_work(&w, e);
	root_unshare(w.progress, sizeof(*w.progress));
	if (r == 0)
		ctr_event_of(eng, &root.req, "export");
	return r;
}
