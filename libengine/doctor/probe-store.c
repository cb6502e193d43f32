/* The place of the store: its file system, and what can be mounted on it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor-priv.h"
#include "fd.h"
#include "mnt.h"
#include "path.h"
#include "str.h"

#define SPACE_MIN (1ull << 30)	/* bytes; an image or two */
#define INODES_MIN 50000	/* files */

/* The store, or what would hold it: the nearest directory that is there. */
static char *existing(const char *root)
{
	char *path = path_clean_abs(root);
	struct stat st;

	while (path && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))) {
		char *slash = strrchr(path, '/');

		if (slash == path) {
			path[1] = '\0';
			break;
		}
		*slash = '\0';
	}
	return path;
}

static bool is_remote(unsigned long type)
{
	static const unsigned long types[] = {
		0x6969 /* nfs */, 0xff534d42 /* cifs */, 0xfe534d42 /* smb2 */, 0x0bd00bd0 /* lustre */,
		0x65735546 /* fuse: sshfs and others */, 0x5346414f /* afs */, 0x00c36400 /* ceph */,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

void probe_store(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *dir = existing(d->root);
	unsigned long long space;
	struct statvfs v;
	struct statfs fs;

	if (!dir || statvfs(dir, &v) < 0 || statfs(dir, &fs) < 0) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "%s cannot be looked at: %s", d->root, strerror(errno));
		return;
	}
	space = (unsigned long long)v.f_bavail * v.f_frsize;
	if (access(dir, W_OK | X_OK) < 0) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "%s cannot be written: %s", dir, strerror(errno));
		doctor_fix(f, "ctr-lite --root DIRECTORY, with one that is yours");
	} else if (v.f_flag & ST_NOEXEC) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "%s is mounted noexec: nothing in an image can be "
			     "executed", dir);
		doctor_fix(f, "%smount -o remount,exec $(findmnt -n -o TARGET -T %s)", d->sudo, dir);
	} else if (is_remote((unsigned long)(unsigned int)fs.f_type)) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "%s is on a network or FUSE file system: owners and "
			     "overlay mounts may not work there", dir);
		doctor_fix(f, "ctr-lite --root DIRECTORY, with one on a local disk");
	} else if (space < SPACE_MIN || (v.f_files && v.f_favail < INODES_MIN)) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "%s has %llu MB and %llu files free", dir, space >> 20,
			     (unsigned long long)v.f_favail);
		doctor_fix(f, "ctr-lite rmi IMAGE, or --root DIRECTORY on a larger disk");
	} else {
		doctor_found(f, CTR_HEALTH_OK, "%s: %llu GB free%s", d->root, space >> 30,
			     v.f_flag & ST_NODEV ? ", nodev" : "");
	}
}

/* lower, upper, work and the place of the mount in a directory beside the store. */
static int try_overlay(void *arg, struct err *e)
{
	const char *dir = arg;
	auto_free char *lower = path_join(dir, "lower"), *upper = path_join(dir, "upper");
	auto_free char *work = path_join(dir, "work"), *merged = path_join(dir, "merged");
	auto_free char *file = path_join(dir, "merged/file");
	const char *lowers[] = { lower };
	const struct mnt_overlay o = { .lower = lowers, .n_lower = 1, .upper = upper, .work = work };
	int fd, r;

	if (!lower || !upper || !work || !merged || !file)
		return err_sys(e, ENOMEM, "try overlay");
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(e, errno, "make a mount namespace");
	r = mnt_propagation(false, e);
	if (r < 0)
		return r;
	if (mkdir(lower, 0700) < 0 || mkdir(upper, 0700) < 0 || mkdir(work, 0700) < 0 ||
	    mkdir(merged, 0700) < 0)
		return err_sys(e, errno, "make a directory in %s", dir);
	r = mnt_overlay(&o, merged, e);
	if (r < 0)
		return r;
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, errno, "write to an overlay mount");
	(void)close(fd);
	return 0;
}

void probe_overlay(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *place = existing(d->root);
	auto_free char *dir = place ? path_join(place, ".ctr-lite-doctor-XXXXXX") : NULL;
	auto_close int at = FD_NONE;
	struct err e = ERR_INIT;
	int r;

	if (d->rootless && !d->userns) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "not without a user namespace");
		return;
	}
	if (!dir || !mkdtemp(dir)) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "no directory can be made in %s: %s",
			     place ? place : d->root, strerror(errno));
		return;
	}
	r = doctor_try(d, false, 0, try_overlay, dir, &e);
	at = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)path_remove_tree(at, path_base(dir)); /* what is left of it only takes room */
	if (r == 0) {
		doctor_found(f, CTR_HEALTH_OK, "the kernel's, on the file system of the store");
		return;
	}
	doctor_found(f, CTR_HEALTH_REQUIRED, "do not work on the file system of %s: %s", place, e.text);
	doctor_fix(f, "ctr-lite --root DIRECTORY, with one on ext4, xfs, btrfs or tmpfs; or: %smodprobe "
		   "overlay", d->sudo);
}

/* An id map on a copy of the store's mount, by the user namespace of a child. */
static int try_idmapped(void *arg, struct err *e)
{
	struct idmap m = { .uid = { { 0, 1000, 1 } }, .gid = { { 0, 1000, 1 } }, .n_uid = 1, .n_gid = 1 };
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP };
	auto_close int tree = FD_NONE, ns = FD_NONE;
	struct proc p = PROC_INIT;
	char path[64];
	int r;

	r = proc_clone(CLONE_NEWUSER, &p);
	if (r == 0) {
		(void)pause();
		_exit(0);
	}
	if (r < 0)
		return err_sys(e, r, "make a user namespace");
	r = userns_write_maps(p.pid, &m, e);
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)p.pid);
		ns = open(path, O_RDONLY | O_CLOEXEC);
		tree = (int)syscall(SYS_open_tree, AT_FDCWD, arg, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		a.userns_fd = (uint64_t)ns;
		if (ns < 0 || tree < 0 ||
		    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0)
			r = err_sys(e, errno, "map the ids of a mount");
	}
	(void)proc_signal(&p, SIGKILL);
	(void)proc_wait(&p, NULL); /* killed: only to reap */
	proc_done(&p);
	return r;
}

void probe_idmapped(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *place = existing(d->root);
	struct err e = ERR_INIT;

	/* The kernel gives them to the owner of the file system, which an ordinary user never is. */
	if (d->rootless)
		doctor_found(f, CTR_HEALTH_OK, "not for ordinary users: a layer is stored once more for "
			     "--userns with another map");
	else if (place && doctor_try(d, false, CLONE_NEWNS, try_idmapped, place, &e) == 0)
		doctor_found(f, CTR_HEALTH_OK, "yes");
	else
		doctor_found(f, CTR_HEALTH_OPTIONAL, "not on this file system (%s): a layer is stored once "
			     "more for --userns with another map", e.text);
}
