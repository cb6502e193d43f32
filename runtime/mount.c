/* Mounting by descriptor. */
#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fd.h"

/* What a container's root gets away with is decided by the kernel alone, so the two ways below may
 * be mixed freely: the descriptor, not the call, says what is mounted where. */

struct fd_path {
	char text[40];
};

static const char *fd_path(int fd, struct fd_path *p)
{
	(void)snprintf(p->text, sizeof(p->text), "/proc/self/fd/%d", fd);
	return p->text;
}

int mount_clone(int fd, bool recursive)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			     (recursive ? AT_RECURSIVE : 0);
	int r = open_tree(fd, "", flags);

	return r < 0 ? -errno : r;
}

int mount_attach(int mnt, int target_fd)
{
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

	return move_mount(mnt, "", target_fd, "", flags) < 0 ? -errno : 0;
}

bool mount_api_barred(int r)
{
	return r == -ENOSYS || r == -EPERM;
}

int mount_old(const char *source, int target_fd, const char *type, unsigned long flags,
	      const char *data)
{
	struct fd_path to;

	return mount(source, fd_path(target_fd, &to), type, flags, data) < 0 ? -errno : 0;
}

int mount_bind_at(int source, int target_fd, bool recursive)
{
	auto_close int mnt = mount_clone(source, recursive);
	struct fd_path from;

	if (mnt >= 0)
		return mount_attach(mnt, target_fd);
	if (!mount_api_barred(mnt))
		return mnt;
	return mount_old(fd_path(source, &from), target_fd, NULL,
			 MS_BIND | (recursive ? MS_REC : 0), NULL);
}

int mount_change(int mnt, const struct mount_attrs *a, bool bind, const char *data)
{
	struct fd_path p;
	struct statvfs vfs;
	unsigned long ms;

	if (fstatvfs(mnt, &vfs) < 0)
		return -errno;
	ms = (vfs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME |
			    ST_NODIRATIME)); /* the same numbers as MS_* */
	ms = (ms | mount_attrs_to_ms(a->set)) & ~mount_attrs_to_ms(a->clear & ~a->set);
	ms |= MS_REMOUNT | (bind ? MS_BIND : 0);
	return mount(NULL, fd_path(mnt, &p), NULL, ms, data) < 0 ? -errno : 0;
}

int mount_set_attrs(int mnt, const struct mount_attrs *a, bool rec)
{
	struct mount_attr attr = { .attr_set = a->set, .attr_clr = a->clear };
	int r;

	if (!a->set && !a->clear)
		return 0;
	if (mount_setattr(mnt, "", AT_EMPTY_PATH | (rec ? AT_RECURSIVE : 0), &attr, sizeof(attr)) ==
	    0)
		return 0;
	r = -errno;
	/* Before Linux 5.12 only for attached mounts, and not for all below. */
	if (mount_api_barred(r) && !rec && mount_change(mnt, a, true, NULL) == 0)
		return 0;
	return r;
}

int mount_set_propagation(int mnt, unsigned long propagation, bool rec)
{
	struct mount_attr attr = { .propagation = propagation };
	struct fd_path p;

	if (!propagation)
		return 0;
	if (mount_setattr(mnt, "", AT_EMPTY_PATH | (rec ? AT_RECURSIVE : 0), &attr, sizeof(attr)) ==
	    0)
		return 0;
	if (!mount_api_barred(-errno))
		return -errno;
	return mount(NULL, fd_path(mnt, &p), NULL, propagation | (rec ? MS_REC : 0), NULL) < 0
		       ? -errno
		       : 0;
}

/* What the file system's driver had to say, without its "e " mark; else the errno's text. */
static int fs_failure(int fs, int r, const char *type, struct err *e)
{
	char text[256];
	ssize_t n = read(fs, text, sizeof(text) - 1);

	if (n <= 2)
		return err_sys(e, r, "mount a %s", type);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err_sys(e, r, "mount a %s (%s)", type, text + 2);
}

static int fs_set_option(int fs, const char *option)
{
	const char *eq = strchr(option, '=');
	char key[64];

	if (!eq)
		return fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0) < 0 ? -errno : 0;
	if ((size_t)(eq - option) >= sizeof(key))
		return -EINVAL;
	memcpy(key, option, (size_t)(eq - option));
	key[eq - option] = '\0';
	return fsconfig(fs, FSCONFIG_SET_STRING, key, eq + 1, 0) < 0 ? -errno : 0;
}

int mount_new_fs(const char *type, const char *source, const struct strv *fs_opts,
		 const struct mount_attrs *a, struct err *e)
{
	auto_close int fs = fsopen(type, FSOPEN_CLOEXEC);
	int mnt, r = 0;

	if (fs < 0)
		return err_sys(e, errno, "mount a %s", type);
	if (source && source[0])
		(void)fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0); /* some have none */
	for (size_t i = 0; fs_opts && i < fs_opts->n; i++) {
		r = fs_set_option(fs, fs_opts->items[i]);
		if (r < 0)
			return fs_failure(fs, r, type, e);
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_failure(fs, -errno, type, e);
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)a->set);
	if (mnt < 0)
		return fs_failure(fs, -errno, type, e);
	return mnt;
}
