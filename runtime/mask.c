/* Masked and read-only paths. */
#include "mask.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "mount.h"
#include "path.h"

/* What masks: made once, every use is a copy of the mount. */
struct mask {
	int null;  /* the host's /dev/null */
	int empty; /* a read-only tmpfs; after its first use attached, so that it can be copied */
	struct stat null_st, empty_st;
};

static int open_null(struct mask *m, struct err *e)
{
	m->null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (m->null < 0)
		return err_sys(e, errno, "open the host's /dev/null");
	if (fstat(m->null, &m->null_st) < 0)
		return err_sys(e, errno, "look at the host's /dev/null");
	if (!S_ISCHR(m->null_st.st_mode) || m->null_st.st_rdev != makedev(1, 3))
		return err_set(e, ERR_DENIED, "the host's /dev/null is not the null device");
	return 0;
}

static int make_empty(struct mask *m, struct err *e)
{
	const struct mount_attrs a = { .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
	auto_strv struct strv opts = STRV_INIT;

	if (strv_add(&opts, "nr_inodes=1") < 0 || strv_add(&opts, "mode=755") < 0)
		return err_sys(e, ENOMEM, "mask a directory");
	m->empty = mount_new_fs("tmpfs", "tmpfs", &opts, &a, e);
	if (m->empty < 0)
		return m->empty;
	if (fstat(m->empty, &m->empty_st) < 0)
		return err_sys(e, errno, "mask a directory");
	return 0;
}

/* The path now leads to what masks it: whoever shares the tree may have moved it meanwhile. */
static int verify(struct setup *s, const char *path, const struct stat *want, struct err *e)
{
	auto_close int fd = path_open_in(s->root_fd, path, O_PATH);
	struct stat st;

	if (fd < 0)
		return err_sys(e, fd, "look at the masked %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "look at the masked %s", path);
	if (st.st_dev != want->st_dev || st.st_ino != want->st_ino)
		return err_set(e, ERR_DENIED, "%s changed while it was being masked", path);
	return 0;
}

/* Without the new mount API: a tmpfs of its own, which must be what the path then leads to. */
static int mask_dir_old(struct setup *s, const char *path, int target, const struct stat *was,
			struct err *e)
{
	auto_close int fd = FD_NONE;
	struct statvfs vfs;
	struct statfs fs;
	struct stat st;
	int r = mount_old("tmpfs", target, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "nr_inodes=1,mode=755");

	if (r < 0)
		return err_sys(e, r, "mask %s", path);
	fd = path_open_in(s->root_fd, path, O_PATH);
	if (fd < 0)
		return err_sys(e, fd, "look at the masked %s", path);
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0 || fstatvfs(fd, &vfs) < 0)
		return err_sys(e, errno, "look at the masked %s", path);
	if (fs.f_type != TMPFS_MAGIC || !(vfs.f_flag & ST_RDONLY) || st.st_dev == was->st_dev)
		return err_set(e, ERR_DENIED, "%s changed while it was being masked", path);
	return 0;
}

static int mask_one(struct setup *s, struct mask *m, const char *path, struct err *e)
{
	auto_close int target = path_open_in(s->root_fd, path, O_PATH);
	struct stat st;
	bool dir, first = m->empty < 0;
	int r = 0;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_sys(e, target, "open %s to mask it", path);
	if (fstat(target, &st) < 0)
		return err_sys(e, errno, "look at %s", path);
	dir = S_ISDIR(st.st_mode);
	if (dir && first)
		r = make_empty(m, e);
	if (!dir && m->null < 0)
		r = open_null(m, e);
	if (dir && first && mount_api_barred(r))
		return mask_dir_old(s, path, target, &st, e);
	if (r < 0)
		return r;
	if (dir && first)
		r = mount_attach(m->empty, target);
	else
		r = mount_bind_at(dir ? m->empty : m->null, target, false);
	if (r < 0)
		return err_sys(e, r, "mask %s", path);
	return verify(s, path, dir ? &m->empty_st : &m->null_st, e);
}

int mask_paths(struct setup *s, struct err *e)
{
	struct mask m = { .null = FD_NONE, .empty = FD_NONE };
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->cfg->masked.n; i++)
		r = mask_one(s, &m, s->cfg->masked.items[i], e);
	(void)fd_close(m.null);
	(void)fd_close(m.empty);
	return r;
}

static int readonly_one(struct setup *s, const char *path, struct err *e)
{
	const struct mount_attrs ro = { .set = MOUNT_ATTR_RDONLY };
	auto_close int target = path_open_in(s->root_fd, path, O_PATH), mnt = FD_NONE;
	struct stat st;
	struct statvfs vfs;
	int r;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_sys(e, target, "open %s to make it read-only", path);
	if (fstat(target, &st) < 0)
		return err_sys(e, errno, "look at %s", path);
	mnt = mount_clone(target, true);
	if (mount_api_barred(mnt)) {
		/* The old way: bind it on itself, and change what is then on top. */
		r = mount_bind_at(target, target, true);
		if (r == 0)
			r = mnt = path_open_in(s->root_fd, path, O_PATH);
		if (r >= 0)
			r = mount_set_attrs(mnt, &ro, false);
	} else {
		r = mnt < 0 ? mnt : mount_set_attrs(mnt, &ro, true);
		if (r == 0)
			r = mount_attach(mnt, target);
	}
	if (r < 0)
		return err_sys(e, r, "make %s read-only", path);
	if (fstatvfs(mnt, &vfs) < 0 || !(vfs.f_flag & ST_RDONLY))
		return err_set(e, ERR_DENIED, "%s did not become read-only", path);
	return verify(s, path, &st, e);
}

int mask_readonly(struct setup *s, struct err *e)
{
	for (size_t i = 0; i < s->cfg->readonly.n; i++) {
		int r = readonly_one(s, s->cfg->readonly.items[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}
