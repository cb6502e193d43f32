/* The mounts of config.json: what goes where, with which options, and what stands in for it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "copy-up.h"
#include "fd.h"
#include "idmapped.h"
#include "mount.h"
#include "path.h"
#include "rootfs.h"

/* File systems that need care. */
struct fs_kind {
	const char *type;
	const char *real;     /* what is mounted */
	const char *fallback; /* the host's, bound when the kernel does not let us mount our own */
	bool virtual_;	      /* "ro" concerns our mount alone: the superblock may be shared */
	bool no_links;	      /* a link at the target would hide it from those who trust it */
	bool no_label;	      /* takes no SELinux context of its own */
};

#define LABEL_OPTION "context="

/* clang-format off */
static const struct fs_kind fs_kinds[] = {
	{ "proc",	"proc",		"/proc",		true,	true,	true },
	{ "sysfs",	"sysfs",	"/sys",			true,	true,	true },
	{ "mqueue",	"mqueue",	"/dev/mqueue",		true,	false,	true },
	{ "cgroup",	"cgroup2",	"/sys/fs/cgroup",	true,	false,	true },
	{ "cgroup2",	"cgroup2",	"/sys/fs/cgroup",	true,	false,	true },
	{ "devpts",	"devpts",	NULL,			true,	false },
	{ "tmpfs",	"tmpfs",	NULL,			true,	false },
};
/* clang-format on */

static const struct fs_kind *find_kind(const char *type)
{
	for (size_t i = 0; i < sizeof(fs_kinds) / sizeof(fs_kinds[0]); i++)
		if (streq(fs_kinds[i].type, type))
			return &fs_kinds[i];
	return NULL;
}

static bool under_proc(const char *destination)
{
	while (*destination == '/')
		destination++;
	return strncmp(destination, "proc", 4) == 0 && (destination[4] == '/' || !destination[4]);
}

/*
 * The target of @m as a descriptor.  Nothing may be mounted inside procfs by way of a link that an
 * image planted: what we and others write there later must reach the kernel.
 */
static int open_target(struct setup *s, const struct oci_mount *m, bool dir, bool no_links,
		       struct err *e)
{
	const char *dest = m->destination;
	auto_close int fd = rootfs_target(s->root_fd, dest, dir);
	struct statfs fs;

	if (fd < 0)
		return err_sys(e, fd, "make the mount target %s", dest);
	if (no_links) {
		(void)fd_close(take_fd(&fd));
		dest += strspn(dest, "/");
		fd = path_open_beneath(s->root_fd, dest[0] ? dest : ".", O_PATH);
		if (fd == -ELOOP)
			return err_set(e, ERR_DENIED,
				       "%s: a symbolic link in the image; %s is mounted on "
				       "directories only",
				       m->destination, m->type);
		if (fd < 0)
			return err_sys(e, fd, "open the mount target %s", m->destination);
	}
	if (!under_proc(m->destination)) {
		if (fstatfs(fd, &fs) < 0)
			return err_sys(e, errno, "look at the mount target %s", m->destination);
		if (fs.f_type == PROC_SUPER_MAGIC)
			return err_set(e, ERR_DENIED, "%s: the image has a link into /proc here",
				       m->destination);
	}
	return take_fd(&fd);
}

/* What is mounted at the target now: after mount(2), which returns no descriptor. */
static int reopen_target(struct setup *s, const struct oci_mount *m, const struct stat *want,
			 struct err *e)
{
	auto_close int fd = path_open_in(s->root_fd, m->destination, O_PATH);
	struct stat st;

	if (fd < 0)
		return err_sys(e, fd, "open the mount at %s", m->destination);
	if (want && (fstat(fd, &st) < 0 || st.st_dev != want->st_dev || st.st_ino != want->st_ino))
		return err_set(e, ERR_DENIED, "%s changed while it was being mounted on",
			       m->destination);
	return take_fd(&fd);
}

static int apply_attrs(int mnt, const struct oci_mount *m, const struct mount_attrs *top,
		       struct err *e)
{
	int r = mount_set_attrs(mnt, top, false);

	if (r == 0)
		r = mount_set_attrs(mnt, &m->opts.tree, true);
	return r < 0 ? err_sys(e, r, "set the mount options of %s", m->destination) : 0;
}

static int apply_propagation(int mnt, const struct oci_mount *m, struct err *e)
{
	int r = mount_set_propagation(mnt, m->opts.propagation, m->opts.propagation_rec);

	return r < 0 ? err_sys(e, r, "set the propagation of %s", m->destination) : 0;
}

/* A tmpfs stays writable until everything that goes into it is there. */
static int ro_later(struct setup *s, int *mnt, const struct oci_mount *m, struct err *e)
{
	if (s->n_ro_later == sizeof(s->ro_later) / sizeof(s->ro_later[0]))
		return err_set(e, ERR_LIMIT, "%s: more than %zu read-only tmpfs mounts",
			       m->destination, s->n_ro_later);
	s->ro_later[s->n_ro_later++] = take_fd(mnt);
	return 0;
}

int mount_finish_ro(struct setup *s, struct err *e)
{
	const struct mount_attrs ro = { .set = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < s->n_ro_later; i++) {
		int r = mount_set_attrs(s->ro_later[i], &ro, false);

		if (r < 0)
			return err_sys(e, r, "make a tmpfs read-only");
		s->ro_later[i] = fd_close(s->ro_later[i]);
	}
	return 0;
}

static int bind_by_mount2(struct setup *s, int source, const struct stat *st, int target,
			  const struct oci_mount *m, bool rec, struct err *e)
{
	char from[40];
	int r;

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", source);
	r = mount_old(from, target, NULL, MS_BIND | (rec ? MS_REC : 0), NULL);

	if (r < 0)
		return err_sys(e, r, "bind %s on %s", m->source, m->destination);
	return reopen_target(s, m, st, e);
}

/* What was prepared for @m, a row of cfg's mounts; NULL: its ids are not mapped. */
static const struct idmapped *find_idmapped(const struct setup *s, const struct oci_mount *m)
{
	return m->opts.idmap && s->idmapped ? &s->idmapped[m - s->cfg->mounts] : NULL;
}

/* A detached copy of what is to be bound: the one that the runtime has mapped, or our own.  1 where
 * the mount API for it is barred. */
static int clone_source(struct setup *s, int source, const struct oci_mount *m, bool rec,
			int *ret_mnt, struct err *e)
{
	const struct idmapped *im = find_idmapped(s, m);
	auto_close int mnt = im && im->tree >= 0 ? fd_dup(im->tree) : mount_clone(source, rec);
	int r = 0;

	if (mount_api_barred(mnt) && im)
		return err_set(e, ERR_UNSUPPORTED,
			       "map the ids of %s: the new mount API is barred here",
			       m->destination);
	if (mount_api_barred(mnt))
		return 1;
	if (mnt < 0)
		return err_sys(e, mnt, "bind %s on %s", m->source, m->destination);
	if (im && im->tree < 0)
		r = idmapped_apply(mnt, im->userns, m, e);
	if (r == 0)
		*ret_mnt = take_fd(&mnt);
	return r;
}

static int bind_fd(struct setup *s, int source, const struct oci_mount *m, bool rec,
		   const struct mount_attrs *top, bool no_links, struct err *e)
{
	auto_close int mnt = FD_NONE, target = FD_NONE;
	struct stat st;
	int r;

	if (fstat(source, &st) < 0)
		return err_sys(e, errno, "look at %s", m->source);
	target = open_target(s, m, S_ISDIR(st.st_mode), no_links, e);
	if (target < 0)
		return target;
	r = clone_source(s, source, m, rec, &mnt, e);
	if (r < 0)
		return r;
	if (r == 0) {
		/* Attributes go on before anyone can reach the mount. */
		r = apply_attrs(mnt, m, top, e);
		if (r < 0)
			return r;
		r = mount_attach(mnt, target);
		if (r == -ENOTDIR)
			return err_set(e, ERR_INVALID,
				       "bind %s on %s: one is a directory, the other is "
				       "not",
				       m->source, m->destination);
		if (r < 0)
			return err_sys(e, r, "bind %s on %s", m->source, m->destination);
		return apply_propagation(mnt, m, e);
	}
	mnt = bind_by_mount2(s, source, &st, target, m, rec, e);
	if (mnt < 0)
		return mnt;
	r = apply_attrs(mnt, m, top, e);
	return r < 0 ? r : apply_propagation(mnt, m, e);
}

static int open_source(const struct oci_mount *m, struct err *e)
{
	int flags = O_PATH | O_CLOEXEC | (m->opts.src_nofollow ? O_NOFOLLOW : 0);
	int source = open(m->source, flags);

	return source < 0 ? err_sys(e, errno, "open the mount source %s", m->source) : source;
}

int mount_open_sources(struct setup *s, struct err *e)
{
	s->sources = calloc(s->cfg->n_mounts + 1, sizeof(*s->sources));
	if (!s->sources)
		return err_sys(e, ENOMEM, "open the sources of mounts");
	for (size_t i = 0; i < s->cfg->n_mounts; i++) {
		const struct oci_mount *m = &s->cfg->mounts[i];
		bool has_source = m->opts.bind && !m->opts.remount;

		s->sources[i] = has_source ? open_source(m, e) : FD_NONE;
		if (has_source && s->sources[i] < 0)
			return s->sources[i];
	}
	return 0;
}

static int mount_bind(struct setup *s, const struct oci_mount *m, struct err *e)
{
	auto_close int source = s->sources ? take_fd(&s->sources[m - s->cfg->mounts])
					   : open_source(m, e);

	if (source < 0)
		return source;
	return bind_fd(s, source, m, m->opts.recursive, &m->opts.top, false, e);
}

static int mount_fallback(struct setup *s, const struct oci_mount *m, const struct fs_kind *k,
			  struct err *e)
{
	auto_close int source = open(k->fallback, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct oci_mount bind = *m;
	const struct mount_attrs top = { 0 };

	if (source < 0)
		return err_sys(e, errno, "open the host's %s", k->fallback);
	bind.source = k->fallback;
	bind.opts.idmap = false;
	/* What is asked for one mount goes for all that the host has below, and what the host's
	 * mounts forbid, they go on forbidding. */
	bind.opts.tree.set = m->opts.top.set & ~(uint64_t)MOUNT_ATTR__ATIME;
	bind.opts.tree.clear = 0;
	return bind_fd(s, source, &bind, true, &top, k->no_links, e);
}

/* Options for the superblock: those of @m but what concerns our mount alone, and the label. */
static int superblock_opts(const struct setup *s, const struct oci_mount *m,
			   const struct fs_kind *k, const char *without, struct strv *ret,
			   struct err *e)
{
	const char *label = s->cfg->mount_label;

	if (label && label[0] && !(k && k->no_label)) {
		auto_free char *option = str_printf(LABEL_OPTION "%s", label);

		if (!option || strv_add(ret, option) < 0)
			return err_sys(e, ENOMEM, "mount %s", m->destination);
	}
	for (size_t i = 0; i < m->opts.fs.n; i++) {
		const char *o = m->opts.fs.items[i];

		if (k && k->virtual_ && (streq(o, "ro") || streq(o, "rw")))
			continue;
		if (without && str_starts(o, without))
			continue;
		if (strv_add(ret, o) < 0)
			return err_sys(e, ENOMEM, "mount %s", m->destination);
	}
	return 0;
}

/* What is no flag; a label is quoted, since it may hold commas. */
static void add_mount2_data(struct strbuf *data, const struct strv *opts)
{
	for (size_t i = 0; i < opts->n; i++) {
		const char *o = opts->items[i];

		if (streq(o, "ro") || streq(o, "rw"))
			continue;
		if (str_starts(o, LABEL_OPTION))
			strbuf_addf(data, "%s" LABEL_OPTION "\"%s\"", data->len ? "," : "",
				    o + strlen(LABEL_OPTION));
		else
			strbuf_addf(data, "%s%s", data->len ? "," : "", o);
	}
}

static int fs_by_mount2(struct setup *s, const struct oci_mount *m, const char *type, int target,
			const struct strv *opts, const struct mount_attrs *a, struct err *e)
{
	auto_strbuf struct strbuf data = STRBUF_INIT;
	int r;

	strbuf_add(&data, "");
	add_mount2_data(&data, opts);
	if (data.failed)
		return err_sys(e, ENOMEM, "mount %s", m->destination);
	r = mount_old(m->source ? m->source : type, target, type,
		      mount_attrs_to_ms(a->set) | (m->opts.iversion ? MS_I_VERSION : 0), data.data);
	if (r < 0)
		return err_sys(e, r, "mount a %s on %s", type, m->destination);
	return reopen_target(s, m, NULL, e);
}

static bool has_option(const struct strv *opts, const char *prefix)
{
	for (size_t i = 0; i < opts->n; i++)
		if (str_starts(opts->items[i], prefix))
			return true;
	return false;
}

/* A tmpfs over a directory of the image takes its owner and mode, but for those that are asked
 * for; over nothing it is what a tmpfs is, for everybody (1777). */
static int fill_tmpfs(const struct oci_mount *m, int target, int mnt, bool existed, struct err *e)
{
	bool owner = existed && !has_option(&m->opts.fs, "uid=") && !has_option(&m->opts.fs, "gid=");
	int r = copy_up(target, mnt, owner, existed && !has_option(&m->opts.fs, "mode="), e);

	return r < 0 ? err_wrap(e, r, "copy %s into its tmpfs", m->destination) : 0;
}

/*
 * Make the mount and attach it; its descriptor.  With -EPERM the caller may fall back.  A devpts
 * with a group that is not mapped here is made without.
 */
static int mount_fs(struct setup *s, const struct oci_mount *m, const struct fs_kind *k,
		    const struct mount_attrs *a, const char *without, struct err *e)
{
	auto_strv struct strv opts = STRV_INIT;
	auto_close int target = FD_NONE, mnt = FD_NONE;
	const struct idmapped *im = find_idmapped(s, m);
	const char *type = k ? k->real : m->type;
	bool existed = true;
	int r = superblock_opts(s, m, k, without, &opts, e);

	if (r < 0)
		return r;
	if (m->opts.copy_up) {
		auto_close int there = path_open_in(s->root_fd, m->destination, O_PATH);

		existed = there >= 0;
	}
	mnt = m->opts.iversion ? -EINVAL
			       : mount_new_fs(type, m->source ? m->source : type, &opts, a, e);
	if (mnt == -EINVAL && k && streq(k->type, "devpts") && !without)
		return mount_fs(s, m, k, a, "gid=", e);
	if (mnt < 0 && mnt != -ENOSYS && mnt != -EPERM && mnt != -EINVAL)
		return mnt;
	target = open_target(s, m, true, k && k->no_links, e);
	if (target < 0)
		return target;
	/* What belongs to the container's own user namespace has its ids already. */
	if (im && !m->idmap && (s->maps_pending || s->user_joined))
		im = NULL;
	if (im && mnt >= 0) {
		r = idmapped_apply(mnt, im->userns, m, e);
		if (r < 0)
			return r;
	} else if (im) {
		return err_wrap(e, mnt, "map the ids of %s", m->destination);
	}
	if (mnt < 0) {
		struct err old = ERR_INIT;
		int again = fs_by_mount2(s, m, type, target, &opts, a, &old);

		if (again < 0 && m->opts.iversion)
			*e = old;
		return again < 0 ? mnt : again; /* the first failure says more */
	}
	if (m->opts.copy_up) {
		r = fill_tmpfs(m, target, mnt, existed, e);
		if (r < 0)
			return r;
	}
	r = mount_attach(mnt, target);
	if (r < 0)
		return err_sys(e, r, "attach a %s to %s", type, m->destination);
	return take_fd(&mnt);
}

/* Change what is mounted there already: with "bind" our mount alone, else the file system as well. */
static int remount(struct setup *s, const struct oci_mount *m, struct err *e)
{
	auto_close int target = path_open_in(s->root_fd, m->destination, O_PATH);
	auto_strbuf struct strbuf data = STRBUF_INIT;
	struct statx st;
	int r;

	if (target < 0)
		return err_sys(e, target, "remount %s", m->destination);
	if (statx(target, "", AT_EMPTY_PATH, 0, &st) < 0)
		return err_sys(e, errno, "look at %s", m->destination);
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return err_set(e, ERR_INVALID, "remount %s: nothing is mounted there",
			       m->destination);
	strbuf_add(&data, "");
	add_mount2_data(&data, &m->opts.fs);
	if (data.failed)
		return err_sys(e, ENOMEM, "remount %s", m->destination);
	r = mount_change(target, &m->opts.top, m->opts.bind, data.data);
	if (r < 0)
		return err_sys(e, r, "remount %s", m->destination);
	r = mount_set_attrs(target, &m->opts.tree, true);
	if (r < 0)
		return err_sys(e, r, "set the mount options of %s", m->destination);
	return apply_propagation(target, m, e);
}

static int mount_one(struct setup *s, const struct oci_mount *m, struct err *e)
{
	const struct fs_kind *k =
		m->opts.bind || m->opts.remount ? NULL : find_kind(m->type);
	struct mount_attrs a = m->opts.top;
	auto_close int mnt = FD_NONE;
	bool tmpfs = k && streq(k->type, "tmpfs"), read_only = a.set & MOUNT_ATTR_RDONLY;
	int r;

	if (m->destination[strspn(m->destination, "/")] == '\0')
		return err_set(e, ERR_INVALID, "a mount on / would hide the root file system");
	if (m->opts.remount)
		return remount(s, m, e);
	if (m->opts.bind)
		return mount_bind(s, m, e);
	if (m->opts.copy_up && !tmpfs)
		return err_set(e, ERR_INVALID, "%s: tmpcopyup is for a tmpfs", m->destination);
	if (tmpfs)
		a.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	mnt = mount_fs(s, m, k, &a, NULL, e);
	if ((mnt == -EPERM || mnt == -EACCES || mnt == -EBUSY || mnt == -ENODEV) && k &&
	    k->fallback && !m->opts.idmap) {
		struct err why = *e;

		r = mount_fallback(s, m, k, e);
		if (r < 0)
			*e = why;
		return r < 0 ? mnt : 0;
	}
	if (mnt < 0)
		return mnt;
	if (k && streq(k->type, "proc")) {
		(void)fd_close(s->proc_fd);
		s->proc_fd = fd_dup(mnt);
	}
	r = apply_propagation(mnt, m, e);
	if (r == 0 && (m->opts.tree.set || m->opts.tree.clear))
		r = mount_set_attrs(mnt, &m->opts.tree, true) < 0
			    ? err_set(e, ERR_OS, "set the mount options of %s", m->destination)
			    : 0;
	if (r == 0 && tmpfs && read_only)
		return ro_later(s, &mnt, m, e);
	return r;
}

int mount_all(struct setup *s, struct err *e)
{
	for (size_t i = 0; i < s->cfg->n_mounts; i++) {
		int r = mount_one(s, &s->cfg->mounts[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}
