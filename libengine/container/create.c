/* Making containers and taking them away: the store's side of their life. */
#include "container-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctrlite/event.h"
#include "ctrlite/idmap.h"
#include "ctrlite/volume.h"
#include "depends.h"
#include "file.h"
#include "layer.h"
#include "names.h"
#include "namespaces.h"
#include "oci.h"
#include "path.h"

#define NAME_TRIES 32

int write_file_at(int dir_fd, const char *name, const void *data, size_t len, mode_t mode)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				   mode);

	return fd < 0 ? -errno : fd_write_all(fd, data, len);
}

/* 64 hex digits of which the first twelve are not all decimal: a short id never looks a number. */
int container_new_id(char **ret, struct err *e)
{
	char id[65];
	int rc;

	do
		rc = str_random_hex(32, id);
	while (rc == 0 && strspn(id, "0123456789") >= 12);
	if (rc < 0)
		return err_sys(e, rc, "make an ID");
	*ret = strdup(id);
	return *ret ? 0 : err_sys(e, ENOMEM, "make an ID");
}

/* Volumes without a name, as `-v /dest` and an image's VOLUME make them: 64 hex digits.  Only the
 * record says so at first: what dies before the record is there leaves no volume behind. */
int container_name_volumes(struct ctr_request *r, struct err *e)
{
	struct spec_mounts m = SPEC_MOUNTS_INIT;
	int rc = request_mounts(r, &m, e);

	for (size_t i = 0; rc == 0 && i < m.n + r->image_volumes.n; i++) {
		const char *dest = i < m.n ? m.items[i].dest : r->image_volumes.items[i - m.n];
		char name[65];

		if (i < m.n ? m.items[i].type != SPEC_MOUNT_VOLUME : spec_mounts_find(&m, dest) != NULL)
			continue;
		if (i < m.n && m.items[i].source) {
			if (!strv_has(&r->named_volumes, m.items[i].source) &&
			    strv_add(&r->named_volumes, m.items[i].source) < 0)
				rc = err_sys(e, ENOMEM, "name a volume");
			continue;
		}
		rc = str_random_hex(32, name);
		if (rc == 0)
			rc = strv_add(&r->anon_volumes, name);
		if (rc == 0)
			rc = strv_add(&r->anon_dests, dest);
		if (rc < 0)
			(void)err_sys(e, rc, "name a volume");
	}
	spec_mounts_done(&m);
	return rc;
}

/* Volumes without a name are made when the record is there, and found again at each start. */
int container_make_volumes(struct ctr_engine *eng, const struct ctr_request *r, struct err *e)
{
	for (size_t i = 0; i < r->anon_volumes.n; i++) {
		auto_close int held = ctr_volume_hold(eng, r->anon_volumes.items[i], true, true, false, e);

		if (held < 0)
			return held;
	}
	for (size_t i = 0; i < r->named_volumes.n; i++) {
		auto_close int held = ctr_volume_hold(eng, r->named_volumes.items[i], false, true, true, e);

		if (held < 0)
			return held;
	}
	return 0;
}

/* Those with a name are there before the record, and held: nobody removes one in between. */
static int hold_volumes(struct ctr_engine *eng, const struct ctr_request *r, int *fds, struct err *e)
{
	for (size_t i = 0; i < r->named_volumes.n; i++) {
		fds[i] = ctr_volume_hold(eng, r->named_volumes.items[i], false, true, !r->rm, e);
		if (fds[i] < 0)
			return fds[i];
	}
	return 0;
}

/* Give upper/ the image's owner of "/": only inside of the user namespace has it a name. */
static int chown_root(struct ctr_engine *eng, int stage_fd, int diff_fd, struct err *e)
{
	const struct idmap *map;
	struct proc p = PROC_INIT;
	int status = 0, rc = ctr_engine_idmap(eng, &map, e);

	if (rc == 0 && map && !idmap_is_single(map)) {
		rc = userns_fork(map, 0, &p, e);
		if (rc == 0) {
			struct stat st;

			_exit(fstat(diff_fd, &st) == 0 &&
			      fchownat(stage_fd, "upper", st.st_uid, st.st_gid, 0) == 0 ? 0 : 1);
		}
		if (rc > 0)
			rc = proc_wait(&p, &status);
		proc_done(&p);
		if (rc == 0 && status)
			rc = err_set(e, ERR_OS, "set the owner of the root directory");
	}
	return rc;
}

/* The upper directory's owner and mode are those that the container sees at "/". */
static int make_upper(struct ctr_engine *eng, struct stage *st, const struct ctr_request *r,
		      struct err *e)
{
	auto_close int diff = FD_NONE;
	char path[80];
	struct stat root;
	int rc = 0;

	if (mkdirat(st->fd, "upper", 0755) < 0)
		return err_sys(e, errno, "make upper/");
	if (r->rootfs_overlay && stat(r->rootfs, &root) == 0 &&
	    fchmodat(st->fd, "upper", root.st_mode & 07777, 0) < 0)
		return err_sys(e, errno, "set the mode of the root directory");
	if (!r->layers.n)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/diff",
		       r->layers.items[r->root_layer < r->layers.n ? r->root_layer : 0]);
	diff = path_open_beneath(eng->store.layers_fd, path, O_RDONLY | O_DIRECTORY);
	if (diff == -EACCES) /* the image's "/" is closed to others: look at it without reading */
		diff = path_open_beneath(eng->store.layers_fd, path, O_PATH | O_DIRECTORY);
	if (diff < 0 || fstat(diff, &root) < 0)
		return err_sys(e, diff < 0 ? diff : -errno, "look at the image's root directory");
	if (!eng->rootless && fchownat(st->fd, "upper", root.st_uid, root.st_gid, 0) < 0)
		rc = err_sys(e, errno, "set the owner of the root directory");
	if (rc == 0 && fchmodat(st->fd, "upper", root.st_mode & 07777, 0) < 0)
		rc = err_sys(e, errno, "set the mode of the root directory");
	if (rc == 0 && eng->rootless && (root.st_uid != geteuid() || root.st_gid != getegid()))
		rc = chown_root(eng, st->fd, diff, e);
	return rc;
}

static int fill_stage(struct ctr_engine *eng, struct stage *st, const struct ctr_request *r,
		      struct err *e)
{
	int rc = make_upper(eng, st, r, e);

	if (rc < 0)
		return rc;
	if (mkdirat(st->fd, "work", 0700) < 0 || mkdirat(st->fd, "rootfs", 0700) < 0)
		return err_sys(e, errno, "make work/ and rootfs/");
	rc = container_copy_secrets(eng, st->fd, r, e);
	return rc < 0 ? rc : request_write(st->fd, r, e);
}

/* Claim the name asked for, or the first free one of some random ones. */
static int claim_name(struct ctr_engine *eng, struct ctr_request *r, const struct stage *st,
		      struct err *e)
{
	char holder[65] = "";
	int rc;

	if (r->name) {
		rc = store_name_claim(&eng->store, r->name, r->id, st, holder, e);
		if (rc == -EEXIST)
			return err_set(e, ERR_EXISTS, "the container name \"%s\" is already in use by %s. "
				       "You have to remove that container to be able to reuse that name: "
				       "that name is already in use, or use --replace to instruct "
				       "ctr-lite to do so.", r->name, holder);
		return rc;
	}
	for (unsigned int i = 0; i < NAME_TRIES; i++) {
		r->name = container_random_name(i);
		if (!r->name)
			return err_sys(e, ENOMEM, "make up a name");
		rc = store_name_claim(&eng->store, r->name, r->id, st, holder, e);
		if (rc != -EEXIST)
			return rc;
		free(take_ptr(&r->name));
	}
	return err_set(e, ERR_BUSY, "no free name was found: give one with --name");
}

static int hold_layers(struct ctr_engine *eng, const struct ctr_request *r, const struct strv *keys, int *fds,
		       struct err *e)
{
	for (size_t i = 0; i < keys->n; i++) {
		fds[i] = layer_hold(&eng->store, keys->items[i], e);
		if (fds[i] < 0)
			return err_wrap(e, fds[i], "image %s", r->image);
	}
	return 0;
}

/* Not syncfs(): whatever else was just written, a pull say, is not waited for. */
static int sync_record(int stage_fd, struct err *e)
{
	auto_close int fd = openat(stage_fd, "container.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0 || fsync(stage_fd) < 0)
		return err_sys(e, errno, "sync the container's record");
	return 0;
}

int ctr_container_create(struct ctr_engine *eng, struct ctr_request *r, struct err *e)
{
	struct stage st = STAGE_INIT;
	auto_free int *layer_fds = NULL, *volume_fds = NULL;
	auto_strv struct strv layers = STRV_INIT;
	auto_close int ids_lock = FD_NONE; /* until the record is there */
	bool named = r->name != NULL, claimed = false, committed = false;
	struct timespec now;
	int rc;

	if (ctr_request_layers(r, &layers) == 0)
		layer_fds = calloc(layers.n + 1, sizeof(int));
	if (!layer_fds)
		return err_sys(e, ENOMEM, "create a container");
	for (size_t i = 0; i < layers.n; i++)
		layer_fds[i] = FD_NONE;
	rc = r->id ? 0 : container_new_id(&r->id, e);
	rc = rc < 0 ? rc : request_runtime(eng, r, e);
	if (rc == 0)
		rc = request_namespaces(eng, r, &ids_lock, e);
	if (rc == 0)
		rc = container_resolve_requires(eng, r, e);
	if (rc == 0)
		rc = container_mark_dependent(eng, r, e);
	if (rc < 0)
		return rc;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	r->created_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;

	/* From here until the rename the layers cannot be collected. */
	rc = hold_layers(eng, r, &layers, layer_fds, e);
	if (rc == 0)
		rc = store_stage_new(&eng->store, &st, e);
	if (rc == 0)
		rc = claim_name(eng, r, &st, e);
	claimed = rc == 0;
	if (rc == 0)
		rc = container_name_volumes(r, e);
	if (rc == 0 && r->named_volumes.n) {
		volume_fds = malloc(r->named_volumes.n * sizeof(int));
		for (size_t i = 0; volume_fds && i < r->named_volumes.n; i++)
			volume_fds[i] = FD_NONE;
		rc = volume_fds ? hold_volumes(eng, r, volume_fds, e)
				: err_sys(e, ENOMEM, "create a container");
	}
	if (rc == 0)
		rc = fill_stage(eng, &st, r, e);
	/* Without --rm the record must outlive a power cut. */
	if (rc == 0 && !r->rm)
		rc = sync_record(st.fd, e);
	if (rc == 0)
		rc = store_stage_commit(&eng->store, &st, eng->store.containers_fd, r->id, e);
	committed = rc == 0;
	if (rc == 0 && !r->rm && fsync(eng->store.containers_fd) < 0)
		rc = err_sys(e, errno, "sync the list of containers");
	if (rc == 0)
		rc = container_make_volumes(eng, r, e);
	if (rc == 0)
		ctr_event_of(eng, r, "create");
	for (size_t i = 0; i < layers.n; i++)
		(void)fd_close(layer_fds[i]);
	for (size_t i = 0; volume_fds && i < r->named_volumes.n; i++)
		(void)fd_close(volume_fds[i]);
	if (rc < 0 && committed) {
		(void)ctr_container_remove(eng, r->id, false, true, 0, NULL); /* the first error counts */
	} else if (rc < 0) {
		if (claimed)
			store_name_release(&eng->store, r->name, r->id);
		if (st.fd >= 0)
			(void)store_stage_drop(&eng->store, &st, NULL, NULL); /* holds files of ours only */
		if (!named)
			free(take_ptr(&r->name));
	}
	return rc;
}

/* Drop the stage; a map is needed only when files of mapped ids are in it. */
static int drop_stage(struct ctr_engine *eng, struct stage *st, struct err *e)
{
	const struct idmap *map = NULL;
	int rc = ctr_engine_idmap(eng, &map, e);

	return rc < 0 ? rc : store_stage_drop(&eng->store, st, map, e);
}

/* Those that another container has by --volumes-from stay. */
static int remove_volumes(struct ctr_engine *eng, const struct ctr_request *r, struct err *e)
{
	for (size_t i = 0; i < r->anon_volumes.n; i++) {
		struct err why = ERR_INIT;
		int rc = ctr_volume_remove(eng, r->anon_volumes.items[i], false, 0, &why);

		if (rc < 0 && rc != -ENOENT && why.kind != ERR_BUSY) {
			if (e)
				*e = why;
			return rc;
		}
	}
	return 0;
}

int ctr_container_remove(struct ctr_engine *eng, const char *id, bool force, bool volumes,
			 int64_t timeout_s, struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	struct stage st = STAGE_INIT;
	struct ctr_status status;
	int held, rc;

	rc = ctr_container_settle(eng, id, e);
	if (rc == 0)
		rc = ctr_container_load(eng, id, &req, e);
	if (rc < 0)
		return rc;
	rc = ctr_container_status(eng, id, &status, e);
	if (rc < 0)
		goto out;
	rc = container_refuse_dependents(eng, id, e);
	if (rc < 0)
		goto out;
	if (status.state == CTR_EXITED) /* its monitor may still be cleaning up */
		container_wait_released(eng, id);
	held = container_is_held(eng, id);
	if (held == 1 && !force) {
		rc = err_set(e, ERR_BUSY, "cannot remove container %s as it is %s - running or "
			     "paused containers cannot be removed without force: container state "
			     "improper", id, status.paused ? "paused" : "running");
		goto out;
	}
	if (held == 1) {
		const struct ctr_stop_opts o = {
			.signal = req.stop_signal,
			.timeout_s = status.paused ? 0 : timeout_s, /* frozen it hears SIGKILL only */
		};
		bool killed;

		rc = container_end(eng, id, &o, &killed, e);
		/* With --rm its monitor removes it: that is success. */
		if (rc == -ENOENT || req.rm) {
			rc = rc == -ENOENT ? 0 : rc;
			if (req.rm)
				goto out;
		}
		if (rc < 0)
			goto out;
	}
	container_drop_mounts(eng, id);
	rc = store_stage_take(&eng->store, eng->store.containers_fd, id, &st, e);
	if (rc < 0)
		goto out;
	store_name_release(&eng->store, req.name, id);
	container_unmark_dependent(eng, &req);
	if (req.cidfile)
		(void)unlink(req.cidfile); /* it may have been removed by hand */
	/* The stage goes last: as long as it is there, what we leave when killed is found. */
	rc = path_remove_tree(eng->store.run_containers_fd, id);
	if (rc < 0)
		(void)err_sys(e, rc, "remove the run directory of container %.12s", id);
	if (rc == 0)
		rc = drop_stage(eng, &st, e);
	if (rc == 0)
		ctr_event_of(eng, &req, "remove");
	if (rc == 0 && volumes)
		rc = remove_volumes(eng, &req, e);
out:
	ctr_request_done(&req);
	return rc;
}
