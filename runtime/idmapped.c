/* Preparing id-mapped mounts. */
#include "idmapped.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fd.h"
#include "mount.h"
#include "proc.h"

/* The user namespace of a process. */
static int open_userns(pid_t pid)
{
	char path[40];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A user namespace that is there only for its map: it lives as long as its descriptor. */
static int make_userns(const struct idmap *map, struct err *e)
{
	struct proc p = PROC_INIT;
	int fd, r = proc_clone(CLONE_NEWUSER, &p);

	if (r == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			(void)pause();
	}
	if (r < 0)
		return userns_clone_err(e, r);
	r = userns_write_maps(p.pid, map, e);
	fd = r < 0 ? FD_NONE : open_userns(p.pid);
	(void)proc_signal(&p, SIGKILL);
	(void)proc_wait(&p, NULL); /* killed: only to reap */
	proc_done(&p);
	if (r < 0)
		return r;
	return fd < 0 ? err_sys(e, fd, "open the user namespace of an id map") : fd;
}

int idmapped_apply(int mnt, int userns, const struct oci_mount *m, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };

	if (mount_setattr(mnt, "", AT_EMPTY_PATH | (m->opts.idmap_rec ? AT_RECURSIVE : 0), &attr,
			  sizeof(attr)) == 0)
		return 0;
	if (errno == EPERM)
		return err_set(
			e, ERR_DENIED,
			"map the ids of %s: not permitted: only root of the user namespace "
			"that mounted its file system may (for the host's file systems: root "
			"of the host), and by a map that is not for a user namespace beside it",
			m->destination);
	if (errno == EINVAL)
		return err_set(e, ERR_UNSUPPORTED,
			       "map the ids of %s: its file system, or this kernel for it, has no "
			       "id-mapped mounts",
			       m->destination);
	return err_sys(e, errno, "map the ids of %s", m->destination);
}

static int map_bind(const struct oci_mount *m, struct idmapped *to, struct err *e)
{
	auto_close int at =
		open(m->source, O_PATH | O_CLOEXEC | (m->opts.src_nofollow ? O_NOFOLLOW : 0));
	auto_close int tree = FD_NONE;
	int r;

	if (at < 0)
		return err_sys(e, errno, "open the mount source %s", m->source);
	tree = mount_clone(at, m->opts.recursive);
	if (mount_api_barred(tree))
		return 0;
	if (tree < 0)
		return err_sys(e, tree, "bind %s", m->source);
	r = idmapped_apply(tree, to->userns, m, e);
	if (r == 0)
		to->tree = take_fd(&tree);
	return r;
}

int idmapped_prepare(const struct oci_config *cfg, int container_userns, struct idmapped **ret,
		     struct err *e)
{
	struct idmapped *list = NULL;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < cfg->n_mounts; i++) {
		const struct oci_mount *m = &cfg->mounts[i];

		if (!m->opts.idmap)
			continue;
		if (!list) {
			list = malloc(cfg->n_mounts * sizeof(*list));
			if (!list)
				return err_sys(e, ENOMEM, "map ids of mounts");
			for (size_t k = 0; k < cfg->n_mounts; k++)
				list[k] = (struct idmapped){ .userns = FD_NONE, .tree = FD_NONE };
			*ret = list;
		}
		if (m->idmap)
			r = make_userns(m->idmap, e);
		else if (!cfg->ns[NS_USER].path)
			r = make_userns(&cfg->idmap, e);
		else
			r = container_userns >= 0 ? fd_dup(container_userns)
						  : open_userns(getpid());
		if (r < 0)
			return e->kind ? r : err_sys(e, r, "map ids of mounts");
		list[i].userns = r;
		if (m->opts.bind && !m->opts.remount)
			r = map_bind(m, &list[i], e);
	}
	return r < 0 ? r : 0;
}

void idmapped_free(struct idmapped *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++) {
		(void)fd_close(list[i].userns);
		(void)fd_close(list[i].tree);
	}
	free(list);
}
