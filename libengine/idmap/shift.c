/* Which directories a container with an id map of its own uses as its layers. */
#include "ctrlite/shift.h"

#include <errno.h>
#include <stdlib.h>

#include "ctrlite/transfer.h"
#include "fd.h"
#include "shift.h"

/* Does @r say of every id of @all what it is already? */
static bool is_identity(const struct idmap_range *r, uint32_t n, const struct idmap_range *all,
			uint32_t n_all)
{
	uint64_t ids = 0, want = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (r[i].container != r[i].host)
			return false;
		ids += r[i].count;
	}
	for (uint32_t i = 0; i < n_all; i++)
		want += all[i].count;
	return ids >= want;
}

/* 1 if there is something to translate, 0, or -errno. */
static int needs_shift(struct ctr_engine *eng, const struct idmap *inner, struct err *e)
{
	static const struct idmap_range all = { 0, 0, UINT32_MAX };
	const struct idmap *map;
	int r = ctr_engine_idmap(eng, &map, e);

	if (r < 0)
		return r;
	if (map && idmap_is_single(map))
		return 0; /* every file belongs to the one id that there is */
	return !is_identity(inner->uid, inner->n_uid, map ? map->uid : &all, map ? map->n_uid : 1) ||
	       !is_identity(inner->gid, inner->n_gid, map ? map->gid : &all, map ? map->n_gid : 1);
}

int ctr_idmap_shift_dirs(struct ctr_engine *eng, const struct strv *layers,
			 const struct idmap *inner, struct strv *ret_dirs, struct err *e)
{
	auto_strv struct strv dirs = STRV_INIT;
	auto_shift_id struct shift_id id = SHIFT_ID_INIT;
	int shift = needs_shift(eng, inner, e);
	int r = shift > 0 ? shift_id_init(&id, inner) : 0;

	if (shift < 0)
		return shift;
	for (size_t i = 0; r == 0 && i < layers->n; i++)
		r = shift ? strv_addf(&dirs, "%s/%s", layers->items[i], id.name) :
			    strv_add(&dirs, layers->items[i]);
	if (r < 0)
		return err_sys(e, r, "name the image's layers for the container's id map");
	*ret_dirs = dirs;
	dirs = (struct strv)STRV_INIT;
	return 0;
}

/* The keys of @layers that have no copy. */
static int find_missing(struct ctr_engine *eng, const struct strv *layers, const struct shift_id *id,
			struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < layers->n; i++) {
		int r = shift_check(&eng->store, layers->items[i], id);

		if (r == 0)
			r = strv_add(ret, layers->items[i]);
		if (r < 0)
			return err_sys(e, r, "look for layer %.12s", layers->items[i]);
	}
	return 0;
}

static int make(struct ctr_engine *eng, const struct strv *keys, const struct idmap *inner,
		struct err *e)
{
	const struct ctr_transfer t = { .root = eng->store.root, .run = eng->store.run };
	auto_free char *uid = malloc(IDMAP_MAX * 36), *gid = malloc(IDMAP_MAX * 36);
	auto_strv struct strv argv = STRV_INIT;
	int r;

	if (!uid || !gid)
		return err_sys(e, ENOMEM, "translate the owners of the image's layers");
	r = idmap_format(inner->uid, inner->n_uid, uid, IDMAP_MAX * 36);
	if (r == 0)
		r = idmap_format(inner->gid, inner->n_gid, gid, IDMAP_MAX * 36);
	if (r == 0)
		r = strv_add(&argv, "shift");
	if (r == 0)
		r = strv_addf(&argv, "--uidmap=%s", uid);
	if (r == 0)
		r = strv_addf(&argv, "--gidmap=%s", gid);
	for (size_t i = 0; r == 0 && i < keys->n; i++)
		r = strv_add(&argv, keys->items[i]);
	if (r < 0)
		return err_sys(e, r, "translate the owners of the image's layers");
	return ctr_transfer_run(&t, (const char *const *)strv_argv(&argv), NULL, e);
}

int ctr_idmap_shift_layers(struct ctr_engine *eng, const struct strv *layers,
			   const struct idmap *inner, struct strv *ret_dirs, struct err *e)
{
	auto_strv struct strv missing = STRV_INIT;
	auto_shift_id struct shift_id id = SHIFT_ID_INIT;
	int r = needs_shift(eng, inner, e);

	if (r > 0) {
		r = shift_id_init(&id, inner);
		r = r < 0 ? err_sys(e, r, "name the id map") :
			    find_missing(eng, layers, &id, &missing, e);
		if (r == 0 && missing.n)
			r = make(eng, &missing, inner, e);
		if (r < 0)
			return err_wrap(e, r, "translate the owners of the image's files");
	}
	return r < 0 ? r : ctr_idmap_shift_dirs(eng, layers, inner, ret_dirs, e);
}

int ctr_idmap_shift_dirs_of(struct ctr_engine *eng, const struct ctr_request *r,
			    struct strv *ret_dirs, struct err *e)
{
	auto_free struct idmap *m = calloc(1, sizeof(*m));
	int rc = m ? ctr_request_inner_map(r, m, e) : err_sys(e, ENOMEM, "read the id map");

	if (rc != 0)
		return rc < 0 ? rc : ctr_idmap_shift_dirs(eng, &r->layers, m, ret_dirs, e);
	for (size_t i = 0; rc == 0 && i < r->layers.n; i++)
		rc = strv_add(ret_dirs, r->layers.items[i]);
	return rc < 0 ? err_sys(e, rc, "list the container's layers") : 0;
}

/* Where a container is in the user namespace of another its map may not be in its own record: then
 * it uses any copy of its layers. */
static int add_used(struct ctr_engine *eng, const struct ctr_request *r, struct strv *used,
		    struct err *e)
{
	bool other = r->userns && (str_starts(r->userns, "container:") || str_starts(r->userns, "ns:"));
	auto_strv struct strv dirs = STRV_INIT;
	int rc = 0;

	if (!other && !r->inner_uidmap)
		return 0;
	if (!other)
		rc = ctr_idmap_shift_dirs_of(eng, r, &dirs, e);
	for (size_t i = 0; rc == 0 && i < r->layers.n; i++)
		if (strv_add(used, other ? r->layers.items[i] : dirs.items[i]) < 0)
			rc = err_sys(e, ENOMEM, "list the layers that containers use");
	return rc;
}

int ctr_idmap_shift_collect(struct ctr_engine *eng, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT, used = STRV_INIT;
	const struct idmap *map = NULL;
	int r = ctr_container_ids(eng, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		struct ctr_request req = CTR_REQUEST_INIT;

		r = ctr_container_load(eng, ids.items[i], &req, e);
		if (r == 0)
			r = add_used(eng, &req, &used, e);
		else if (r == -ENOENT)
			r = 0; /* removed meanwhile */
		ctr_request_done(&req);
	}
	if (r == 0)
		r = ctr_engine_idmap(eng, &map, e);
	return r < 0 ? r : shift_collect(&eng->store, &used, map, e);
}
