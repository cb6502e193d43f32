/* Volumes and other mounts before the runtime binds them. */
#include "volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy-tree.h"
#include "fd.h"
#include "mnt.h"
#include "path.h"
#include "str.h"

#define NEEDS_OWNER "needs-owner"	/* files in a volume's directory, see ctrlite/volume.h */
#define NEEDS_CONTENT "needs-content"
#define COPYING "copying"
#define CHOWN_DEPTH_MAX 400	/* directories in directories; each costs a descriptor */

static int read_ids(const char *text, uint32_t *ret_uid, uint32_t *ret_gid)
{
	char num[12] = "";
	size_t len = strcspn(text, ":");

	if (len >= sizeof(num) || text[len] != ':')
		return -EINVAL;
	memcpy(num, text, len);
	return str_u32(num, UINT32_MAX - 1, ret_uid) == 0 &&
	       str_u32(text + len + 1, UINT32_MAX - 1, ret_gid) == 0 ? 0 : -EINVAL;
}

/* A copyup= line, cut at its tabs. */
struct fill {
	const char *data, *dest;
	bool has_state, nocopy;		/* without a state an empty volume is a new one */
	uint32_t uid, gid;
	int state_fd;
};

static bool needs(const struct fill *f, const char *what)
{
	return !f->has_state || faccessat(f->state_fd, what, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void needs_no_more(const struct fill *f, const char *what)
{
	if (f->has_state)
		(void)unlinkat(f->state_fd, what, 0); /* if it stays it is done once more */
}

/* The directory that the image has at the place, or -ENOENT. */
static int open_dest(int rootfs_fd, const char *dest)
{
	int fd = path_open_in(rootfs_fd, dest, O_RDONLY | O_DIRECTORY | O_NONBLOCK);

	return fd == -ENOTDIR || fd == -ELOOP ? -ENOENT : fd;
}

static int give_owner(const struct fill *f, int dst, int src, struct err *e)
{
	struct stat st = { .st_uid = f->uid, .st_gid = f->gid };

	if (src >= 0 && fstat(src, &st) < 0)
		return err_sys(e, errno, "look at %s of the image", f->dest);
	if (fchown(dst, st.st_uid, st.st_gid) < 0)
		return err_sys(e, errno, "set the owner of the volume %s", f->data);
	if (src >= 0 && fchmod(dst, st.st_mode & 07777) < 0)
		return err_sys(e, errno, "set the mode of the volume %s", f->data);
	return 0;
}

/* Whoever copied was killed: what is there is a part of the image and nobody's work, since no
 * container gets a volume before this is done. */
static int remove_one(int dir_fd, const char *name, void *arg)
{
	(void)arg;
	return path_remove_tree(dir_fd, name);
}

static bool was_interrupted(const struct fill *f)
{
	return f->has_state && faccessat(f->state_fd, COPYING, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int copy_content(const struct fill *f, int dst, int src, bool owner, struct err *e)
{
	auto_close int mark = FD_NONE;
	struct stat st;
	int r;

	if (fstat(dst, &st) < 0)
		return err_sys(e, errno, "look at the volume %s", f->data);
	mark = f->has_state ? openat(f->state_fd, COPYING, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)
			    : FD_NONE;
	if (f->has_state && mark < 0)
		return err_sys(e, errno, "fill the volume %s", f->data);
	r = copy_tree(src, dst, NULL, e);
	if (r < 0)
		return err_wrap(e, r, "fill the volume %s from %s of the image", f->data, f->dest);
	if (!owner && fchown(dst, st.st_uid, st.st_gid) < 0) /* it was made with an owner */
		return err_sys(e, errno, "set the owner of the volume %s", f->data);
	return 0;
}

static int fill_one(const struct params *p, const struct fill *f, int rootfs_fd, struct err *e)
{
	auto_close int dst = FD_NONE, src = FD_NONE;
	bool owner = needs(f, NEEDS_OWNER), content = needs(f, NEEDS_CONTENT);
	int r = 1;

	if (!owner && (!content || f->nocopy) && !was_interrupted(f))
		return 0;
	dst = open(f->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dst < 0)
		return err_sys(e, errno, "open the volume %s", f->data);
	/* Two containers that start with the same new volume: one copies, the other finds it done. */
	if (flock(dst, LOCK_EX) < 0)
		return err_sys(e, errno, "lock the volume %s", f->data);
	owner = needs(f, NEEDS_OWNER);
	content = needs(f, NEEDS_CONTENT);
	if (was_interrupted(f)) {
		r = content ? path_each(dst, remove_one, NULL) : 0; /* without that mark it was done but for this one */
		if (r < 0)
			return err_sys(e, r, "empty the volume %s", f->data);
		needs_no_more(f, COPYING);
	}
	r = dir_is_empty(dst);
	if (r < 0)
		return err_sys(e, r, "read the volume %s", f->data);
	if (!f->has_state && r == 0)
		return 0;
	src = open_dest(rootfs_fd, f->dest);
	if (src < 0 && src != -ENOENT)
		return err_sys(e, src, "open %s of the image", f->dest);
	if (r == 1 && content && !f->nocopy && src >= 0) {
		r = dir_is_empty(src);
		if (r == 0) {
			r = copy_content(f, dst, src, owner, e);
			if (r < 0)
				return r;
			needs_no_more(f, NEEDS_CONTENT);
			needs_no_more(f, NEEDS_OWNER);
			needs_no_more(f, COPYING);
			return 0;
		}
	}
	/* Without ids the volume stays the root's, or is given to who stands for it. */
	if (owner && (f->has_state || src >= 0 || p->root_ids)) {
		r = give_owner(f, dst, src, e);
		if (r < 0)
			return r;
		needs_no_more(f, NEEDS_OWNER);
	}
	return 0;
}

static int fill_line(const struct params *p, const char *line, int rootfs_fd, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	auto_close int state = FD_NONE;
	struct fill f = { .uid = p->root_uid, .gid = p->root_gid, .state_fd = FD_NONE };

	if (strv_split(&parts, line, '\t') < 0)
		return err_sys(e, ENOMEM, "fill the volumes");
	if (parts.n < 2 || (parts.n > 2 && read_ids(parts.items[2], &f.uid, &f.gid) < 0))
		return err_set(e, ERR_INVALID, "bad copyup");
	f.data = parts.items[0];
	f.dest = parts.items[1];
	f.nocopy = parts.n > 4 && streq(parts.items[4], "nocopy");
	if (parts.n > 3) {
		state = open(parts.items[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (state < 0)
			return err_sys(e, errno, "open the volume %s", parts.items[3]);
		f.state_fd = state;
		f.has_state = true;
	}
	return fill_one(p, &f, rootfs_fd, e);
}

int volumes_fill(const struct params *p, struct err *e)
{
	auto_close int rootfs_fd = FD_NONE;

	if (p->copyup.n == 0)
		return 0;
	rootfs_fd = open(p->rootfs ? p->rootfs : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rootfs_fd < 0)
		return err_sys(e, errno, "open the root filesystem %s", p->rootfs);
	for (size_t i = 0; i < p->copyup.n; i++) {
		int r = fill_line(p, p->copyup.items[i], rootfs_fd, e);

		if (r < 0)
			return r;
	}
	return 0;
}

struct chown_to {
	uint32_t uid, gid;
	dev_t dev;	/* what is mounted below is left alone */
	unsigned int depth;
};

static int chown_entry(int dir_fd, const char *name, void *arg)
{
	auto_close int fd = FD_NONE;
	struct chown_to *to = arg;
	struct stat st;
	int r;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_dev != to->dev)
		return 0;
	if ((st.st_uid != to->uid || st.st_gid != to->gid) &&
	    fchownat(dir_fd, name, to->uid, to->gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (to->depth == CHOWN_DEPTH_MAX)
		return -ELOOP;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* removed or replaced since */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	to->depth++;
	r = path_each(fd, chown_entry, to);
	to->depth--;
	return r;
}

/* PATH UID:GID */
static int do_chown(const struct params *p, const struct strv *v, struct err *e)
{
	auto_close int fd = FD_NONE;
	struct chown_to to = { 0 };
	struct stat st;
	int r = 0;

	(void)p;
	if (v->n != 3 || read_ids(v->items[2], &to.uid, &to.gid) < 0)
		return err_set(e, ERR_INVALID, "bad chown");
	fd = open(v->items[1], O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "change the owner of %s", v->items[1]);
	to.dev = st.st_dev;
	if (fchownat(fd, "", to.uid, to.gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	if (r == 0 && S_ISDIR(st.st_mode))
		r = path_each(fd, chown_entry, &to);
	return r < 0 ? err_sys(e, r, "failed to chown recursively host path %s", v->items[1]) : 0;
}

/* <rundir>/mnt/... */
static int make_target(const struct params *p, const char *path, bool dir, struct err *e)
{
	auto_free char *parent = str_printf("%s/mnt", p->rundir);

	if (!parent || !str_starts(path, parent))
		return err_set(e, ERR_INVALID, "bad place for a mount");
	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make %s", parent);
	if ((dir ? mkdir(path, 0700) : mknod(path, S_IFREG | 0600, 0)) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make %s", path);
	return 0;
}

/* An upper and a work directory that are empty, with the root as the lower one has it. */
static int make_scratch(const char *scratch, const char *lower, struct err *e)
{
	auto_free char *parent = strndup(scratch, (size_t)(path_base(scratch) - scratch));
	auto_close int dir = FD_NONE, fd = FD_NONE;
	const char *name = path_base(scratch);
	struct stat st;
	int r;

	dir = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : FD_NONE;
	if (dir < 0)
		return err_sys(e, parent ? errno : ENOMEM, "open the directory of the container");
	r = path_remove_tree(dir, name);
	if (r < 0)
		return err_sys(e, r, "empty the overlay %s", scratch);
	if (mkdirat(dir, name, 0700) < 0)
		return err_sys(e, errno, "make %s", scratch);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || mkdirat(fd, "upper", 0755) < 0 || mkdirat(fd, "work", 0700) < 0 ||
	    stat(lower, &st) < 0)
		return err_sys(e, errno, "make an overlay of %s", lower);
	(void)fchownat(fd, "upper", st.st_uid, st.st_gid, 0); /* an owner that is not mapped is nobody */
	return fchmodat(fd, "upper", st.st_mode & 07777, 0) < 0
		       ? err_sys(e, errno, "make an overlay of %s", lower) : 0;
}

/* TARGET SCRATCH UPPER WORK LOWER... */
static int do_overlay(const struct params *p, const struct strv *v, struct err *e)
{
	auto_free char *upper = NULL, *work = NULL;
	struct mnt_overlay o = { 0 };
	const char *scratch;
	int r;

	if (v->n < 6)
		return err_set(e, ERR_INVALID, "bad overlay");
	scratch = v->items[2];
	o.lower = (const char *const *)v->items + 5;
	o.n_lower = v->n - 5;
	r = make_target(p, v->items[1], true, e);
	if (r == 0 && *scratch)
		r = make_scratch(scratch, o.lower[0], e);
	if (r < 0)
		return r;
	upper = *scratch ? path_join(scratch, "upper") : *v->items[3] ? strdup(v->items[3]) : NULL;
	work = *scratch ? path_join(scratch, "work") : *v->items[4] ? strdup(v->items[4]) : NULL;
	o.upper = upper;
	o.work = work;
	o.volatile_ = *scratch != '\0';
	r = mnt_overlay(&o, v->items[1], e);
	return r < 0 ? err_wrap(e, r, "make an overlay of %s", o.lower[0]) : 0;
}

/* TARGET ROOT PART: the volume or image may hold links, which lead nowhere but into itself. */
static int do_subpath(const struct params *p, const struct strv *v, struct err *e)
{
	auto_close int root = FD_NONE, fd = FD_NONE;
	char from[40];
	struct stat st;
	int r;

	if (v->n != 4)
		return err_set(e, ERR_INVALID, "bad subpath");
	root = open(v->items[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, errno, "open %s", v->items[2]);
	fd = path_open_in(root, v->items[3], O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, fd < 0 ? fd : -errno, "mount the subpath %s", v->items[3]);
	r = make_target(p, v->items[1], S_ISDIR(st.st_mode), e);
	if (r < 0)
		return r;
	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return mount(from, v->items[1], NULL, MS_BIND | MS_REC, NULL) < 0
		       ? err_sys(e, errno, "mount the subpath %s", v->items[3]) : 0;
}

int volumes_prepare(const struct params *p, struct err *e)
{
	static const struct {
		const char *kind;
		int (*run)(const struct params *p, const struct strv *v, struct err *e);
	} kinds[] = {
		{ "chown", do_chown },
		{ "overlay", do_overlay },
		{ "subpath", do_subpath },
	};

	for (size_t i = 0; i < p->prepare.n; i++) {
		auto_strv struct strv v = STRV_INIT;
		int r = strv_split(&v, p->prepare.items[i], '\t');
		size_t k = 0;

		if (r < 0)
			return err_sys(e, r, "prepare the mounts");
		while (k < sizeof(kinds) / sizeof(kinds[0]) && !streq(kinds[k].kind, v.items[0]))
			k++;
		if (k == sizeof(kinds) / sizeof(kinds[0]))
			return err_set(e, ERR_INVALID, "the monitor does not know prepare=%.40s", v.items[0]);
		r = kinds[k].run(p, &v, e);
		if (r < 0)
			return r;
	}
	return 0;
}
