/* Directories that a layer's tar leaves implicit. */
#include "implicit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "file-list.h"
#include "path.h"
#include "str.h"
#include "tree.h"
#include "unpack.h"

#define XATTR_BYTES 65536
#define FILE_LIST_NEW FILE_LIST ".new"

static int open_diff(const struct implicit_layer *l)
{
	auto_close int fd = path_open_beneath(l->dir_fd, l->name, O_PATH | O_DIRECTORY);

	return fd < 0 ? fd : path_open_beneath(fd, "diff", O_RDONLY | O_DIRECTORY);
}

static bool is_opaque(int fd)
{
	char v;

	return fgetxattr(fd, "user.overlay.opaque", &v, 1) == 1 && v == 'y';
}

/* @path in one layer: a descriptor; -ENOENT: look further down; -ENOTDIR: hidden from here on.
 * *@ret_opaque: what lies below this layer is hidden there. */
static int look_in_layer(const struct implicit_layer *l, const char *path, bool *ret_opaque)
{
	auto_close int fd = open_diff(l);
	bool opaque;

	if (fd < 0)
		return fd;
	opaque = is_opaque(fd);
	while (*path) {
		size_t len = strcspn(path, "/");
		char name[NAME_MAX + 1];
		int next;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		/* The list is the worker's word: it must not lead up and out. */
		if (!path_is_component(name))
			return -EINVAL;
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return errno == ENOENT && !opaque ? -ENOENT : -ENOTDIR;
		(void)fd_close(fd);
		fd = next;
		opaque |= is_opaque(fd);
		path += len + (path[len] == '/');
	}
	*ret_opaque = opaque;
	return take_fd(&fd);
}

static int find_below(const struct implicit_layer *layers, size_t n, const char *path)
{
	bool opaque;

	while (n-- > 0) {
		int fd = look_in_layer(&layers[n], path, &opaque);

		if (fd != -ENOENT)
			return fd;
	}
	return -ENOENT;
}

static int copy_xattrs(int from, int to)
{
	auto_free char *list = NULL, *value = NULL;
	ssize_t n = flistxattr(from, NULL, 0);

	if (n <= 0)
		return 0;
	list = malloc((size_t)n);
	value = malloc(XATTR_BYTES);
	if (!list || !value)
		return -ENOMEM;
	n = flistxattr(from, list, (size_t)n);
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(list + i) + 1) {
		ssize_t len = fgetxattr(from, list + i, value, XATTR_BYTES);

		if (len < 0 || str_starts(list + i, "user.overlay.") || str_starts(list + i, "trusted."))
			continue;
		if (fsetxattr(to, list + i, value, (size_t)len, 0) < 0 && errno != EPERM &&
		    errno != EOPNOTSUPP)
			return -errno;
	}
	return 0;
}

static int copy_meta(int from, int to)
{
	struct timespec times[2];
	struct stat st;
	int r;

	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & 07777) < 0)
		return -errno;
	r = copy_xattrs(from, to);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	return r == 0 && futimens(to, times) < 0 ? -errno : r;
}

/* The list of the layer's files has the directories as they were. */
static int refresh_list(int dir_fd)
{
	auto_close int diff = path_open_beneath(dir_fd, "diff", O_RDONLY | O_DIRECTORY);
	auto_close int in = path_open_beneath(dir_fd, FILE_LIST, O_RDONLY);
	auto_close int out = FD_NONE;
	int r;

	if (in == -ENOENT)
		return 0; /* made by other means than unpacking */
	if (diff < 0 || in < 0)
		return diff < 0 ? diff : in;
	out = openat(dir_fd, FILE_LIST_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	r = file_list_refresh(diff, in, out, NULL);
	if (r == 0 && renameat(dir_fd, FILE_LIST_NEW, dir_fd, FILE_LIST) < 0)
		r = -errno;
	return r;
}

static int fix_all(const struct implicit_layer *layers, size_t n)
{
	const struct implicit_layer *top = &layers[n - 1];
	auto_close int dir = path_open_beneath(top->dir_fd, top->name, O_PATH | O_DIRECTORY);
	auto_close int list_fd = dir < 0 ? dir : path_open_beneath(dir, UNPACK_IMPLICIT, O_RDONLY);
	auto_free char *list = NULL;
	size_t len;
	int r;

	if (list_fd < 0)
		return list_fd;
	r = fd_read_file(list_fd, TREE_DIRS_MAX_BYTES, &list, &len);
	for (size_t i = 0; r == 0 && i < len; i += strlen(list + i) + 1) {
		/* A path through a link of the layer's own has nothing below to look like. */
		bool opaque = true;
		auto_close int to = look_in_layer(top, list + i, &opaque);
		auto_close int from = opaque ? -ENOENT : find_below(layers, n - 1, list + i);

		if (to >= 0 && from >= 0)
			r = copy_meta(from, to);
	}
	return r == 0 ? refresh_list(dir) : r;
}

int implicit_fix(const struct implicit_layer *layers, size_t n, const struct idmap *m, struct err *e)
{
	struct proc p = PROC_INIT;
	int status = 0, r;

	if (!m) {
		r = fix_all(layers, n);
		return r < 0 ? err_sys(e, r, "complete the layer's directories") : 0;
	}
	r = userns_fork(m, 0, &p, e);
	if (r < 0)
		return r;
	if (r == 0)
		_exit(-fix_all(layers, n) & 0x7f);
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "complete the layer's directories");
	if (status)
		return err_sys(e, WIFEXITED(status) ? WEXITSTATUS(status) : EIO,
			       "complete the layer's directories");
	return 0;
}
