/* Device nodes by mknod, or bound from the host where the kernel does not let us make them. */
#include "dev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "mount.h"
#include "path.h"
#include "rootfs.h"

/* clang-format off */
static const struct { const char *path; unsigned int major, minor; } default_nodes[] = {
	{ "/dev/null", 1, 3 },
	{ "/dev/zero", 1, 5 },
	{ "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty", 5, 0 },
};

static const struct { const char *name, *target; } links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },
	{ "ptmx", "pts/ptmx" },
};
/* clang-format on */

static bool is_node(const struct stat *st, const struct oci_device *d)
{
	return (st->st_mode & S_IFMT) == d->type && (d->type == S_IFIFO || st->st_rdev == d->rdev);
}

static int bind_node(int dir_fd, const char *name, const struct oci_device *d, struct err *e)
{
	auto_close int source = open(d->path, O_PATH | O_CLOEXEC);
	auto_close int target = FD_NONE;
	struct stat st;
	int r;

	if (source < 0)
		return err_sys(e, errno, "open the host's %s", d->path);
	if (fstat(source, &st) < 0 || !is_node(&st, d))
		return err_set(e, ERR_DENIED,
			       "the host's %s is not device %u:%u, and making one is not "
			       "permitted here",
			       d->path, major(d->rdev), minor(d->rdev));
	if (mknodat(dir_fd, name, S_IFREG | 0666, 0) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make %s", d->path);
	target = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return err_sys(e, errno, "open %s in the container", d->path);
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return err_set(e, ERR_DENIED, "%s in the image is a %s", d->path,
			       S_ISDIR(st.st_mode) ? "directory" : "symbolic link");
	r = mount_bind_at(source, target, false);
	return r < 0 ? err_sys(e, r, "bind the host's %s", d->path) : 0;
}

/* 0 when made or already there; 1 when it must be bound. */
static int make_node(struct setup *s, int dir_fd, const char *name, const struct oci_device *d,
		     struct err *e)
{
	struct stat st;

	if (s->mknod_denied && d->type != S_IFIFO)
		return 1;
	if (mknodat(dir_fd, name, d->type | d->mode, d->rdev) < 0) {
		if (errno == EPERM && d->type != S_IFIFO) {
			s->mknod_denied = true;
			return 1;
		}
		if (errno != EEXIST)
			return err_sys(e, errno, "make the device %s", d->path);
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, errno, "look at %s", d->path);
		if (!is_node(&st, d))
			return d->type == S_IFIFO ? err_set(e, ERR_EXISTS,
							    "%s exists in the image and "
							    "is no FIFO",
							    d->path)
						  : 1;
	}
	if ((d->uid || d->gid) && fchownat(dir_fd, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "give %s its owner", d->path);
	return 0;
}

static int add_node(struct setup *s, int dev_fd, const struct oci_device *d, struct err *e)
{
	auto_close int other = FD_NONE;
	const char *name = path_base(d->path);
	int dir_fd = dev_fd, r;

	if (!str_starts(d->path, "/dev/") || strchr(d->path + 5, '/')) {
		auto_free char *dir = strndup(d->path, (size_t)(name - d->path));

		if (!dir)
			return err_sys(e, ENOMEM, "make %s", d->path);
		other = rootfs_target(s->root_fd, dir, true);
		if (other < 0)
			return err_sys(e, other, "make the directory of %s", d->path);
		dir_fd = other;
	}
	if (!path_is_component(name))
		return err_set(e, ERR_INVALID, "$.linux.devices: \"%s\" names no file", d->path);
	r = make_node(s, dir_fd, name, d, e);
	return r == 1 ? bind_node(dir_fd, name, d, e) : r;
}

/* With the host's /dev bound here, its nodes are there and must not be touched. */
static bool has_host_dev(const struct oci_config *c)
{
	bool bound = false;

	for (size_t i = 0; i < c->n_mounts; i++) {
		auto_free char *clean = path_clean_abs(c->mounts[i].destination);

		if (clean && streq(clean, "/dev"))
			bound = c->mounts[i].opts.bind;
	}
	return bound;
}

static bool is_configured(const struct oci_config *c, const char *path)
{
	for (size_t i = 0; i < c->n_devices; i++)
		if (streq(c->devices[i].path, path))
			return true;
	return false;
}

static int open_dev(struct setup *s, struct err *e)
{
	int fd = rootfs_target(s->root_fd, "/dev", true);

	return fd < 0 ? err_sys(e, fd, "open /dev in the container") : fd;
}

int dev_nodes(struct setup *s, struct err *e)
{
	auto_close int dev_fd = FD_NONE;
	int r = 0;

	if (has_host_dev(s->cfg) && s->cfg->n_devices == 0)
		return 0;
	dev_fd = open_dev(s, e);
	if (dev_fd < 0)
		return dev_fd;
	for (size_t i = 0; r == 0 && i < s->cfg->n_devices; i++)
		r = add_node(s, dev_fd, &s->cfg->devices[i], e);
	if (has_host_dev(s->cfg))
		return r;
	for (size_t i = 0; r == 0 && i < sizeof(default_nodes) / sizeof(default_nodes[0]); i++) {
		const struct oci_device d = {
			.path = default_nodes[i].path,
			.type = S_IFCHR,
			.rdev = makedev(default_nodes[i].major, default_nodes[i].minor),
			.mode = 0666,
		};

		if (!is_configured(s->cfg, d.path))
			r = add_node(s, dev_fd, &d, e);
	}
	return r;
}

static int add_link(int dev_fd, const char *name, const char *target, struct err *e)
{
	char now[64];
	ssize_t n;

	if (symlinkat(target, dev_fd, name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, errno, "make the link /dev/%s", name);
	n = readlinkat(dev_fd, name, now, sizeof(now) - 1);
	if (n >= 0 && (size_t)n == strlen(target) && memcmp(now, target, (size_t)n) == 0)
		return 0;
	/* What the image has there is replaced, unless it is a directory. */
	if (unlinkat(dev_fd, name, 0) < 0 || symlinkat(target, dev_fd, name) < 0)
		return err_sys(e, errno, "replace /dev/%s of the image by a link", name);
	return 0;
}

int dev_links(struct setup *s, struct err *e)
{
	auto_close int dev_fd = FD_NONE;

	if (has_host_dev(s->cfg))
		return 0;
	dev_fd = open_dev(s, e);
	if (dev_fd < 0)
		return dev_fd;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		int r = 0;

		/* Without a devpts of its own the container has no use for ptmx. */
		if (streq(links[i].name, "ptmx")) {
			auto_close int pts =
				openat(dev_fd, "pts/ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC);

			if (pts < 0)
				continue;
		}
		r = add_link(dev_fd, links[i].name, links[i].target, e);
		if (r < 0)
			return r;
	}
	return 0;
}
