/* A volume's content as a tar archive, out and in. */
#include "volume-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "container/copy-tar.h"
#include "container/root-work.h"
#include "container/rootfs.h"
#include "ctrlite/idmap.h"
#include "ctrlite/transfer.h"
#include "fd.h"
#include "path.h"

/* Its directory, O_PATH.  The volume is held by *@ret_lock, so that nobody removes it meanwhile. */
static int open_data(struct ctr_engine *eng, const struct ctr_volume *v, int *ret_lock, struct err *e)
{
	auto_close int lock = FD_NONE;
	int fd;

	if (v->kind == CTR_VOLUME_TMPFS)
		return err_set(e, ERR_UNSUPPORTED, "volume %s is a tmpfs, which has content in a running "
			       "container only: use ctr-lite cp", v->name);
	lock = volume_lock(eng, v->name, false, e);
	if (lock < 0)
		return lock;
	fd = v->kind == CTR_VOLUME_BIND ? open(v->device, O_PATH | O_DIRECTORY | O_CLOEXEC)
					: path_open_beneath(lock, "_data", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return err_sys(e, v->kind == CTR_VOLUME_BIND ? -errno : fd, "open the content of volume %s",
			       v->name);
	*ret_lock = take_fd(&lock);
	return fd;
}

struct export {
	int dir_fd, out_fd;
	struct tar_walk_opts o;
};

static int do_export(void *arg, struct err *e)
{
	const struct export *x = arg;
	struct tar_job *job = NULL;
	int r = tar_begin(x->out_fd, &x->o, &job, e), r2;

	if (r < 0)
		return r;
	r = tar_root(job, x->dir_fd, e);
	if (r == 0)
		r = tar_tree(job, x->dir_fd, "", e);
	r2 = tar_end(job, r == 0, r == 0 ? e : NULL);
	return r < 0 ? r : r2;
}

int ctr_volume_export(struct ctr_engine *eng, const struct ctr_volume *v, int out_fd, const char *tmp,
		      struct err *e)
{
	auto_root struct ctr_root ids = CTR_ROOT_INIT;
	auto_close int lock = FD_NONE, dir = open_data(eng, v, &lock, e);
	const struct idmap *map = NULL;
	struct export x = { .dir_fd = dir, .out_fd = out_fd };
	const struct root_work w = { .root = &ids, .run = do_export, .arg = &x, .tmp = tmp };
	int r = dir < 0 ? dir : ctr_root_open_ids(eng, &ids, e);

	if (r == 0)
		r = ctr_engine_idmap(eng, &map, e);
	if (r < 0)
		return r;
	x.o = (struct tar_walk_opts){ .squashed = map && idmap_is_single(map), .stop = &root_work_stop };
	return root_work(&w, e);
}

int ctr_volume_import(struct ctr_engine *eng, const struct ctr_volume *v, struct err *e)
{
	auto_root struct ctr_root ids = CTR_ROOT_INIT;
	auto_close int lock = FD_NONE, dir = open_data(eng, v, &lock, e);
	const char *const args[] = { "untar", "--overwrite", "--", "/", NULL };
	int r = dir < 0 ? dir : ctr_root_open_ids(eng, &ids, e);
	const struct ctr_transfer t = {
		.root = eng->store.root, .run = eng->store.run, .fds = { dir, root_user_fd(&ids) },
		.n_fds = root_user_fd(&ids) >= 0 ? 2 : 1,
	};

	if (r == 0)
		r = ctr_transfer_run(&t, args, NULL, e);
	return r < 0 ? err_wrap(e, r, "import into volume %s", v->name) : 0;
}
