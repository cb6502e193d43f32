/*
 * A container's root from outside: of a running one through its first process, else mounted by a
 * process of ours in namespaces of its own, which the kernel takes down with it.
 */
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/shift.h"
#include "ctrlite/volume.h"
#include "file.h"
#include "mnt.h"
#include "msg.h"
#include "namespaces.h"
#include "ns.h"
#include "oci.h"
#include "path.h"

void ctr_root_close(struct ctr_root *r)
{
	r->fd = fd_close(r->fd);
	r->holder_sock = fd_close(r->holder_sock);
	if (r->holder.pid > 0)
		(void)proc_wait(&r->holder, NULL); /* it ends with the socket: only to reap */
	proc_done(&r->holder);
	proc_done(&r->init);
	r->user_fd = fd_close(r->user_fd);
	r->lock_fd = fd_close(r->lock_fd);
	free(take_ptr(&r->inner));
	ctr_request_done(&r->req);
}

bool root_uid_in(const struct ctr_root *r, uint32_t uid, uint32_t *ret)
{
	*ret = uid;
	return !r->inner || idmap_to_host(r->inner->uid, r->inner->n_uid, uid, ret);
}

bool root_gid_in(const struct ctr_root *r, uint32_t gid, uint32_t *ret)
{
	*ret = gid;
	return !r->inner || idmap_to_host(r->inner->gid, r->inner->n_gid, gid, ret);
}

/* In a fresh child: root of the user namespace @user_fd (FD_NONE: stay where we are). */
static int become_root_of(int user_fd)
{
	int r = 0;

	if (user_fd >= 0) {
		if (setns(user_fd, CLONE_NEWUSER) < 0)
			return -errno;
		r = userns_set_root_ids();
	}
	/* A change of ids clears both. */
	(void)prctl(PR_SET_DUMPABLE, 1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return r;
}

int root_fork(const struct ctr_root *root, struct proc *ret, struct err *e)
{
	pid_t parent = getpid();
	int r = proc_fork(ret);

	if (r < 0)
		return err_sys(e, r, "start a process");
	if (r == 0) {
		if (become_root_of(root->user_fd) < 0 || getppid() != parent)
			_exit(127);
		return 0;
	}
	return 1;
}

int root_dirs(struct ctr_engine *eng, const struct ctr_request *req, struct strv *ret,
	      struct err *e)
{
	auto_strv struct strv layers = STRV_INIT;
	struct idmap *inner = NULL;
	int r;

	if (req->rootfs && !req->rootfs_overlay)
		return err_set(e, ERR_UNSUPPORTED, "container %.12s works in the directory %s: its files are "
			       "there", req->id, req->rootfs);
	inner = calloc(1, sizeof(*inner));
	r = inner ? ctr_request_inner_map(req, inner, e)
		      : err_sys(e, ENOMEM, "find the layers");

	if (r > 0) {
		r = ctr_idmap_shift_layers(eng, &req->layers, inner, &layers, e);
	} else if (r == 0) {
		for (size_t i = 0; r == 0 && i < req->layers.n; i++)
			r = strv_add(&layers, req->layers.items[i]);
		if (r < 0)
			(void)err_sys(e, r, "find the layers");
	}
	free(inner);
	if (r < 0)
		return r;
	if (!req->rootfs || req->rootfs_overlay)
		r = strv_addf(ret, "%s/containers/%s/upper", eng->store.root, req->id);
	if (r == 0 && req->rootfs)
		r = strv_add(ret, req->rootfs);
	for (size_t i = layers.n; r == 0 && i-- > 0;)
		r = strv_addf(ret, "%s/layers/%s/diff", eng->store.root, layers.items[i]);
	if (r == 0 && req->rootfs)
		r = strv_add(ret, req->rootfs);
	return r < 0 ? err_sys(e, r, "find the layers") : 0;
}

void root_binds_done(struct root_binds *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->items[i].source);
		free(b->items[i].dest);
		free(b->items[i].subpath);
	}
	free(b->items);
	*b = (struct root_binds)ROOT_BINDS_INIT;
}

static int add_bind(struct root_binds *b, char *source_taken, const char *dest, bool read_only,
		    const struct spec_mount *m)
{
	struct root_bind *x = &b->items[b->n++];

	*x = (struct root_bind){ .source = source_taken,
				 .dest = strdup(dest),
				 .read_only = read_only };
	if (m && m->subpath && !(x->subpath = strdup(m->subpath)))
		return -ENOMEM;
	return x->source && x->dest ? 0 : -ENOMEM;
}

/* A volume that has a name: where its files are, if they are anywhere. */
static int add_named(struct ctr_engine *eng, struct root_binds *b, const struct spec_mount *m)
{
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;

	if (ctr_volume_read(eng, m->source, &v, NULL) < 0 || v.kind == CTR_VOLUME_TMPFS)
		return 0; /* it comes with the start */
	return add_bind(b, ctr_volume_mountpoint(eng, &v), m->dest, m->ro || m->overlay, m);
}

static int by_dest(const void *a, const void *b)
{
	const struct root_bind *x = a, *y = b;

	return strcmp(x->dest, y->dest);
}

int root_binds(struct ctr_engine *eng, const struct ctr_request *req, struct root_binds *ret,
	       struct err *e)
{
	auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
	int r = request_mounts(req, &m, e);

	if (r < 0)
		return r;
	ret->items = calloc(m.n + req->anon_dests.n + 1, sizeof(*ret->items));
	if (!ret->items)
		return err_sys(e, ENOMEM, "find the mounts");
	for (size_t i = 0; r == 0 && i < m.n; i++)
		if (m.items[i].type == SPEC_MOUNT_BIND)
			r = add_bind(ret, strdup(m.items[i].source), m.items[i].dest,
				     m.items[i].ro || m.items[i].overlay, &m.items[i]);
		else if (m.items[i].type == SPEC_MOUNT_VOLUME && m.items[i].source)
			r = add_named(eng, ret, &m.items[i]);
	for (size_t i = 0; r == 0 && i < req->anon_dests.n && i < req->anon_volumes.n; i++) {
		const struct spec_mount *v = spec_mounts_find(&m, req->anon_dests.items[i]);

		r = add_bind(ret,
			     str_printf("%s/volumes/%s/_data", eng->store.root,
					req->anon_volumes.items[i]),
			     req->anon_dests.items[i], v && (v->ro || v->overlay), v);
	}
	if (r < 0)
		return err_sys(e, r, "find the mounts");
	qsort(ret->items, ret->n, sizeof(*ret->items), by_dest);
	return 0;
}

/* What one process mounts for another. */
struct holder {
	struct strv dirs; /* topmost first, with the upper directory */
	char *work, *target;
	struct root_binds binds;
	bool ids_only;
};

static void holder_done(struct holder *h)
{
	strv_done(&h->dirs);
	free(h->work);
	free(h->target);
	root_binds_done(&h->binds);
}

/* The place for a bind: made where it is missing, as the start of the container would. */
static int bind_target(int root_fd, const char *dest, bool is_dir)
{
	int fd = path_open_in(root_fd, dest, O_PATH);

	if (fd != -ENOENT)
		return fd;
	if (is_dir)
		return path_mkdirs_in(root_fd, dest, 0755);
	{
		auto_free char *parent = strdup(dest);
		auto_close int dir = FD_NONE, made = FD_NONE;
		char *slash = parent ? strrchr(parent, '/') : NULL;

		if (!slash)
			return -ENOMEM;
		*slash = '\0';
		dir = path_mkdirs_in(root_fd, *parent ? parent : "/", 0755);
		if (dir < 0)
			return dir;
		made = openat(dir, slash + 1, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			      0644);
		if (made < 0)
			return -errno;
		return path_open_in(root_fd, dest, O_PATH);
	}
}

static int bind_one(int root_fd, const struct root_bind *b, struct err *e)
{
	auto_close int at = FD_NONE, tree = FD_NONE;
	auto_close int src = open(b->source, O_PATH | O_CLOEXEC);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	struct stat st;

	if (src >= 0 && b->subpath) {
		int sub = path_open_in(src, b->subpath, O_PATH);

		(void)fd_close(src);
		src = sub;
		errno = -sub;
	}
	if (src < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0; /* the container could not start either */
	if (src >= 0)
		tree = open_tree(src, "",
				 AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					 AT_RECURSIVE);
	if (tree < 0 || fstat(tree, &st) < 0)
		return err_sys(e, errno, "open the mount's source %s", b->source);
	if (b->read_only)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_sys(e, errno, "mount %s", b->source);
	at = bind_target(root_fd, b->dest, S_ISDIR(st.st_mode));
	if (at < 0)
		return err_sys(e, at, "find the mount's destination %s", b->dest);
	if (move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, errno, "mount %s on %s", b->source, b->dest);
	return 0;
}

int root_mount(const struct mnt_overlay *o, const char *target, struct err *e)
{
	if (o->n_lower)
		return mnt_overlay(o, target, e);
	if (mount(o->upper, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_sys(e, errno, "mount %s on %s", o->upper, target);
	return 0;
}

static int hold_mounts(const struct holder *h, struct err *e)
{
	const struct mnt_overlay o = {
		.lower = (const char *const *)h->dirs.items + 1,
		.n_lower = h->dirs.n - 1,
		.upper = h->dirs.items[0],
		.work = h->work,
	};
	auto_close int fd = FD_NONE;
	int r = mnt_propagation(true, e);

	if (r == 0)
		r = root_mount(&o, h->target, e);
	if (r < 0)
		return r;
	fd = open(h->target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open %s", h->target);
	for (size_t i = 0; r == 0 && i < h->binds.n; i++)
		r = bind_one(fd, &h->binds.items[i], e);
	return r < 0 ? r : take_fd(&fd);
}

/* A descriptor to send where there is nothing to mount. */
static int hold_nothing(struct err *e)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, errno, "open /") : fd;
}

enum { SAYS_ROOT = 1, SAYS_ERROR };

/* In the child: send the root, or why there is none; stay until the other end is closed. */
static void __attribute__((noreturn)) holder_say(int sock, int fd, const struct err *e)
{
	char byte;

	if (fd >= 0)
		(void)msg_send(sock, SAYS_ROOT, NULL, 0, &fd, 1);
	else
		(void)msg_send(sock, SAYS_ERROR, e, sizeof(*e), NULL, 0);
	while (fd >= 0 && read(sock, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int holder_answer(struct ctr_root *root, struct err *e)
{
	struct err theirs = ERR_INIT;
	uint16_t type = 0;
	size_t len = 0, n_fds = 0;
	int fd = FD_NONE;
	int r = msg_recv(root->holder_sock, &type, &theirs, sizeof(theirs), &len, &fd, 1, &n_fds);

	if (r > 0 && type == SAYS_ROOT && n_fds == 1) {
		root->fd = fd;
		return 0;
	}
	if (r > 0 && type == SAYS_ERROR && len == sizeof(theirs) && theirs.kind > ERR_NONE &&
	    theirs.kind < ERR_KIND_COUNT_) {
		theirs.text[sizeof(theirs.text) - 1] = '\0';
		if (e)
			*e = theirs;
		return err_kind_errno(theirs.kind);
	}
	return err_set(e, ERR_OS, "the process that opens the container's files has died");
}

static int make_sockets(struct ctr_root *root, int *theirs, struct err *e)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0)
		return err_sys(e, errno, "make a socket pair");
	root->holder_sock = socks[0];
	*theirs = socks[1];
	return 0;
}

/* Whoever mounts the same directories takes turns: two at once do not see each other's changes. */
static int lock_root(struct ctr_engine *eng, struct ctr_root *root, struct err *e)
{
	char path[80];
	int r;

	(void)snprintf(path, sizeof(path), "%s/rootfs", root->req.id);
	root->lock_fd = path_open_beneath(eng->store.containers_fd, path, O_RDONLY | O_DIRECTORY);
	r = root->lock_fd < 0 ? root->lock_fd : file_lock(root->lock_fd, true, true);
	return r < 0 ? err_sys(e, r, "lock the files of container %.12s", root->req.id) : 0;
}

static int open_stopped(struct ctr_engine *eng, struct ctr_root *root, enum root_view view,
			struct err *e)
{
	struct holder h = { .ids_only = view == ROOT_IDS };
	auto_close int theirs = FD_NONE;
	const struct idmap *map = NULL;
	int r = h.ids_only ? 0 : lock_root(eng, root, e);

	if (r == 0 && !h.ids_only) {
		r = root_dirs(eng, &root->req, &h.dirs, e);
		h.work = str_printf("%s/containers/%s/work", eng->store.root, root->req.id);
		h.target = str_printf("%s/containers/%s/rootfs", eng->store.root, root->req.id);
		if (r == 0 && (!h.work || !h.target))
			r = err_sys(e, ENOMEM, "open the root of a container");
	}
	if (r == 0 && view == ROOT_WITH_MOUNTS)
		r = root_binds(eng, &root->req, &h.binds, e);
	if (r == 0)
		r = ctr_engine_idmap(eng, &map, e);
	if (r == 0)
		r = make_sockets(root, &theirs, e);
	if (r == 0 && map) {
		r = userns_fork(map, CLONE_NEWNS, &root->holder, e);
	} else if (r == 0) {
		r = proc_clone(CLONE_NEWNS, &root->holder);
		if (r < 0)
			(void)err_sys(e, r, "make a mount namespace");
	}
	if (r == 0) {
		struct err failure = ERR_INIT;

		(void)fd_close(root->holder_sock);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)umask(0);
		holder_say(theirs, h.ids_only ? hold_nothing(&failure) : hold_mounts(&h, &failure),
			   &failure);
	}
	theirs = fd_close(theirs);
	if (r > 0)
		r = holder_answer(root, e);
	if (r == 0 && map) {
		root->user_fd = ns_open(&root->holder, "user");
		if (root->user_fd < 0)
			r = err_sys(e, root->user_fd, "open the container's user namespace");
	}
	holder_done(&h);
	return r;
}

/* Only its overlay, without what is mounted on it: in its mount namespace a mount can be had so. */
static int clone_plain(const struct ctr_root *root, int mnt_fd)
{
	int fd;

	if (become_root_of(root->user_fd) < 0 || setns(mnt_fd, CLONE_NEWNS) < 0)
		return -errno;
	fd = open_tree(root->fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_plain(struct ctr_root *root, struct err *e)
{
	auto_close int mnt = ns_open(&root->init, "mnt"), theirs = FD_NONE;
	int r;

	if (mnt < 0)
		return err_sys(e, mnt, "open the container's mount namespace");
	r = make_sockets(root, &theirs, e);
	if (r < 0)
		return r;
	r = proc_fork(&root->holder);
	if (r < 0)
		return err_sys(e, r, "start a process");
	if (r == 0) {
		struct err failure = ERR_INIT;
		int fd = clone_plain(root, mnt);

		(void)fd_close(root->holder_sock);
		if (fd < 0)
			(void)err_sys(&failure, fd, "see the container's files without its mounts");
		holder_say(theirs, fd, &failure);
	}
	theirs = fd_close(theirs);
	root->fd = fd_close(root->fd);
	return holder_answer(root, e);
}

static int open_running(struct ctr_engine *eng, struct ctr_root *root, enum root_view view,
			struct err *e)
{
	struct ns_outer outer = NS_OUTER_INIT;
	char path[40];
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)root->init.pid);
	if (view != ROOT_IDS) {
		root->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root->fd < 0)
			return err_sys(e, errno, "open the root of container %.12s", root->req.id);
	}
	if (proc_poll(&root->init, 0) != 0) /* the number may be another process's by now */
		return err_set(e, ERR_BUSY, "container %.12s has just stopped", root->req.id);
	if (eng->rootless) {
		r = ns_outer_open(&outer, &root->init, e);
		root->user_fd = outer.fd;
	}
	root->running = true;
	return r == 0 && view == ROOT_PLAIN ? make_plain(root, e) : r;
}

static int open_any(struct ctr_engine *eng, const char *id, enum root_view view,
		    struct ctr_root *root, struct err *e)
{
	struct ctr_status st;
	int r = ctr_container_settle(eng, id, e);

	if (r == 0)
		r = ctr_container_load(eng, id, &root->req, e);
	if (r == 0)
		r = ctr_container_status(eng, id, &st, e);
	if (r < 0)
		return r;
	root->inner = calloc(1, sizeof(*root->inner));
	if (!root->inner)
		return err_sys(e, ENOMEM, "open the root of container %.12s", id);
	r = ctr_request_inner_map(&root->req, root->inner, e);
	if (r < 0)
		return r;
	if (r == 0)
		free(take_ptr(&root->inner));
	if (st.state == CTR_RUNNING && proc_open(st.pid, st.pid_start, &root->init) == 0)
		return open_running(eng, root, view, e);
	/* Its monitor mounts it again at any moment: nobody else may do so meanwhile. */
	if (st.state == CTR_RUNNING && st.restarting)
		return err_set(e, ERR_BUSY, "container %.12s has ended and waits to be restarted: stop it "
			       "first, or try again when it runs: container state improper", id);
	container_wait_released(eng, id); /* its monitor may still be taking its mounts down */
	return open_stopped(eng, root, view, e);
}

int ctr_root_open(struct ctr_engine *eng, const char *id, enum root_view view, struct ctr_root *ret,
		  struct err *e)
{
	int r;

	*ret = (struct ctr_root)CTR_ROOT_INIT;
	r = open_any(eng, id, view, ret, e);
	if (r < 0)
		ctr_root_close(ret);
	return r;
}

int ctr_root_open_ids(struct ctr_engine *eng, struct ctr_root *ret, struct err *e)
{
	int r;

	*ret = (struct ctr_root)CTR_ROOT_INIT;
	r = open_stopped(eng, ret, ROOT_IDS, e);
	if (r < 0)
		ctr_root_close(ret);
	return r;
}
