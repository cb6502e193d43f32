/* The container's inner map (ctrlite/inner-map.h): from its options, and from what others have. */
#include "userns-map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/idmap.h"
#include "ctrlite/inner-map.h"
#include "file.h"
#include "merged.h"
#include "namespaces.h"
#include "path.h"
#include "user.h"

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "choose the container's ids");
}

static int set_text(char **to, char *text, struct err *e)
{
	free(*to);
	*to = text;
	return text ? 0 : nomem(e);
}

/* The kernel lets only who has rights over these namespaces mount what belongs to them. */
static int check_own_map(const struct ctr_request *r, struct err *e)
{
	const struct {
		const char *option, *mode;
	} modes[] = { { "pid", r->pid_mode }, { "ipc", r->ipc_mode }, { "cgroupns", r->cgroupns_mode } };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (ns_is_joined(modes[i].mode))
			return err_set(e, ERR_UNSUPPORTED, "--%s=%s needs the user namespace of that "
				       "container: give --userns=%s instead of an id map of its own",
				       modes[i].option, modes[i].mode, modes[i].mode);
	return 0;
}

static int store_map(struct ctr_request *r, const struct idmap *inner, struct err *e)
{
	char uid[IDMAP_MAX * 36], gid[IDMAP_MAX * 36];

	if (idmap_format(inner->uid, inner->n_uid, uid, sizeof(uid)) < 0 ||
	    idmap_format(inner->gid, inner->n_gid, gid, sizeof(gid)) < 0)
		return err_set(e, ERR_LIMIT, "the container's id map is too long");
	r->inner_uidmap = strdup(uid);
	r->inner_gidmap = strdup(gid);
	return r->inner_uidmap && r->inner_gidmap ? 0 : nomem(e);
}

/* The calling user is who the container runs as, unless something else was said. */
static int keep_user(struct ctr_request *r, const struct ctr_userns *u, struct err *e)
{
	uint32_t uid = u->has_uid ? u->uid : geteuid(), gid = u->has_gid ? u->gid : getegid();

	r->current_user = !u->has_uid;
	if (r->user && r->user[0])
		return strv_addf(&r->group_add, "%u", gid) < 0 ? nomem(e) : 0;
	return set_text(&r->user, str_printf("%u:%u", uid, gid), e);
}

/* --subuidname, --subgidname: the container's ids are all ids of that name. */
static int from_names(struct ctr_engine *eng, const struct ctr_request *r, const struct idmap *def,
		      struct idmap *ret, struct err *e)
{
	const char *user = r->subuidname ? r->subuidname : r->subgidname;
	const char *group = r->subgidname ? r->subgidname : r->subuidname;
	auto_free struct idmap *ids = calloc(1, sizeof(*ids));
	int rc;

	if (!ids)
		return nomem(e);
	rc = ctr_idmap_of_names(user, group, ids, e);
	if (rc < 0)
		return rc;
	(void)eng;
	rc = ctr_inner_from_host(ids, def, ret, e);
	return rc == -EPERM ? err_set(e, ERR_DENIED, "this user may not use the subordinate ids of %s: "
				      "newuidmap lets everybody use those of his own name", user)
			    : rc;
}

/* Ids for --userns=auto: of an ordinary user his own, of root those of the user "containers". */
static int auto_room(const struct idmap *def, struct idmap *ret, struct err *e)
{
	uint32_t uids, gids;

	if (!def)
		return ctr_idmap_of_names("containers", "containers", ret, e);
	uids = ctr_inner_ids(def->uid, def->n_uid);
	gids = ctr_inner_ids(def->gid, def->n_gid);
	ret->uid[0] = (struct idmap_range){ 0, 1, uids < gids ? uids : gids };
	ret->n_uid = ret->uid[0].count > 0;
	return 0;
}

/* What other containers with --userns=auto have; the caller holds the lock. */
static int auto_used(struct ctr_engine *eng, struct idmap_range **ret, size_t *ret_n, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	auto_free struct idmap_range *used = NULL;
	size_t n = 0, cap = 0;
	int rc = ctr_container_ids(eng, &ids, e);

	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		struct ctr_request other = CTR_REQUEST_INIT;
		struct idmap_range map[IDMAP_MAX];
		uint32_t n_map = 0;

		rc = ctr_container_load(eng, ids.items[i], &other, e);
		if (rc == -ENOENT) { /* removed meanwhile */
			rc = 0;
			continue;
		}
		if (rc == 0 && other.userns && str_starts(other.userns, "auto") && other.inner_uidmap &&
		    idmap_parse(other.inner_uidmap, map, &n_map) < 0)
			rc = err_set(e, ERR_CORRUPT, "container %s: bad id map", other.id);
		for (uint32_t k = 0; rc == 0 && k < n_map; k++) {
			if (n == cap) {
				struct idmap_range *more = reallocarray(used, cap ? 2 * cap : 16,
									sizeof(*used));

				if (!more) {
					rc = nomem(e);
					break;
				}
				used = more;
				cap = cap ? 2 * cap : 16;
			}
			used[n++] = map[k];
		}
		ctr_request_done(&other);
	}
	if (rc < 0)
		return rc;
	*ret = take_ptr(&used);
	*ret_n = n;
	return 0;
}

/* How many ids the image needs: its accounts and its user decide. */
static int auto_size(struct ctr_engine *eng, const struct ctr_request *r, uint32_t *ret, struct err *e)
{
	static const char *const files[] = { "/etc/passwd", "/etc/group" };
	auto_strv struct strv dirs = STRV_INIT;
	auto_merged struct merged m = MERGED_INIT;
	struct spec_user user = SPEC_USER_INIT;
	uint32_t size = CTR_AUTO_SIZE_MIN;
	int rc;

	for (size_t i = r->layers.n; i-- > 0;)
		if (strv_addf(&dirs, "%s/layers/%s/diff", eng->store.root, r->layers.items[i]) < 0)
			return nomem(e);
	if (merged_init(&m, (const char *const *)dirs.items, dirs.n) < 0)
		return nomem(e);
	for (size_t i = 0; i < 2; i++) {
		auto_free char *text = NULL;
		uint32_t most = 0;
		size_t len;

		if (merged_read(&m, files[i], SPEC_USER_FILE_MAX_BYTES, &text, &len) < 0)
			continue;
		most = spec_user_highest_id(text, len);
		if (most >= size)
			size = most + 1;
	}
	rc = spec_user_resolve(&m, r->user ? r->user : "", NULL, &user, e);
	if (rc == 0 && user.uid >= size)
		size = user.uid + 1;
	if (rc == 0 && user.gid >= size)
		size = user.gid + 1;
	spec_user_done(&user);
	if (rc == 0 && size > CTR_AUTO_SIZE_MAX)
		rc = err_set(e, ERR_LIMIT, "the container needs a user namespace with size %u that is "
			     "bigger than the maximum value allowed with userns=auto %u", size,
			     CTR_AUTO_SIZE_MAX);
	*ret = size;
	return rc;
}

static int choose_auto(struct ctr_engine *eng, const struct ctr_request *r, const struct ctr_userns *u,
		       const struct idmap *def, struct idmap *ret, int *ret_lock, struct err *e)
{
	auto_close int lock = FD_NONE;
	auto_free struct idmap *room = calloc(1, sizeof(*room));
	auto_free struct idmap_range *used = NULL;
	uint32_t size = 0;
	size_t n_used = 0;
	int rc;

	if (!room)
		return nomem(e);
	/* The list of containers is what the choice depends on. */
	if (ret_lock) {
		lock = path_open_beneath(eng->store.root_fd, "containers", O_RDONLY | O_DIRECTORY);
		if (lock < 0)
			return err_sys(e, lock, "open %s/containers", eng->store.root);
	}
	rc = u->has_size ? 0 : auto_size(eng, r, &size, e);
	if (rc == 0)
		rc = auto_room(def, room, e);
	if (rc == 0 && ret_lock) {
		rc = file_lock(lock, true, true);
		if (rc < 0)
			(void)err_sys(e, rc, "lock the choice of ids");
	}
	if (rc == 0)
		rc = auto_used(eng, &used, &n_used, e);
	if (rc == 0)
		rc = ctr_inner_auto(u, size, room, used, n_used, def, ret, e);
	if (rc == 0 && ret_lock)
		*ret_lock = take_fd(&lock);
	return rc;
}

static int choose_map(struct ctr_engine *eng, struct ctr_request *r, struct ctr_userns *u,
		      int *ret_lock, struct err *e)
{
	auto_free struct idmap *inner = calloc(1, sizeof(*inner));
	const struct idmap *def;
	int rc = ctr_engine_idmap(eng, &def, e);

	if (!inner)
		return nomem(e);
	if (rc < 0)
		return rc;
	switch (u->mode) {
	case CTR_USERNS_PRIVATE:
		if (r->subuidname || r->subgidname)
			rc = from_names(eng, r, def, inner, e);
		else if (r->uidmaps.n || r->gidmaps.n)
			rc = ctr_inner_parse(&r->uidmaps, &r->gidmaps, def, inner, e);
		else
			rc = err_set(e, ERR_INVALID, "must provide at least one UID or GID mapping to "
				     "configure a user namespace");
		break;
	case CTR_USERNS_KEEP_ID:
		rc = ctr_inner_keep_id(def, geteuid(), getegid(), u, inner, e);
		if (rc == 0)
			rc = keep_user(r, u, e);
		break;
	case CTR_USERNS_NOMAP:
		rc = ctr_inner_nomap(def, inner, e);
		break;
	case CTR_USERNS_AUTO:
		rc = choose_auto(eng, r, u, def, inner, ret_lock, e);
		break;
	case CTR_USERNS_DEFAULT:
	case CTR_USERNS_CONTAINER:
	case CTR_USERNS_PATH:
	case CTR_USERNS_MODE_COUNT_:
		return 0;
	}
	if (rc == 0)
		rc = check_own_map(r, e);
	if (rc == 0)
		rc = ctr_inner_split(inner, def, e);
	return rc < 0 ? rc : store_map(r, inner, e);
}

int request_id_map(struct ctr_engine *eng, struct ctr_request *r, int *ret_lock, struct err *e)
{
	bool maps = r->uidmaps.n || r->gidmaps.n || r->subuidname || r->subgidname;
	struct ctr_userns u = CTR_USERNS_INIT;
	int rc = r->userns ? ctr_userns_parse(&u, r->userns, e) : 0;

	if (rc == 0 && maps && u.mode != CTR_USERNS_PRIVATE && u.mode != CTR_USERNS_DEFAULT)
		rc = err_set(e, ERR_INVALID, "--userns and --uidmap/--gidmap/--subuidname/--subgidname are "
			     "mutually exclusive");
	if (rc == 0 && maps && !r->userns) {
		u.mode = CTR_USERNS_PRIVATE;
		rc = set_text(&r->userns, strdup("private"), e);
	}
	if (rc == 0)
		rc = choose_map(eng, r, &u, ret_lock, e);
	ctr_userns_done(&u);
	return rc;
}
