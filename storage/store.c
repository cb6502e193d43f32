/* The store: opening it, staging directories, names. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "path.h"
#include "str.h"
#include "run-dir.h"
#include "store-internal.h"

#define STORE_VERSION "1"	/* target of the link <graphroot>/version */
#define STAGE_TRIES 16		/* random names that a collector may snatch before we lock them */

static int open_dir(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The path of what was opened: one system call instead of a walk. */
static char *fd_path(int fd, const char *fallback)
{
	char link[40], buf[4096];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, sizeof(buf) - 1);
	if (n <= 0 || buf[0] != '/')
		return strdup(fallback);
	buf[n] = '\0';
	return strdup(buf);
}

static int check_owner(int fd, const char *path, mode_t forbidden, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stat %s", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_DENIED, "%s belongs to uid %u, not to uid %u: remove it or choose "
			       "another with --root and --runroot", path, (unsigned int)st.st_uid,
			       (unsigned int)geteuid());
	if (st.st_mode & forbidden)
		return err_set(e, ERR_DENIED, "%s can be written by others (mode %04o): run chmod 0700 %s",
			       path, (unsigned int)(st.st_mode & 07777), path);
	return 0;
}

static int open_top(const char *path, mode_t forbidden, int *ret_fd, char **ret_path, struct err *e)
{
	auto_close int fd = FD_NONE;
	int r;

	if (path[0] != '/')
		return err_set(e, ERR_INVALID, "%s: the store needs an absolute path", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		r = path_mkdirs(path, 0700);
		if (r < 0)
			return err_sys(e, r, "make the store's directory %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, errno, "open the store's directory %s", path);
	r = check_owner(fd, path, forbidden, e);
	if (r < 0)
		return r;
	*ret_path = fd_path(fd, path);
	if (!*ret_path)
		return err_sys(e, ENOMEM, "open %s", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int open_sub(struct store *s, int dir_fd, const char *name, int *ret, struct err *e)
{
	int fd = open_dir(dir_fd, name);

	if (fd == -ENOENT) {
		if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST) {
			if (errno == EROFS) {
				s->read_only = true;
				return 0;
			}
			return err_sys(e, errno, "make %s/%s", s->root, name);
		}
		fd = open_dir(dir_fd, name);
	}
	if (fd < 0)
		return err_sys(e, fd, "open %s/%s", s->root, name);
	*ret = fd;
	return 0;
}

/* *@ret_fresh: there was no version yet. */
static int check_version(struct store *s, bool *ret_fresh, struct err *e)
{
	char v[16];
	ssize_t n = readlinkat(s->root_fd, "version", v, sizeof(v) - 1);

	if (n < 0 && errno == ENOENT) {
		*ret_fresh = true;
		if (symlinkat(STORE_VERSION, s->root_fd, "version") < 0 && errno != EEXIST &&
		    errno != EROFS)
			return err_sys(e, errno, "make %s/version", s->root);
		return 0;
	}
	if (n < 0)
		return err_sys(e, errno, "read the link %s/version", s->root);
	v[n] = '\0';
	if (!streq(v, STORE_VERSION))
		return err_set(e, ERR_UNSUPPORTED, "the store %s has version %s, this program knows "
			       "version " STORE_VERSION ": use a newer ctr-lite or another --root",
			       s->root, v);
	return 0;
}

int store_open(struct store *s, const char *root, const char *run, struct err *e)
{
	auto_free char *run_dir = NULL;
	struct store n = STORE_INIT;
	const struct {
		const char *name;
		int *fd;
	} subs[] = {
		{ "tmp", &n.tmp_fd },
		{ "images", &n.images_fd },
		{ "layers", &n.layers_fd },
		{ "meta", &n.meta_fd },
		{ "containers", &n.containers_fd },
		{ "names", &n.names_fd },
		{ "volumes", &n.volumes_fd },
	};
	bool fresh = false;
	int r;

	r = open_top(root, 0002, &n.root_fd, &n.root, e);
	if (r == 0)
		r = check_version(&n, &fresh, e);
	for (size_t i = 0; r == 0 && i < sizeof(subs) / sizeof(subs[0]); i++)
		r = open_sub(&n, n.root_fd, subs[i].name, subs[i].fd, e);
	if (r == 0 && fresh && !n.read_only)
		r = store_init_images(&n, e);
	if (r == 0)
		r = store_run_dir(n.root_fd, run, &run_dir, e);
	if (r == 0)
		r = open_top(run_dir, 0022, &n.run_fd, &n.run, e);
	if (r == 0)
		r = open_sub(&n, n.run_fd, "containers", &n.run_containers_fd, e);
	if (r < 0) {
		store_close(&n);
		return r;
	}
	*s = n;
	return 0;
}

int store_add_read_only(struct store *s, const char *root, struct err *e)
{
	struct store_more *grown, m = { .images_fd = FD_NONE };
	auto_close int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char v[16];
	ssize_t n;

	if (s->n_more == STORE_MORE_MAX)
		return err_set(e, ERR_LIMIT, "more than %d additional image stores", STORE_MORE_MAX);
	if (top < 0)
		return err_sys(e, errno, "open the additional image store %s", root);
	n = readlinkat(top, "version", v, sizeof(v) - 1);
	v[n > 0 ? n : 0] = '\0';
	if (n > 0 && !streq(v, STORE_VERSION))
		return err_set(e, ERR_UNSUPPORTED, "the additional image store %s has version %s, this program "
			       "knows version " STORE_VERSION, root, v);
	m.images_fd = n > 0 ? open_dir(top, "images") : fd_reopen(top, O_RDONLY | O_DIRECTORY);
	if (m.images_fd >= 0 && faccessat(m.images_fd, "oci-layout", F_OK, 0) < 0) {
		(void)fd_close(m.images_fd);
		return err_set(e, ERR_INVALID, "%s is neither a store of this program nor an image layout", root);
	}
	if (m.images_fd < 0)
		return err_sys(e, m.images_fd, "open the additional image store %s", root);
	grown = reallocarray(s->more, s->n_more + 1, sizeof(*grown));
	m.root = strdup(root);
	if (grown)
		s->more = grown;
	if (!grown || !m.root) {
		(void)fd_close(m.images_fd);
		free(m.root);
		return err_sys(e, ENOMEM, "open the additional image store %s", root);
	}
	s->more[s->n_more++] = m;
	return 0;
}

void store_close(struct store *s)
{
	int *fds[] = { &s->root_fd, &s->run_fd, &s->images_fd, &s->layers_fd, &s->meta_fd,
		       &s->containers_fd, &s->names_fd, &s->volumes_fd, &s->tmp_fd,
		       &s->run_containers_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		*fds[i] = fd_close(*fds[i]);
	for (size_t i = 0; i < s->n_more; i++) {
		(void)fd_close(s->more[i].images_fd);
		free(s->more[i].root);
	}
	free(take_ptr(&s->more));
	s->n_more = 0;
	free(s->root);
	free(s->run);
	s->root = s->run = NULL;
}

/* Is @name under @dir_fd still the directory that @fd has open? */
bool store_is_named(int fd, int dir_fd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int store_stage_new(struct store *s, struct stage *ret, struct err *e)
{
	for (int i = 0; i < STAGE_TRIES; i++) {
		auto_close int fd = FD_NONE;
		struct stage st = STAGE_INIT;
		int r = str_random_hex(8, st.name);

		if (r < 0)
			return err_sys(e, r, "get random bytes");
		if (mkdirat(s->tmp_fd, st.name, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return err_sys(e, errno, "make a staging directory in %s/tmp", s->root);
		}
		fd = open_dir(s->tmp_fd, st.name);
		/* A collector can come between mkdir and lock: then it is its directory. */
		if (fd < 0 || file_lock(fd, true, false) < 0 || !store_is_named(fd, s->tmp_fd, st.name))
			continue;
		st.fd = take_fd(&fd);
		*ret = st;
		return 0;
	}
	return err_set(e, ERR_BUSY, "cannot lock a staging directory in %s/tmp", s->root);
}

void store_stage_release(struct stage *st)
{
	st->fd = fd_close(st->fd);
	st->name[0] = '\0';
}

int store_stage_commit(struct store *s, struct stage *st, int dir_fd, const char *name, struct err *e)
{
	if (renameat2(s->tmp_fd, st->name, dir_fd, name, RENAME_NOREPLACE) < 0)
		return err_sys(e, errno, "put %s into place", name);
	store_stage_release(st);
	return 0;
}

int store_stage_take(struct store *s, int dir_fd, const char *name, struct stage *ret, struct err *e)
{
	auto_close int fd = open_dir(dir_fd, name);
	struct stage st = STAGE_INIT;
	int r;

	if (fd < 0)
		return err_sys(e, fd, "open %s", name);
	r = file_lock(fd, true, false);
	if (r == -EWOULDBLOCK)
		return err_set(e, ERR_BUSY, "%s is in use by another process", name);
	if (r < 0)
		return err_sys(e, r, "lock %s", name);
	r = str_random_hex(8, st.name);
	if (r < 0)
		return err_sys(e, r, "get random bytes");
	if (renameat2(dir_fd, name, s->tmp_fd, st.name, RENAME_NOREPLACE) < 0)
		return err_sys(e, errno, "move %s to %s/tmp", name, s->root);
	st.fd = take_fd(&fd);
	*ret = st;
	return 0;
}

/* As root of a user namespace with the map @m, which owns the files of all its ids. */
static int remove_mapped(int dir_fd, const char *name, const struct idmap *m, struct err *e)
{
	struct proc p = PROC_INIT;
	int status = 0, r;

	r = userns_fork(m, 0, &p, e);
	if (r < 0)
		return r;
	if (r == 0)
		_exit(-path_remove_tree(dir_fd, name) & 0x7f);
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "remove %s in its user namespace", name);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_OS, "remove %s: the helper process died of %s", name,
			       sig_name(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		return err_sys(e, WEXITSTATUS(status), "remove %s in its user namespace", name);
	return 0;
}

int store_remove_tree(int dir_fd, const char *name, const struct idmap *m, struct err *e)
{
	int r = path_remove_tree(dir_fd, name);

	if ((r == -EACCES || r == -EPERM) && m)
		return remove_mapped(dir_fd, name, m, e);
	return r < 0 ? err_sys(e, r, "remove %s", name) : 0;
}

int store_stage_drop(struct store *s, struct stage *st, const struct idmap *m, struct err *e)
{
	int r;

	if (!st->name[0])
		return 0;
	r = store_remove_tree(s->tmp_fd, st->name, m, e);
	store_stage_release(st);
	return r < 0 ? err_wrap(e, r, "%s/tmp", s->root) : 0;
}

int store_sync(struct store *s, struct err *e)
{
	return syncfs(s->root_fd) < 0 ? err_sys(e, errno, "write %s to disk", s->root) : 0;
}

/* Both ways of making a file leave nothing beside it when we are killed: the stage is collected. */
int store_put_file(struct store *s, int dir_fd, const char *name, const void *data, size_t len,
		   mode_t mode, enum file_sync sync, bool replace)
{
	struct stage st = STAGE_INIT;
	int r = store_stage_new(s, &st, NULL);

	if (r < 0)
		return r;
	r = file_replace(st.fd, "file", data, len, mode, sync);
	if (r == 0 && renameat2(st.fd, "file", dir_fd, name, replace ? 0 : RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r == 0 && sync == FILE_SYNC_FULL && fsync(dir_fd) < 0)
		r = -errno;
	(void)store_stage_drop(s, &st, NULL, NULL); /* empty or ours: later, if not now */
	return r;
}

int store_init_images(struct store *s, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char index[] = "{\"schemaVersion\":2,\"mediaType\":"
		"\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";
	int r = 0;

	if (mkdirat(s->images_fd, "blobs", 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0 && mkdirat(s->images_fd, "blobs/sha256", 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0 && faccessat(s->images_fd, "oci-layout", F_OK, 0) < 0)
		r = store_put_file(s, s->images_fd, "oci-layout", layout, sizeof(layout) - 1, 0644,
				   FILE_SYNC_NONE, false);
	/* Another process may be a step ahead of us and have images in it already. */
	if ((r == 0 || r == -EEXIST) && faccessat(s->images_fd, "index.json", F_OK, 0) < 0)
		r = store_put_file(s, s->images_fd, "index.json", index, sizeof(index) - 1, 0644,
				   FILE_SYNC_NONE, false);
	return r < 0 && r != -EEXIST ? err_sys(e, r, "set up %s/images", s->root) : 0;
}

/*
 * Names.  A link's target is the id; a maker that has no container yet adds '/' and the name of
 * its stage, by whose lock others see that it is alive.
 */
struct name_target {
	char id[65];
	char stage[64];
};

static int read_name(int names_fd, const char *name, struct name_target *ret)
{
	char buf[160];
	ssize_t n = readlinkat(names_fd, name, buf, sizeof(buf) - 1);
	size_t id_len;

	if (n < 0)
		return errno == EINVAL ? -ENOENT : -errno;
	buf[n] = '\0';
	id_len = strcspn(buf, "/");
	if (id_len == 0 || id_len >= sizeof(ret->id) || strlen(buf) - id_len > sizeof(ret->stage))
		return -EBADMSG;
	memcpy(ret->id, buf, id_len);
	ret->id[id_len] = '\0';
	(void)snprintf(ret->stage, sizeof(ret->stage), "%s", buf[id_len] ? buf + id_len + 1 : "");
	return 0;
}

static bool container_exists(struct store *s, const char *id)
{
	return faccessat(s->containers_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool stage_alive(struct store *s, const char *stage)
{
	auto_close int fd = FD_NONE;

	if (!path_is_component(stage))
		return false;
	fd = open_dir(s->tmp_fd, stage);
	return fd >= 0 && file_lock(fd, false, false) == -EWOULDBLOCK;
}

static bool name_is_live(struct store *s, const struct name_target *t)
{
	/* Asked again last: the stage may have become the container in between. */
	return container_exists(s, t->id) || stage_alive(s, t->stage) || container_exists(s, t->id);
}

static int lock_names(struct store *s)
{
	auto_close int fd = open_dir(s->names_fd, ".");
	int r;

	if (fd < 0)
		return fd;
	r = file_lock(fd, true, true);
	return r < 0 ? r : take_fd(&fd);
}

/* Replace a dead maker's claim.  The lock keeps two from both believing they did. */
static int take_over_name(struct store *s, const char *name, const char *target,
			  const struct name_target *dead)
{
	auto_close int lock = lock_names(s);
	struct name_target now;
	char tmp[32] = ".new-";
	int r;

	if (lock < 0)
		return lock;
	r = read_name(s->names_fd, name, &now);
	if (r < 0)
		return r == -ENOENT ? -EAGAIN : r;
	if (!streq(now.id, dead->id) || !streq(now.stage, dead->stage))
		return -EAGAIN;
	r = str_random_hex(8, tmp + 5);
	if (r < 0)
		return r;
	if (symlinkat(target, s->names_fd, tmp) < 0)
		return -errno;
	if (renameat(s->names_fd, tmp, s->names_fd, name) < 0) {
		r = -errno;
		(void)unlinkat(s->names_fd, tmp, 0);
	}
	return r;
}

int store_name_claim(struct store *s, const char *name, const char *id, const struct stage *st,
		     char ret_holder[65], struct err *e)
{
	struct name_target held;
	char target[160];
	int r;

	if (!path_is_component(name) || name[0] == '.')
		return err_set(e, ERR_INVALID, "%s cannot be a name", name);
	(void)snprintf(target, sizeof(target), "%s%s%s", id, st ? "/" : "", st ? st->name : "");
	for (int i = 0; i < STAGE_TRIES; i++) {
		if (symlinkat(target, s->names_fd, name) == 0)
			return 0;
		if (errno != EEXIST)
			return err_sys(e, errno, "claim the name %s", name);
		r = read_name(s->names_fd, name, &held);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return err_sys(e, r, "read the claim of the name %s", name);
		if (name_is_live(s, &held)) {
			if (ret_holder)
				memcpy(ret_holder, held.id, sizeof(held.id));
			return err_set(e, ERR_EXISTS, "the name \"%s\" is already in use by %s", name,
				       held.id);
		}
		r = take_over_name(s, name, target, &held);
		if (r == 0)
			return 0;
		if (r != -EAGAIN)
			return err_sys(e, r, "take over the name %s", name);
	}
	return err_set(e, ERR_BUSY, "the name %s keeps changing hands", name);
}

int store_name_lookup(struct store *s, const char *name, char ret_id[65])
{
	struct name_target t;
	int r;

	if (!path_is_component(name))
		return -ENOENT;
	r = read_name(s->names_fd, name, &t);
	if (r < 0)
		return r;
	memcpy(ret_id, t.id, sizeof(t.id));
	return 0;
}

void store_name_release(struct store *s, const char *name, const char *id)
{
	auto_close int lock = lock_names(s);
	struct name_target t;

	if (lock >= 0 && path_is_component(name) && read_name(s->names_fd, name, &t) == 0 &&
	    streq(t.id, id))
		(void)unlinkat(s->names_fd, name, 0); /* a claim left behind is taken over later */
}

void store_name_collect(struct store *s, const char *name)
{
	auto_close int lock = FD_NONE;
	struct name_target t;

	if (read_name(s->names_fd, name, &t) < 0 || name_is_live(s, &t))
		return;
	lock = lock_names(s);
	/* Again: until the lock was ours the name may have been taken over. */
	if (lock >= 0 && read_name(s->names_fd, name, &t) == 0 && !name_is_live(s, &t))
		(void)unlinkat(s->names_fd, name, 0); /* what stays is taken over or collected later */
}

void store_run_dir_collect(struct store *s, const char *id)
{
	auto_close int dir = FD_NONE, lock = FD_NONE;

	if (container_exists(s, id))
		return;
	dir = path_open_beneath(s->run_containers_fd, id, O_RDONLY | O_DIRECTORY);
	lock = dir < 0 ? dir : path_open_beneath(dir, "lock", O_RDWR);
	/* Held while we remove it: no monitor may start in it, and one that cleans up is left to. */
	if (dir < 0 || (lock >= 0 && file_ofd_lock(lock, false) < 0))
		return;
	(void)path_remove_tree(s->run_containers_fd, id); /* if something stays, the next one tries */
}
