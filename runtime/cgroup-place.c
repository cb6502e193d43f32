/* The container's own cgroup. */
#include "cgroup-place.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup-devices.h"
#include "cgroup-limits.h"
#include "cgroup-systemd.h"
#include "fd.h"
#include "file.h"
#include "log.h"
#include "path.h"
#include "str.h"

#define DIE_TIMEOUT_MS 10000
#define COLLECT_TIMEOUT_MS 200 /* for systemd to notice that a scope is empty */

static const char *const manager_names[] = {
	[CGROUP_CGROUPFS] = "cgroupfs",
	[CGROUP_SYSTEMD] = "systemd",
	[CGROUP_DISABLED] = "disabled",
};
static_assert(sizeof(manager_names) / sizeof(manager_names[0]) == CGROUP_MANAGER_COUNT_,
	      "a manager without name");

const char *cgroup_manager_str(enum cgroup_manager m)
{
	return manager_names[m];
}

int cgroup_manager_parse(const char *name, enum cgroup_manager *ret)
{
	for (int i = 0; i < CGROUP_MANAGER_COUNT_; i++)
		if (streq(manager_names[i], name)) {
			*ret = (enum cgroup_manager)i;
			return 0;
		}
	return -EINVAL;
}

void place_done(struct place *p)
{
	(void)fd_close(p->mount_fd);
	(void)fd_close(p->fd);
	(void)fd_close(p->procs_fd);
	free(p->path);
	free(p->slice);
	free(p->unit);
	limits_done(&p->limits);
	*p = (struct place)PLACE_INIT;
}

static bool host_root(void)
{
	return geteuid() == 0 && userns_is_initial();
}

/* In a user namespace mknod is impossible, and what nodes are there says it all. */
static bool wants_filter(const struct place *p)
{
	return p->limits.devices && devices_deny(p->limits.devices) && host_root();
}

/* There is no cgroup to be had: only who asked for something that needs one is told. */
static int do_without(struct place *p, int r, const char *path, struct err *e)
{
	const struct limit *first = limits_first(&p->limits);
	bool mknod = p->cfg->process.caps.bounding & (UINT64_C(1) << CAP_MKNOD);
	char member[64] = "devices";

	if (first)
		(void)snprintf(member, sizeof(member), "%s", first->member);
	if (!first && !(mknod && wants_filter(p))) {
		log_info("no cgroup of its own: %s: %s", path, strerror(-r));
		p->manager = CGROUP_DISABLED;
		p->path = NULL;
		return 0;
	}
	if (r == -EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED, "$.linux.resources.%s%s%s: " CGROUP_V1_FIX,
			       member, first ? ": controller " : "",
			       first ? first->controller : "");
	if (r == -EACCES || r == -EPERM || r == -EROFS)
		return err_set(
			e, ERR_DENIED,
			"$.linux.resources.%s%s%s: we may not make the cgroup %.100s (%s): have "
			"systemd make it (--systemd-cgroup), or use a cgroupsPath below one that "
			"is delegated to us",
			member, first ? ": controller " : "", first ? first->controller : "", path,
			strerror(-r));
	return err_sys(e, r, "make the cgroup %.200s", path);
}

/* Beside our own, which has processes and so can have no limited children. */
static char *default_path(const char *id)
{
	auto_free char *own = NULL;
	const char *name;

	if (host_root() || cgroup_of_pid(0, &own) < 0)
		return str_printf("/%s", id);
	name = path_base(own);
	return str_printf("%.*s%s", (int)(name - own), own, id);
}

static bool has_dotdot(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && strncmp(p, "..", 2) == 0)
			return true;
		p += n;
		p += strspn(p, "/");
	}
	return false;
}

static int choose_path(struct place *p, const char *id, struct err *e)
{
	const char *asked = p->cfg->cgroups_path;

	if (asked && asked[0]) {
		if (has_dotdot(asked))
			return err_set(e, ERR_INVALID,
				       "$.linux.cgroupsPath: \"%.100s\" has a .. in it", asked);
		p->path = path_clean_abs(asked);
	} else {
		p->path = default_path(id);
	}
	if (!p->path)
		return err_sys(e, ENOMEM, "$.linux.cgroupsPath");
	if (streq(p->path, "/"))
		return err_set(e, ERR_INVALID,
			       "$.linux.cgroupsPath: the root is not a container's");
	return 0;
}

static int attach_filter(struct place *p, struct err *e)
{
	auto_free struct bpf_insn *insns = NULL;
	size_t n = 0;
	int r;

	if (!wants_filter(p))
		return 0;
	r = devices_compile(p->limits.devices, &insns, &n, e);
	return r < 0 ? r : devices_attach(p->fd, insns, n, e);
}

/* Shall the container's root manage what is below its cgroup?  The runtime-spec: when its cgroup
 * namespace is new and mounted writable.  *@ret_uid: who that is outside, if it is not us. */
static bool wants_delegation(const struct oci_config *c, uint32_t *ret_uid)
{
	bool writable = false;

	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].type && str_starts(c->mounts[i].type, "cgroup") &&
		    !(c->mounts[i].opts.top.set & MOUNT_ATTR_RDONLY))
			writable = true;
	return writable && c->ns[NS_CGROUP].present && !c->ns[NS_CGROUP].path &&
	       idmap_to_host(c->idmap.uid, c->idmap.n_uid, 0, ret_uid) && *ret_uid != geteuid();
}

/* What delegating hands over, as the kernel lists it: the limits stay ours. */
static int delegate(struct place *p, struct err *e)
{
	auto_free char *list = NULL;
	char *save = NULL;
	uint32_t uid;

	if (!wants_delegation(p->cfg, &uid))
		return 0;
	if (file_read_path("/sys/kernel/cgroup/delegate", 65536, &list, NULL) < 0)
		list = strdup("cgroup.procs\ncgroup.threads\ncgroup.subtree_control");
	if (!list)
		return err_sys(e, ENOMEM, "delegate cgroup %s", p->path);
	if (fchown(p->fd, uid, (gid_t)-1) < 0)
		return err_sys(e, errno, "give cgroup %s to the container's root", p->path);
	for (char *name = strtok_r(list, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
		if (path_is_component(name) &&
		    fchownat(p->fd, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT) /* of a controller that is not here */
			return err_sys(e, errno, "give %s of cgroup %s to the container's root",
				       name, p->path);
	return 0;
}

/* Everything that makes the directory at p->fd the container's. */
static int furnish(struct place *p, struct err *e)
{
	int r = cgroup_limits_write(p->fd, p->path, &p->limits, e);

	if (r == 0)
		r = attach_filter(p, e);
	if (r == 0)
		r = delegate(p, e);
	if (r < 0)
		return r;
	p->procs_fd = openat(p->fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return p->procs_fd < 0 ? err_sys(e, errno, "open cgroup.procs of cgroup %s", p->path) : 0;
}

static int prepare_cgroupfs(struct place *p, const char *id, struct err *e)
{
	bool made = false;
	int r = choose_path(p, id, e);

	if (r < 0)
		return r;
	p->mount_fd = cgroup_open_mount();
	r = p->fd = p->mount_fd < 0 ? p->mount_fd : cgroup_make(p->mount_fd, p->path, &made);
	if (r < 0) {
		auto_free char *path = take_ptr(&p->path);

		return do_without(p, r, path, e);
	}
	/* One that was left behind, or made for us, is as good as new when nobody is in it. */
	if (!made && cgroup_populated(p->fd) == 1)
		return err_set(e, ERR_BUSY, "cgroup %s is not empty: it has processes", p->path);
	p->made = true;
	r = cgroup_limits_enable(p->mount_fd, p->path, &p->limits, e);
	return r < 0 ? r : furnish(p, e);
}

static int prepare_systemd(struct place *p, const char *id, struct err *e)
{
	auto_strv struct strv props = STRV_INIT;
	int r;

	p->mount_fd = cgroup_open_mount();
	if (p->mount_fd < 0)
		return err_set(e, ERR_UNSUPPORTED, "cgroups by systemd: " CGROUP_V1_FIX);
	r = systemd_names(p->cfg->cgroups_path, id, &p->slice, &p->unit, e);
	/* Before there is a process: what is wrong with them costs nothing then. */
	if (r == 0)
		r = systemd_properties(&p->limits, &props, e);
	if (r == 0)
		r = systemd_annotations(p->cfg->annotations, &props, e);
	return r;
}

int place_prepare(struct place *p, const struct oci_config *cfg, const char *id,
		  enum cgroup_manager manager, struct err *e)
{
	bool asked = cfg->cgroups_path && cfg->cgroups_path[0];
	const struct limit *first;
	int r = cfg->resources ? resources_read(cfg->resources, &p->limits, e) : 0;

	if (r == 0 && p->limits.devices) {
		auto_free struct bpf_insn *insns = NULL;
		size_t n;

		r = devices_compile(p->limits.devices, &insns, &n, e); /* as a check */
	}
	if (r < 0)
		return r;
	p->cfg = cfg;
	first = limits_first(&p->limits);
	if (manager == CGROUP_DISABLED && first)
		return err_set(
			e, ERR_UNSUPPORTED,
			"$.linux.resources.%s: cgroups are switched off "
			"(--cgroup-manager=disabled); leave the limit away or use another manager",
			first->member);
	if (manager == CGROUP_DISABLED || (!asked && !first && !wants_filter(p)))
		return 0;
	p->manager = manager;
	return manager == CGROUP_SYSTEMD ? prepare_systemd(p, id, e) : prepare_cgroupfs(p, id, e);
}

bool place_wanted(const struct place *p)
{
	return p->manager != CGROUP_DISABLED;
}

static int start_scope(struct place *p, pid_t pid, struct err *e)
{
	auto_strv struct strv props = STRV_INIT;
	int r = systemd_properties(&p->limits, &props, e);

	if (r == 0)
		r = systemd_annotations(p->cfg->annotations, &props, e);
	if (r == 0)
		r = systemd_start_scope(p->unit, p->slice, pid, &props, e);
	if (r < 0)
		return r;
	p->made = true;
	r = cgroup_of_pid(pid, &p->path);
	if (r < 0)
		return err_sys(e, r, "find the cgroup of the scope %s", p->unit);
	/* That of somebody else would be harmed. */
	if (!streq(path_base(p->path), p->unit))
		return err_set(e, ERR_OS,
			       "the scope %s was made, but its process is in cgroup %.200s",
			       p->unit, p->path);
	p->fd = cgroup_open(p->mount_fd, p->path);
	if (p->fd < 0)
		return err_sys(e, p->fd, "open the cgroup %s", p->path);
	return furnish(p, e);
}

int place_process(struct place *p, pid_t pid, bool cloned, struct err *e)
{
	char text[16];
	int n;

	if (!place_wanted(p) || cloned)
		return 0;
	if (p->manager == CGROUP_SYSTEMD)
		return start_scope(p, pid, e);
	n = snprintf(text, sizeof(text), "%d", (int)pid);
	if (write(p->procs_fd, text, (size_t)n) != n)
		return err_sys(
			e, errno,
			"put the container's process into cgroup %s (it takes write access to "
			"cgroup.procs there and in the cgroup above both)",
			p->path);
	return 0;
}

/* Everybody in it ends. */
static int clear(int fd, const char *path, struct err *e)
{
	int r = cgroup_kill(fd);

	/* A created one that was frozen meanwhile, by whom ever. */
	if (r == 0)
		r = cgroup_wait_empty(fd, DIE_TIMEOUT_MS);
	if (r == -ENODEV || r == -ENOENT)
		return 0;
	if (r == -ETIMEDOUT)
		return err_set(e, ERR_BUSY, "processes in cgroup %s do not die", path);
	return r < 0 ? err_sys(e, r, "kill what is in cgroup %s", path) : 0;
}

/* The manager usually sees by itself that the scope is empty; asking it is dearer. */
static int collect(int mount_fd, const char *path, const char *unit, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	for (int ms = 0; ms < COLLECT_TIMEOUT_MS; ms += 2) {
		auto_close int fd = cgroup_open(mount_fd, path);

		if (fd == -ENOENT)
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return systemd_stop_scope(unit, e);
}

static int take_down(int mount_fd, int fd, const char *path, const char *unit, struct err *e)
{
	int r = clear(fd, path, e);

	if (r == 0 && unit)
		r = collect(mount_fd, path, unit, e);
	if (r < 0)
		return r;
	r = cgroup_remove(mount_fd, path, DIE_TIMEOUT_MS);
	return r < 0 ? err_sys(e, r, "remove the cgroup %s", path) : 0;
}

void place_undo(struct place *p)
{
	struct err ignored;

	if (p->made && p->fd >= 0)
		(void)take_down(p->mount_fd, p->fd, p->path, p->unit,
				&ignored); /* the failure before it counts */
	p->made = false;
}

/* Is the directory the one that was made for the container?  Its number is not used again. */
static bool is_same(int fd, uint64_t ino)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == ino;
}

static int open_stored(const struct state *s, int *ret_mount)
{
	auto_close int mount_fd = cgroup_open_mount(), fd = FD_NONE;

	if (mount_fd < 0)
		return mount_fd;
	fd = cgroup_open(mount_fd, s->cgroup_path);
	if (fd < 0)
		return fd;
	if (!is_same(fd, s->cgroup_ino))
		return -ENOENT;
	*ret_mount = take_fd(&mount_fd);
	return take_fd(&fd);
}

int place_open(struct place *p, const struct state *s, const char *doing, struct err *e)
{
	int r;

	if (!s->cgroup_path)
		return err_set(
			e, ERR_UNSUPPORTED,
			"cannot %s container \"%s\": it has no cgroup of its own; create it with "
			"$.linux.cgroupsPath, where cgroup v2 is at hand",
			doing, s->id);
	p->path = strdup(s->cgroup_path);
	p->unit = s->cgroup_unit ? strdup(s->cgroup_unit) : NULL;
	p->manager = s->cgroup_unit ? CGROUP_SYSTEMD : CGROUP_CGROUPFS;
	if (!p->path || (s->cgroup_unit && !p->unit))
		return err_sys(e, ENOMEM, "open the cgroup of container \"%s\"", s->id);
	r = p->fd = open_stored(s, &p->mount_fd);
	if (r < 0)
		return err_sys(e, r, "cannot %s container \"%s\": open its cgroup %s", doing, s->id,
			       p->path);
	return 0;
}

bool place_paused(const struct state *s)
{
	auto_close int mount_fd = FD_NONE, fd = FD_NONE;

	if (!s->cgroup_path)
		return false;
	fd = open_stored(s, &mount_fd);
	return fd >= 0 && cgroup_frozen(fd) == 1;
}

int place_remove(const struct state *s, struct err *e)
{
	auto_close int mount_fd = FD_NONE, fd = FD_NONE;

	if (!s->cgroup_path)
		return 0;
	fd = open_stored(s, &mount_fd);
	/* Gone: by systemd, or with the boot that it was made in. */
	if (fd == -ENOENT || fd == -EOPNOTSUPP)
		return 0;
	if (fd < 0)
		return err_sys(e, fd, "open the cgroup %s", s->cgroup_path);
	return take_down(mount_fd, fd, s->cgroup_path, s->cgroup_unit, e);
}
