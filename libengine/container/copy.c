/* `cp`: which file goes where, see ctrlite/copy.h. */
#include "ctrlite/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "copy-tar.h"
#include "ctrlite/transfer.h"
#include "merged.h"
#include "root-work.h"
#include "user.h"

/* One copying, in the process that does it. */
struct copying {
	const struct ctr_copy_end *from, *to;
	const struct ctr_copy_opts *o;
	const struct ctr_root *from_root, *to_root; /* NULL: the host */
	struct copy_progress *progress;
	uint32_t uid, gid; /* the new owner where there is one for all */
	int out_fd;
};

static int root_fd_of(const struct ctr_root *root)
{
	return root ? root->fd : FD_NONE;
}

static int not_there(const struct ctr_copy_end *end, int r, struct err *e)
{
	auto_free char *q = str_quote(end->path);
	const char *path = q ? q : "?";

	if (end->id)
		return err_sys(e, r, "%s could not be found on container %s", path, end->name);
	return err_sys(e, r, "%s could not be found on the host", path);
}

static int find_source(const struct copying *c, struct place *ret, struct err *e)
{
	int r = place_find(root_fd_of(c->from_root), c->from->path, ret);

	if (r == 0 && !ret->exists)
		r = -ENOENT;
	return r < 0 ? not_there(c->from, r, e) : 0;
}

static int find_target(const struct copying *c, struct place *ret, struct err *e)
{
	int r = place_find(root_fd_of(c->to_root), c->to->path, ret);

	if (r == 0 && !ret->exists && (ret->slash || ret->dot))
		r = -ENOENT;
	if (r < 0)
		return not_there(c->to, r, e);
	if (!c->to->id && ret->exists && !S_ISDIR(ret->st.st_mode) && !S_ISREG(ret->st.st_mode))
		return err_set(e, ERR_INVALID,
			       "invalid destination: \"%s\" must be a directory or a "
			       "regular file",
			       c->to->path);
	return 0;
}

/* The host's user: who we are to the files that we make there. */
static bool owner_is_ours(const struct copy_job *j, const struct stat *st, uint32_t *ret_uid,
			  uint32_t *ret_gid)
{
	(void)j;
	(void)st;
	(void)ret_uid;
	(void)ret_gid;
	return false;
}

static bool owner_is_one(const struct copy_job *j, const struct stat *st, uint32_t *ret_uid,
			 uint32_t *ret_gid)
{
	const struct copying *c = j->owner_arg;

	(void)st;
	*ret_uid = c->uid;
	*ret_gid = c->gid;
	return true;
}

/* The same number in the container; root where it has no such. */
static bool owner_is_kept(const struct copy_job *j, const struct stat *st, uint32_t *ret_uid,
			  uint32_t *ret_gid)
{
	const struct copying *c = j->owner_arg;
	const struct idmap *from = c->from_root ? c->from_root->inner : NULL;
	uint32_t uid = st->st_uid, gid = st->st_gid;

	if (from && (!idmap_to_container(from->uid, from->n_uid, uid, &uid) ||
		     !idmap_to_container(from->gid, from->n_gid, gid, &gid)))
		uid = gid = 0;
	if (!root_uid_in(c->to_root, uid, ret_uid) || !root_gid_in(c->to_root, gid, ret_gid))
		return root_uid_in(c->to_root, 0, ret_uid) && root_gid_in(c->to_root, 0, ret_gid);
	return true;
}

/* The container's user, in the ids that we see. */
static int find_owner(const struct ctr_root *root, uint32_t *ret_uid, uint32_t *ret_gid,
		      struct err *e)
{
	struct spec_user u = SPEC_USER_INIT;
	struct merged m = MERGED_INIT;
	int r;

	merged_init_root(&m, root->fd);
	r = spec_user_resolve(&m, root->req.user ? root->req.user : "", NULL, &u, e);
	if (r == 0 && (!root_uid_in(root, u.uid, ret_uid) || !root_gid_in(root, u.gid, ret_gid)))
		r = err_set(e, ERR_INVALID, "the container's user %u:%u is not in its id map",
			    u.uid, u.gid);
	merged_done(&m);
	spec_user_done(&u);
	return r < 0 ? err_wrap(e, r, "find the container's user") : 0;
}

static int copy_place(struct copying *c, const struct place *src, const struct place *dst,
		      struct err *e)
{
	struct copy_job j = {
		.owner = !c->to->id	 ? owner_is_ours
			 : c->o->archive ? owner_is_one
					 : owner_is_kept,
		.owner_arg = c,
		.overwrite = c->o->overwrite,
		.to_host = !c->to->id,
		.progress = c->progress,
		.stop = &root_work_stop,
	};
	bool src_dir = S_ISDIR(src->st.st_mode);
	bool nameless = streq(src->base, ".");
	auto_close int dir = FD_NONE;
	int r = 0;

	if (dst->exists && S_ISDIR(dst->st.st_mode)) {
		dir = place_open_dir(dst);
		if (dir < 0)
			return err_sys(e, dir, "open %s", c->to->path);
		return copy_files(&j, src, dir, src->base, src_dir && nameless, e);
	}
	if (src_dir && dst->exists)
		return err_set(e, ERR_INVALID,
			       "destination must be a directory when copying a directory");
	dir = openat(dst->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? err_sys(e, errno, "open the directory of %s", c->to->path)
		    : copy_files(&j, src, dir, dst->base, false, e);
	return r;
}

static int do_copy(void *arg, struct err *e)
{
	struct copying *c = arg;
	struct place src = PLACE_INIT, dst = PLACE_INIT;
	int r = find_source(c, &src, e);

	if (r == 0)
		r = find_target(c, &dst, e);
	if (r == 0 && c->to->id && c->o->archive)
		r = find_owner(c->to_root, &c->uid, &c->gid, e);
	if (r == 0)
		r = copy_place(c, &src, &dst, e);
	place_done(&src);
	place_done(&dst);
	return r;
}

static int work(struct copying *c, const struct ctr_root *root, int (*run)(void *, struct err *),
		struct err *e)
{
	struct root_work w = {
		.root = root, .run = run, .arg = c, .tick = c->o->tick, .tick_arg = c->o->tick_arg
	};
	int r;

	c->progress = w.progress = root_shared(sizeof(*w.progress));
	r = root_work(&w, e);
	root_unshare(w.progress, sizeof(*w.progress));
	return r;
}

int ctr_copy(struct ctr_engine *eng, const struct ctr_copy_end *from, const struct ctr_copy_end *to,
	     const struct ctr_copy_opts *o, struct err *e)
{
	auto_root struct ctr_root first = CTR_ROOT_INIT, second = CTR_ROOT_INIT;
	struct copying c = { .from = from, .to = to, .o = o };
	bool both = from->id && to->id && !streq(from->id, to->id), swap;
	const char *id = from->id ? from->id : to->id;
	int r;

	/* Two that take a lock take it in the order of their IDs, as everybody does. */
	swap = both && strcmp(from->id, to->id) > 0;
	r = ctr_root_open(eng, swap ? to->id : id, ROOT_WITH_MOUNTS, &first, e);
	if (r == 0 && both)
		r = ctr_root_open(eng, swap ? from->id : to->id, ROOT_WITH_MOUNTS, &second, e);
	if (r < 0)
		return r;
	c.from_root = !from->id ? NULL : both && swap ? &second : &first;
	c.to_root = !to->id ? NULL : both && !swap ? &second : &first;
	return work(&c, c.to_root ? c.to_root : c.from_root, do_copy, e);
}

static int do_out(void *arg, struct err *e)
{
	struct copying *c = arg;
	struct place src = PLACE_INIT;
	int r = find_source(c, &src, e);

	if (r == 0) {
		const struct tar_walk_opts o = { .inner = c->from_root->inner,
						 .progress = c->progress,
						 .stop = &root_work_stop };

		r = tar_place(&src, c->out_fd, &o, e);
	}
	place_done(&src);
	return r;
}

int ctr_copy_out(struct ctr_engine *eng, const struct ctr_copy_end *from, int out_fd,
		 const struct ctr_copy_opts *o, struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	struct copying c = { .from = from, .o = o, .from_root = &root, .out_fd = out_fd };
	int r = ctr_root_open(eng, from->id, ROOT_WITH_MOUNTS, &root, e);

	return r < 0 ? r : work(&c, &root, do_out, e);
}

/* What the unpacking must know, found out by a process to which the names mean something. */
struct landing {
	uint32_t uid, gid;
};

struct landing_search {
	struct copying c;
	struct landing *found;
};

static int find_landing(void *arg, struct err *e)
{
	struct landing_search *s = arg;
	struct place dst = PLACE_INIT;
	int r = place_find(s->c.to_root->fd, s->c.to->path, &dst);

	if (r < 0 || !dst.exists || !S_ISDIR(dst.st.st_mode)) {
		if (r < 0 && r != -ENOENT && r != -ENOTDIR)
			return not_there(s->c.to, r, e);
		return err_set(e, ERR_INVALID,
			       "destination must be a directory when copying from stdin");
	}
	place_done(&dst);
	if (!s->c.o->archive)
		return 0;
	return find_owner(s->c.to_root, &s->found->uid, &s->found->gid, e);
}

static int run_untar(struct ctr_engine *eng, const struct ctr_root *root, const char *path,
		     const struct landing *l, const struct ctr_copy_opts *o, struct err *e)
{
	const struct ctr_transfer t = { .root = eng->store.root,
					.run = eng->store.run,
					.fds = { root->fd, root_user_fd(root) },
					.n_fds = root_user_fd(root) >= 0 ? 2 : 1 };
	auto_free char *owner = str_printf("--owner=%u:%u", l->uid, l->gid), *uids = NULL,
		       *gids = NULL;
	char map[IDMAP_MAX * 36];
	const char *args[8] = { "untar" };
	size_t n = 1;

	if (!owner)
		return err_sys(e, ENOMEM, "copy");
	if (o->archive) {
		args[n++] = owner;
	} else if (root->inner) {
		if (idmap_format(root->inner->uid, root->inner->n_uid, map, sizeof(map)) == 0)
			uids = str_printf("--uidmap=%s", map);
		if (idmap_format(root->inner->gid, root->inner->n_gid, map, sizeof(map)) == 0)
			gids = str_printf("--gidmap=%s", map);
		if (!uids || !gids)
			return err_sys(e, ENOMEM, "copy");
		args[n++] = uids;
		args[n++] = gids;
	}
	if (o->overwrite)
		args[n++] = "--overwrite";
	args[n++] = "--";
	args[n] = path;
	return ctr_transfer_run(&t, args, NULL, e);
}

int ctr_copy_in(struct ctr_engine *eng, const struct ctr_copy_end *to,
		const struct ctr_copy_opts *o, struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	struct landing_search s = { .c = { .to = to, .o = o, .to_root = &root } };
	struct landing l = { 0 };
	int r = ctr_root_open(eng, to->id, ROOT_WITH_MOUNTS, &root, e);

	if (r < 0)
		return r;
	s.found = root_shared(sizeof(*s.found));
	if (!s.found)
		return err_sys(e, ENOMEM, "copy");
	r = root_work(&(struct root_work){ .root = &root, .run = find_landing, .arg = &s }, e);
	l = *s.found;
	root_unshare(s.found, sizeof(*s.found));
	return r < 0 ? r : run_untar(eng, &root, to->path, &l, o, e);
}
