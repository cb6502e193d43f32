/* Paths: openat2 in one place, removal of trees, lexical helpers. */
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

#define OPEN_RETRIES 128	/* any mount or rename on the host can cause EAGAIN */

static int do_open(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags | O_CLOEXEC,
		.mode = (flags & O_CREAT) ? mode : 0,
		.resolve = resolve,
	};

	for (int i = 0; i < OPEN_RETRIES; i++) {
		long r = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

		if (r >= 0)
			return (int)r;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int path_open_in(int root_fd, const char *path, int flags)
{
	return do_open(root_fd, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_create_in(int root_fd, const char *path, int flags, mode_t mode)
{
	return do_open(root_fd, path, flags | O_CREAT, mode,
		       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_open_beneath(int dir_fd, const char *path, int flags)
{
	return do_open(dir_fd, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int path_create_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
	return do_open(dir_fd, path, flags | O_CREAT, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/*
 * Walk component by component so that a missing one can be made.  The prefix is resolved again
 * from the root each time: only then do links inside the tree mean what they mean to a process
 * that is chrooted there.
 */
int path_mkdirs_in(int root_fd, const char *path, mode_t mode)
{
	auto_free char *clean = path_clean_abs(path);
	int fd;

	if (!clean)
		return -ENOMEM;
	fd = path_open_in(root_fd, clean, O_PATH | O_DIRECTORY);
	if (fd != -ENOENT)
		return fd;
	for (char *p = clean + 1;; p++) {
		auto_close int parent = FD_NONE;
		char *slash, cut;

		if (*p != '/' && *p != '\0')
			continue;
		cut = *p;
		*p = '\0';
		fd = path_open_in(root_fd, clean, O_PATH | O_DIRECTORY);
		if (fd == -ENOENT) {
			slash = strrchr(clean, '/');
			*slash = '\0';
			parent = path_open_in(root_fd, slash == clean ? "/" : clean,
					      O_PATH | O_DIRECTORY);
			*slash = '/';
			if (parent < 0)
				return parent;
			/* EEXIST with a failed open above is a dangling link: refuse it. */
			if (mkdirat(parent, slash + 1, mode) < 0 && errno != EEXIST)
				return -errno;
			fd = path_open_in(root_fd, clean, O_PATH | O_DIRECTORY);
		}
		if (fd < 0)
			return fd;
		if (cut == '\0')
			return fd;
		(void)fd_close(fd);
		*p = cut;
	}
}

int path_mkdirs(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(buf))
		return len ? -ENAMETOOLONG : -EINVAL;
	memcpy(buf, path, len + 1);
	if (mkdir(buf, mode) == 0)
		return 0;
	if (errno != ENOENT && errno != EEXIST)
		return -errno;
	for (char *p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(buf, mode) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
			return -errno;
		*p = '/';
	}
	if (mkdir(buf, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/*
 * Depth is the attacker's choice, so no recursion and no descriptor per level: a directory that
 * is found inside another is moved up beside the one being removed ("flattened") when the depth
 * grows beyond what we keep open.
 */
#define REMOVE_DEPTH 64

struct remover {
	int top_fd;		/* where deep directories are moved to */
	uint64_t serial;
	dev_t dev;
	int depth;
};

static int remove_dir_contents(struct remover *rm, int fd_consumed);

/* Give ourselves a directory of ours that its mode keeps from us.  By a descriptor: fchmodat()
 * would follow a link put in its place. */
static int unlock_dir(int dir_fd, const char *name)
{
	auto_close int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char self[40];

	if (fd < 0)
		return -errno;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return chmod(self, 0700) < 0 ? -EACCES : 0;
}

static int open_dir_for_removal(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	/* Ours but unreadable (overlay's work/work has mode 0). */
	r = unlock_dir(dir_fd, name);
	if (r < 0)
		return r;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int remove_entry(struct remover *rm, int dir_fd, const char *name, unsigned char type)
{
	struct stat st;
	int fd, r;

	if (type != DT_DIR) {
		if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno == EACCES || errno == EPERM) {
			if (fchmod(dir_fd, 0700) == 0 && unlinkat(dir_fd, name, 0) == 0)
				return 0;
			errno = EACCES;
		}
		if (errno != EISDIR && errno != EPERM && errno != EACCES)
			return -errno;
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -errno;
		if (!S_ISDIR(st.st_mode))
			return -EACCES;
	}
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == EBUSY)
		return -EXDEV;
	if (errno == EACCES || errno == EPERM) {
		(void)fchmod(dir_fd, 0700); /* if this fails the next call says why */
		if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
			return 0;
	}
	if (rm->depth >= REMOVE_DEPTH) {
		char flat[40];

		(void)snprintf(flat, sizeof(flat), ".rm-%d-%llu", (int)getpid(),
			       (unsigned long long)rm->serial++);
		if (renameat(dir_fd, name, rm->top_fd, flat) == 0)
			return 0;
		/* A directory that changes its parent must itself be writable: ".." changes. */
		if (errno != EACCES || unlock_dir(dir_fd, name) < 0)
			return -errno;
		return renameat(dir_fd, name, rm->top_fd, flat) < 0 ? -errno : 0;
	}
	fd = open_dir_for_removal(dir_fd, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0 || st.st_dev != rm->dev) {
		(void)fd_close(fd);
		return -EXDEV;
	}
	rm->depth++;
	r = remove_dir_contents(rm, fd);
	rm->depth--;
	if (r < 0)
		return r;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

static int remove_dir_contents(struct remover *rm, int fd_consumed)
{
	auto_dir DIR *d = fdopendir(fd_consumed);
	struct dirent *de;
	bool again = true;

	if (!d) {
		int r = -errno;

		(void)fd_close(fd_consumed);
		return r;
	}
	/* Removing while reading may skip entries on some file systems: read until a pass is empty. */
	while (again) {
		again = false;
		rewinddir(d);
		while ((errno = 0, de = readdir(d))) {
			int r;

			if (streq(de->d_name, ".") || streq(de->d_name, ".."))
				continue;
			again = true;
			r = remove_entry(rm, dirfd(d), de->d_name, de->d_type);
			if (r < 0)
				return r;
		}
		if (errno)
			return -errno;
	}
	return 0;
}

int path_each(int dir_fd, int (*one)(int dir_fd, const char *name, void *arg), void *arg)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = -errno;
		(void)fd_close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = one(dirfd(d), de->d_name, arg);
	return r == 0 && errno ? -errno : r;
}

int path_remove_tree(int dir_fd, const char *name)
{
	struct remover rm = { .depth = 0 };
	struct stat st;
	int fd, r;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -errno;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	fd = open_dir_for_removal(dir_fd, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		(void)fd_close(fd);
		return r;
	}
	rm.dev = st.st_dev;
	rm.top_fd = fd_dup(fd);
	if (rm.top_fd < 0) {
		(void)fd_close(fd);
		return rm.top_fd;
	}
	r = remove_dir_contents(&rm, fd);
	(void)fd_close(rm.top_fd);
	if (r < 0)
		return r;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return errno == EBUSY ? -EXDEV : -errno;
	return 0;
}

bool path_is_component(const char *name)
{
	return name[0] && !streq(name, ".") && !streq(name, "..") && !strchr(name, '/') &&
	       strlen(name) <= NAME_MAX;
}

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n > 1 && a[n - 1] == '/')
		n--;
	while (*b == '/')
		b++;
	if (n == 1 && a[0] == '/')
		n = 0;
	return str_printf("%.*s/%s", (int)n, a, b);
}

char *path_clean_abs(const char *path)
{
	char *out = malloc(strlen(path) + 2);
	size_t n = 0;

	if (!out)
		return NULL;
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
		while (*path == '/')
			path++;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_program(const char *path)
{
	struct stat st;

	return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *path_find_program(const char *prog)
{
	static const char fallback[] = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
	const char *env = getenv("PATH");
	const char *lists[] = { env ? env : "", fallback };

	if (strchr(prog, '/')) {
		if (is_program(prog))
			return strdup(prog);
		errno = ENOENT;
		return NULL;
	}
	for (size_t i = 0; i < 2; i++) {
		for (const char *p = lists[i]; *p;) {
			size_t len = strcspn(p, ":");
			char buf[PATH_MAX];

			/* Relative entries of $PATH would make what we run depend on the cwd. */
			if (len > 0 && p[0] == '/' && len + strlen(prog) + 2 < sizeof(buf)) {
				(void)snprintf(buf, sizeof(buf), "%.*s/%s", (int)len, p, prog);
				if (is_program(buf))
					return strdup(buf);
			}
			p += len;
			if (*p == ':')
				p++;
		}
	}
	errno = ENOENT;
	return NULL;
}

static char *const *helper_dirs;
static size_t n_helper_dirs;

void path_set_helper_dirs(char *const *dirs, size_t n)
{
	helper_dirs = dirs;
	n_helper_dirs = n;
}

char *path_find_helper(const char *prog)
{
	for (size_t i = 0; i < n_helper_dirs && !strchr(prog, '/'); i++) {
		auto_free char *path = helper_dirs[i][0] == '/' ? path_join(helper_dirs[i], prog) : NULL;

		if (path && is_program(path))
			return take_ptr(&path);
	}
	return path_find_program(prog);
}
