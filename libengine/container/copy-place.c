/* Resolving the paths of `cp`, see copy-place.h. */
#include "copy-place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"

#define LINKS_MAX 40 /* as the kernel has it, path_resolution(7) */

void place_done(struct place *p)
{
	p->parent = fd_close(p->parent);
}

/* On the host links are followed as the host means them, and what was found is opened without any:
 * a container that shares the directory may swap them meanwhile. */
static int open_host_dir(const char *path)
{
	auto_free char *real = realpath(*path ? path : ".", NULL);
	auto_close int root = FD_NONE;

	if (!real)
		return -errno;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	return path_open_beneath(root, real[1] ? real + 1 : ".", O_PATH | O_DIRECTORY);
}

static int open_dir_of(int root_fd, const char *path)
{
	return root_fd < 0 ? open_host_dir(path)
			   : path_open_in(root_fd, *path ? path : "/", O_PATH | O_DIRECTORY);
}

/* Cut @path into the directory and the last name; "" for the directory where there is none. */
static int split(char *path, char *base)
{
	size_t len = strlen(path);
	char *slash;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = strrchr(path, '/');
	if (strlen(slash ? slash + 1 : path) > NAME_MAX)
		return -ENAMETOOLONG;
	(void)snprintf(base, NAME_MAX + 1, "%s", slash ? slash + 1 : path);
	if (!slash)
		path[0] = '\0';
	else
		slash[slash == path] = '\0'; /* "/" stays */
	return 0;
}

static bool is_special(const char *base)
{
	return !base[0] || streq(base, ".") || streq(base, "..");
}

/* The directory @dir_fd by itself, which has no name. */
static int be_directory(int dir_fd, struct place *p)
{
	if (fstat(dir_fd, &p->st) < 0)
		return -errno;
	p->exists = true;
	(void)fd_close(p->parent);
	p->parent = fd_dup(dir_fd);
	memcpy(p->base, ".", 2);
	return p->parent < 0 ? p->parent : 0;
}

/* The link @p names: what @path (room for PATH_MAX) must become to go on. */
static int follow(const struct place *p, char *path)
{
	char target[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t n = readlinkat(p->parent, p->base, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (target[0] == '/' || !path[0])
		(void)snprintf(joined, sizeof(joined), "%s", target);
	else
		(void)snprintf(joined, sizeof(joined), "%s/%s", path, target);
	if (strlen(joined) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, joined, strlen(joined) + 1);
	return 0;
}

static int find(int root_fd, char *path, struct place *p)
{
	for (int links = 0; links <= LINKS_MAX; links++) {
		auto_close int dir = FD_NONE;
		char whole[PATH_MAX];
		int r;

		memcpy(whole, path, strlen(path) + 1);
		r = split(path, p->base);
		if (r < 0)
			return r;
		if (is_special(p->base)) {
			dir = open_dir_of(root_fd, whole);
			return dir < 0 ? dir : be_directory(dir, p);
		}
		dir = open_dir_of(root_fd, path);
		if (dir < 0)
			return dir;
		(void)fd_close(p->parent);
		p->parent = take_fd(&dir);
		if (fstatat(p->parent, p->base, &p->st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -errno;
		if (!S_ISLNK(p->st.st_mode)) {
			p->exists = true;
			return 0;
		}
		r = follow(p, path);
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

int place_find(int root_fd, const char *path, struct place *ret)
{
	struct place p = PLACE_INIT;
	size_t len = strlen(path);
	char buf[PATH_MAX];
	int r;

	if (len >= sizeof(buf))
		return -ENAMETOOLONG;
	if (!len)
		return -ENOENT;
	memcpy(buf, path, len + 1);
	p.slash = path[len - 1] == '/';
	p.dot = streq(path, ".") || str_ends(path, "/.");
	r = find(root_fd, buf, &p);
	if (r == 0 && p.slash && p.exists && !S_ISDIR(p.st.st_mode))
		r = -ENOTDIR;
	if (r < 0) {
		place_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

int place_open_dir(const struct place *p)
{
	int fd = openat(p->parent, p->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}
