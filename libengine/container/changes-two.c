/* Comparing two file systems, each made of layers: `diff` of two containers or images. */
#include "ctrlite/changes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "changes-priv.h"
#include "container-priv.h"
#include "ctrlite/image.h"
#include "merged.h"
#include "path.h"
#include "root-work.h"

/* The new one and the old one. */
struct two {
	struct strv dirs[2];
	struct merged side[2];
	struct change_list list;
	char path[PATH_MAX]; /* with a leading '/' */
	size_t len;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names that a layer of @side has in the present directory, whether or not they show. */
static int add_names(struct two *t, int side, struct strv *ret)
{
	struct merged *m = &t->side[side];
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n; i++) {
		auto_close int top = open(m->dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		int fd = top < 0 ? -errno
				 : path_open_beneath(top, t->len ? t->path + 1 : ".",
						     O_RDONLY | O_DIRECTORY);
		auto_dir DIR *d = NULL;
		struct dirent *de;

		if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
			continue;
		if (fd < 0)
			return fd;
		d = fdopendir(fd);
		if (!d) {
			(void)fd_close(fd);
			return -ENOMEM;
		}
		while (r == 0 && (errno = 0, de = readdir(d)))
			if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
				r = strv_add(ret, de->d_name);
		if (r == 0 && errno)
			r = -errno;
	}
	return r;
}

/* What @side has at the present path: 1, 0 or -errno. */
static int look(struct two *t, int side, struct stat *ret)
{
	int fd = merged_entry(&t->side[side], t->path + 1, ret);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	(void)fd_close(fd);
	return 1;
}

/* A directory's size and times change with what is in it. */
static bool differs(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
	    a->st_rdev != b->st_rdev)
		return true;
	return !S_ISDIR(a->st_mode) &&
	       (a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
		a->st_mtim.tv_nsec != b->st_mtim.tv_nsec);
}

static int compare_dir(struct two *t, unsigned int depth, bool *ret_any, struct err *e);

static int compare_name(struct two *t, unsigned int depth, bool *ret_any, struct err *e)
{
	size_t at = t->list.out.len;
	struct stat new, old;
	bool inside = false, changed;
	int has_new = look(t, 0, &new), has_old = look(t, 1, &old), r;

	if (has_new < 0 || has_old < 0)
		return err_sys(e, has_new < 0 ? has_new : has_old, "compare %s", t->path);
	if (!has_new && !has_old)
		return 0;
	if (!has_new || !has_old) {
		*ret_any = true;
		r = change_say(&t->list, has_new ? CTR_ADDED : CTR_DELETED, t->path, e);
		return r < 0 || !has_new || !S_ISDIR(new.st_mode)
			       ? r
			       : compare_dir(t, depth + 1, &inside, e);
	}
	changed = differs(&new, &old);
	r = S_ISDIR(new.st_mode) ? compare_dir(t, depth + 1, &inside, e) : 0;
	if (r < 0 || !(changed || inside))
		return r;
	*ret_any = true;
	return change_say_at(&t->list, at, CTR_CHANGED, t->path, e);
}

static int compare_dir(struct two *t, unsigned int depth, bool *ret_any, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	size_t was = t->len;
	int r = add_names(t, 0, &names);

	if (r == 0)
		r = add_names(t, 1, &names);
	if (r < 0)
		return err_sys(e, r, "compare %s", t->path);
	if (depth >= COPY_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "%.200s...: more than %d directories deep", t->path,
			       COPY_DEPTH_MAX);
	if (names.n)
		qsort(names.items, names.n, sizeof(*names.items), by_name);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		size_t len = strlen(names.items[i]);

		if (root_work_stop)
			return -EINTR;
		if (i && streq(names.items[i], names.items[i - 1]))
			continue;
		if (was + len + 2 > sizeof(t->path))
			return err_sys(e, ENAMETOOLONG, "compare a file in %s", t->path);
		t->path[was] = '/';
		memcpy(t->path + was + 1, names.items[i], len + 1);
		t->len = was + 1 + len;
		r = compare_name(t, depth, ret_any, e);
		t->len = was;
		t->path[was] = '\0';
	}
	return r;
}

static int compare(void *arg, struct err *e)
{
	struct two *t = arg;
	bool any = false;
	int r = 0;

	for (int i = 0; r == 0 && i < 2; i++)
		r = merged_init(&t->side[i], (const char *const *)t->dirs[i].items, t->dirs[i].n);
	if (r < 0)
		return err_sys(e, r, "compare the layers");
	r = compare_dir(t, 0, &any, e);
	return r < 0 ? r : change_flush(&t->list, e);
}

/* The directories of a container or image called @name. */
static int find_dirs(struct ctr_engine *eng, const char *name, bool containers, bool images,
		     struct strv *ret, struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	struct ctr_image img = CTR_IMAGE_INIT;
	char id[65];
	int r = containers ? ctr_container_find(eng, name, id, e) : -ENOENT;

	if (r == 0) {
		r = ctr_container_load(eng, id, &req, e);
		if (r == 0)
			r = root_dirs(eng, &req, ret, e);
	} else if (r == -ENOENT && images) {
		*e = (struct err)ERR_INIT;
		r = ctr_image_get(eng, name, &img, NULL, e);
		if (r == -ENOENT && containers)
			r = err_set(e, ERR_NOT_FOUND,
				    "%s not found: neither a container nor an image", name);
		for (size_t i = img.layers.n; r == 0 && i-- > 0;)
			r = strv_addf(ret, "%s/layers/%s/diff", eng->store.root,
				      img.layers.items[i]);
		if (r == 0 && !ret->n)
			r = err_set(e, ERR_NOT_FOUND, "image %s is not unpacked: pull it again",
				    name);
	}
	ctr_request_done(&req);
	ctr_image_done(&img);
	return r;
}

int ctr_changes_between(struct ctr_engine *eng, const char *name, const char *old, bool containers,
			bool images, struct ctr_changes *ret, struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	struct two *t = calloc(1, sizeof(*t));
	int r = t ? find_dirs(eng, name, containers, images, &t->dirs[0], e)
		  : err_sys(e, ENOMEM, "compare");

	if (r == 0)
		r = find_dirs(eng, old, containers, images, &t->dirs[1], e);
	if (r == 0)
		r = ctr_root_open_ids(eng, &root, e);
	if (r == 0)
		r = change_list_run(&t->list, &root, compare, t, ret, e);
	for (int i = 0; t && i < 2; i++)
		strv_done(&t->dirs[i]);
	free(t);
	return r;
}
