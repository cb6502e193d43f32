/*
 * Looking paths up over unmounted overlay layers, component by component.
 *
 * The part of the path that is resolved already has no links left in it, so in each layer that
 * takes part it can be opened with RESOLVE_NO_SYMLINKS from the layer's own directory: whatever
 * the layers contain, nothing outside them is reached.
 */
#include "merged.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"

#define LINKS_MAX 40		/* as the kernel has it, path_resolution(7) */
#define KEEP_OPEN_MAX 128	/* layers whose directory stays open between look-ups */
#define OPAQUE_XATTR "user.overlay.opaque"

int merged_init(struct merged *m, const char *const *dirs, size_t n)
{
	*m = (struct merged)MERGED_INIT;
	if (n == 0)
		return -EINVAL;
	m->fds = malloc(n * sizeof(*m->fds));
	if (!m->fds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		m->fds[i] = FD_NONE;
	m->dirs = dirs;
	m->n = n;
	return 0;
}

void merged_init_root(struct merged *m, int root_fd)
{
	*m = (struct merged)MERGED_INIT;
	m->root_fd = root_fd;
}

void merged_done(struct merged *m)
{
	int saved = errno;

	for (size_t i = 0; m->fds && i < m->n; i++)
		(void)fd_close(m->fds[i]);
	free(m->fds);
	*m = (struct merged)MERGED_INIT;
	errno = saved;
}

/* Open @rel (no links) in layer @i. */
static int open_in_layer(struct merged *m, size_t i, const char *rel)
{
	int fd;

	if (m->fds[i] < 0) {
		m->fds[i] = open(m->dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (m->fds[i] < 0)
			return -errno;
	}
	fd = path_open_beneath(m->fds[i], *rel ? rel : ".", O_PATH | O_NOFOLLOW);
	if (m->n > KEEP_OPEN_MAX)
		m->fds[i] = fd_close(m->fds[i]);
	return fd;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* An O_PATH descriptor has no xattrs, its name in /proc has. */
static bool is_opaque(int fd)
{
	char name[32], value[4];
	ssize_t len;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd); /* always fits */
	len = getxattr(name, OPAQUE_XATTR, value, sizeof(value));
	return len == 1 && value[0] == 'y';
}

/* The part of the path that is resolved. */
struct place {
	char rel[PATH_MAX];	/* "" for the root, else "a/b" without links */
	size_t len;
};

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

/*
 * Does layer @i, which lacks @rel, hide the layers below it there?  It does if one of the
 * directories above @rel is opaque in it, or is no directory in it (a whiteout, say).  1 or 0.
 */
static int hides_below(struct merged *m, size_t i, const char *rel)
{
	char parent[PATH_MAX];

	(void)snprintf(parent, sizeof(parent), "%s", rel); /* rel is shorter than PATH_MAX */
	while (*parent) {
		char *slash = strrchr(parent, '/');
		auto_close int dir = FD_NONE;
		struct stat st;

		*(slash ? slash : parent) = '\0';
		dir = open_in_layer(m, i, parent);
		if (is_absent(dir))
			continue;
		if (dir < 0)
			return dir;
		if (fstat(dir, &st) < 0)
			return -errno;
		if (!S_ISDIR(st.st_mode) || is_opaque(dir))
			return 1;
	}
	return 0;
}

/*
 * Find the entry @rel, whose parent is known to be a directory.  Overlay looks from the top: the
 * first layer that has an entry decides what it is.  Returns that entry's descriptor.
 */
static int lookup(struct merged *m, const char *rel, struct stat *st)
{
	for (size_t i = 0; i < m->n; i++) {
		auto_close int fd = open_in_layer(m, i, rel);
		int hides;

		if (fd >= 0) {
			if (fstat(fd, st) < 0)
				return -errno;
			return is_whiteout(st) ? -ENOENT : take_fd(&fd);
		}
		if (!is_absent(fd))
			return fd;
		hides = i + 1 < m->n ? hides_below(m, i, rel) : 1;
		if (hides)
			return hides < 0 ? hides : -ENOENT;
	}
	return -ENOENT;
}

/* Drop the last component; the root stays itself. */
static void go_up(struct place *p)
{
	char *slash = strrchr(p->rel, '/');

	p->len = slash ? (size_t)(slash - p->rel) : 0;
	p->rel[p->len] = '\0';
}

static int go_down(struct place *p, const char *name, size_t len)
{
	size_t need = p->len + (p->len ? 1 : 0) + len;

	if (need >= sizeof(p->rel))
		return -ENAMETOOLONG;
	if (p->len)
		p->rel[p->len++] = '/';
	memcpy(p->rel + p->len, name, len);
	p->len = need;
	p->rel[need] = '\0';
	return 0;
}

/* What remains after a link: its target, then what was to come behind it. */
static int splice_link(int link_fd, const char *rest, char *buf)
{
	char joined[2 * PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", buf, PATH_MAX - 1);
	int len;

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	buf[n] = '\0';
	len = snprintf(joined, sizeof(joined), "%s/%s", buf, rest);
	if (len < 0 || len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, joined, (size_t)len + 1);
	return 0;
}

static int open_layers(struct merged *m, const char *path, struct stat *st)
{
	char todo[PATH_MAX], next[PATH_MAX];
	struct place at = { .rel = "" };
	const char *p = todo;
	unsigned int links = 0;
	auto_close int fd = FD_NONE;

	if (strlen(path) >= sizeof(todo))
		return -ENAMETOOLONG;
	memcpy(todo, path, strlen(path) + 1);
	fd = lookup(m, "", st);
	while (fd >= 0) {
		size_t len;
		int r;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len == 0)
			return take_fd(&fd);
		if (!S_ISDIR(st->st_mode))
			return -ENOTDIR;
		if (len == 2 && p[0] == '.' && p[1] == '.')
			go_up(&at);
		else if (len != 1 || p[0] != '.') {
			r = go_down(&at, p, len);
			if (r < 0)
				return r;
		}
		p += len;
		(void)fd_close(fd);
		fd = lookup(m, at.rel, st);
		if (fd < 0 || !S_ISLNK(st->st_mode))
			continue;
		if (++links > LINKS_MAX)
			return -ELOOP;
		r = splice_link(fd, p, next);
		if (r < 0)
			return r;
		if (next[0] == '/') {
			at.len = 0;
			at.rel[0] = '\0';
		} else {
			go_up(&at);
		}
		memcpy(todo, next, strlen(next) + 1);
		p = todo;
		(void)fd_close(fd);
		fd = lookup(m, at.rel, st);
	}
	return fd;
}

int merged_open(struct merged *m, const char *path, struct stat *ret_st)
{
	auto_close int fd = FD_NONE;
	struct stat st = { 0 };

	if (m->fds) {
		fd = open_layers(m, path, &st);
	} else {
		fd = path_open_in(m->root_fd, path, O_PATH);
		if (fd >= 0 && fstat(fd, &st) < 0)
			return -errno;
	}
	if (fd >= 0 && ret_st)
		*ret_st = st;
	return take_fd(&fd);
}

int merged_entry(struct merged *m, const char *rel, struct stat *ret_st)
{
	return lookup(m, rel, ret_st);
}

int merged_read(struct merged *m, const char *path, size_t max_bytes, char **ret_buf,
		size_t *ret_len)
{
	struct stat st;
	auto_close int at = merged_open(m, path, &st);
	auto_close int fd = FD_NONE;

	if (at < 0)
		return at;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max_bytes)
		return -EFBIG;
	fd = fd_reopen(at, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	return fd_read_file(fd, max_bytes, ret_buf, ret_len);
}
