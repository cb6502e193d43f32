/* The mount of the root file system, finding and making mount targets in it, and the pivot. */
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "mount.h"
#include "path.h"
#include "procfs.h"

#define LINKS_MAX 40 /* as many as the kernel follows */

/* Where a walk stands: @done is resolved and free of links, @rest is still to go. */
struct walk {
	char done[PATH_MAX];
	char rest[PATH_MAX];
	int links;
};

/* Take the next component of w->rest into @comp; false at the end. */
static bool walk_next(struct walk *w, char comp[NAME_MAX + 1], int *ret_err)
{
	size_t skip = strspn(w->rest, "/");
	size_t len = strcspn(w->rest + skip, "/");

	*ret_err = 0;
	if (len == 0)
		return false;
	if (len > NAME_MAX) {
		*ret_err = -ENAMETOOLONG;
		return false;
	}
	memcpy(comp, w->rest + skip, len);
	comp[len] = '\0';
	memmove(w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	return true;
}

static int walk_push(struct walk *w, const char *comp)
{
	size_t n = strlen(w->done);

	if (n + strlen(comp) + 2 > sizeof(w->done))
		return -ENAMETOOLONG;
	w->done[n] = '/';
	(void)stpcpy(w->done + n + 1, comp);
	return 0;
}

static void walk_pop(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
}

/* Put the link's text before what is left to walk. */
static int walk_link(struct walk *w, int link_fd)
{
	char text[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (text[0] == '/')
		w->done[0] = '\0';
	if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", text, w->rest) >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(w->rest, rest, sizeof(rest));
	return 0;
}

static int make_entry(int root_fd, const struct walk *w, const char *comp, bool dir)
{
	auto_close int parent =
		path_open_in(root_fd, w->done[0] ? w->done : "/", O_PATH | O_DIRECTORY);
	int r;

	if (parent < 0)
		return parent;
	r = dir ? mkdirat(parent, comp, 0755) : mknodat(parent, comp, S_IFREG | 0644, 0);
	return r < 0 && errno != EEXIST ? -errno : 0;
}

static int open_entry(int root_fd, struct walk *w, const char *comp)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", w->done, comp) >= sizeof(path))
		return -ENAMETOOLONG;
	return path_open_in(root_fd, path, O_PATH | O_NOFOLLOW);
}

/* One component: follow it, or make it if it is missing. */
static int walk_step(int root_fd, struct walk *w, const char *comp, bool dir)
{
	auto_close int fd = FD_NONE;
	struct stat st;
	int r;

	fd = open_entry(root_fd, w, comp);
	if (fd == -ENOENT) {
		r = make_entry(root_fd, w, comp, dir);
		if (r < 0)
			return r;
		fd = open_entry(root_fd, w, comp);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? walk_link(w, fd) : walk_push(w, comp);
}

int rootfs_target(int root_fd, const char *path, bool dir)
{
	struct walk w = { .links = 0 };
	char comp[NAME_MAX + 1];
	int fd = path_open_in(root_fd, path, O_PATH), r;

	if (fd != -ENOENT)
		return fd;
	if (strlen(path) >= sizeof(w.rest))
		return -ENAMETOOLONG;
	(void)stpcpy(w.rest, path);
	while (walk_next(&w, comp, &r)) {
		if (streq(comp, "."))
			continue;
		if (streq(comp, "..")) {
			walk_pop(&w);
			continue;
		}
		r = walk_step(root_fd, &w, comp, dir || w.rest[strspn(w.rest, "/")]);
		if (r < 0)
			return r;
	}
	/* Whoever shares the tree may have changed it meanwhile: this opens inside it all the same.
	 */
	return r < 0 ? r : path_open_in(root_fd, w.done[0] ? w.done : "/", O_PATH);
}

/* "\\040" and the like, as mountinfo writes what would end a field. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] && p[2] && p[3]) {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

int rootfs_open(struct setup *s, struct err *e)
{
	s->rootfs_at = open(s->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->rootfs_at < 0 ? err_sys(e, errno, "open the root file system %s", s->rootfs) : 0;
}

/*
 * pivot_root(2) wants a parent that is not shared, and that is the mount on which the root file
 * system lies, wherever its own root is.
 */
static int make_parent_private(struct setup *s, struct err *e)
{
	auto_close int info = procfs_open(s->host_proc_fd, "self/mountinfo", O_RDONLY);
	auto_file FILE *f = info < 0 ? NULL : fdopen(fd_dup(info), "re");
	auto_free char *line = NULL;
	unsigned long long id;
	struct statx st;
	size_t cap = 0;
	char path[4096];

	if (!f || statx(s->rootfs_at, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return err_sys(e, errno, "find the mount of the root file system");
	while (getline(&line, &cap, f) > 0) {
		if (sscanf(line, "%llu %*u %*s %*s %4095s", &id, path) != 2 || id != st.stx_mnt_id)
			continue;
		unescape(path);
		if (mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0)
			return err_sys(e, errno, "make the mount at %s private", path);
		return 0;
	}
	return err_set(e, ERR_OS, "the mount of the root file system is not listed");
}

int rootfs_mount(struct setup *s, struct err *e)
{
	auto_close int tree = FD_NONE, at = FD_NONE;
	unsigned long propagation = MS_SLAVE;
	bool rec = true;
	const char *word = s->cfg->rootfs_propagation;

	if (word && word[0]) {
		propagation = mount_propagation_parse(word, &rec);
		if (!propagation)
			return err_set(e, ERR_INVALID,
				       "$.linux.rootfsPropagation: \"%s\" is not one of "
				       "private, slave, shared, unbindable and their r... forms",
				       word);
		if (propagation == MS_UNBINDABLE)
			propagation =
				MS_SLAVE; /* set at the end: a bind mount of it must work first */
	}
	/* In a namespace of others all but our own mounts stay as they are. */
	if (!s->mounts_joined && mount(NULL, "/", NULL, propagation | (rec ? MS_REC : 0), NULL) < 0)
		return err_sys(e, errno, "set the propagation of /");
	if (s->rootfs_at < 0) {
		int r = rootfs_open(s, e);

		if (r < 0)
			return r;
	}
	if (propagation == MS_SHARED && !s->mounts_joined) {
		int r = make_parent_private(s, e);

		if (r < 0)
			return r;
	}
	at = take_fd(&s->rootfs_at);
	tree = mount_clone(at, true);
	/* Nor may it be shared itself until it is the root. */
	if (tree >= 0 && propagation == MS_SHARED)
		(void)mount_set_propagation(tree, MS_PRIVATE, false); /* the pivot tells */
	if (tree == -ENOSYS || tree == -EPERM) {
		/* The old way: bind it on itself, and open what is then on top. */
		if (mount(s->rootfs, s->rootfs, NULL, MS_BIND | MS_REC, NULL) < 0)
			return err_sys(e, errno, "bind the root file system %s", s->rootfs);
		s->root_fd = open(s->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (s->root_fd < 0)
			return err_sys(e, errno, "open the root file system %s", s->rootfs);
	} else {
		if (tree < 0)
			return err_sys(e, tree, "bind the root file system %s", s->rootfs);
		if (move_mount(tree, "", at, "",
			       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return err_sys(e, errno, "attach the root file system %s", s->rootfs);
		s->root_fd = take_fd(&tree);
	}
	return 0;
}

/*
 * The old root is stacked on the new one for a moment and then detached.  It must not be shared
 * any more by then: the umount would propagate to the host.  So it is held by a descriptor: what
 * "." is after the pivot is for the kernel to say, and it has been the new root.
 */
int rootfs_pivot(struct setup *s, struct err *e)
{
	if (fchdir(s->root_fd) < 0)
		return err_sys(e, errno, "change to the root file system");
	if (s->mounts_joined) {
		/* A pivot would change the root of all who are there. */
		if (chroot(".") < 0)
			return err_sys(e, errno, "change the root");
	} else if (s->no_pivot) {
		if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
			return err_sys(e, errno, "move the root file system to /");
		if (chroot(".") < 0)
			return err_sys(e, errno, "change the root");
	} else {
		auto_close int old = FD_NONE;

		/* All is slave already unless the config has asked for something else. */
		if (s->cfg->rootfs_propagation) {
			old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (old < 0)
				return err_sys(e, errno, "open the old root");
		}
		if (syscall(SYS_pivot_root, ".", ".") < 0)
			return err_sys(e, errno,
				       "pivot_root (on an initial ramdisk, use --no-pivot)");
		if (old >= 0 &&
		    (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0))
			return err_sys(e, errno, "make the old root a slave");
		if (umount2(".", MNT_DETACH) < 0)
			return err_sys(e, errno, "detach the old root");
	}
	if (chdir("/") < 0)
		return err_sys(e, errno, "change to /");
	return 0;
}

int rootfs_finish(struct setup *s, struct err *e)
{
	const char *word = s->cfg->rootfs_propagation;
	bool rec = false;
	int r;

	if (s->cfg->root_readonly) {
		struct mount_attrs ro = { .set = MOUNT_ATTR_RDONLY };

		r = mount_set_attrs(s->root_fd, &ro, false);
		if (r < 0)
			return err_sys(e, r, "make the root file system read-only");
	}
	if (word && word[0]) {
		unsigned long propagation = mount_propagation_parse(word, &rec);

		if (mount(NULL, "/", NULL, propagation | (rec ? MS_REC : 0), NULL) < 0)
			return err_sys(e, errno, "set the propagation of the root file system");
	}
	return 0;
}
