/* `mount`, `unmount` and `unshare`, see ctrlite/mount.h. */
#include "ctrlite/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/default-dirs.h"
#include "ctrlite/event.h"
#include "mnt.h"
#include "path.h"
#include "rootfs.h"

static char *place_of(struct ctr_engine *eng, const char *id)
{
	return str_printf("%s/containers/%s/rootfs", eng->store.root, id);
}

/* A running one's own overlay, in its place. */
static int mount_running(const struct ctr_root *root, const char *place, struct err *e)
{
	if (move_mount(root->fd, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, errno, "mount the root of the container on %s", place);
	return 0;
}

/* An overlay of its directories; only to be read when they are another overlay's already. */
static int mount_dirs(struct ctr_engine *eng, const struct ctr_request *req, bool read_only,
		      const char *place, struct err *e)
{
	auto_free char *work = str_printf("%s/containers/%s/work", eng->store.root, req->id);
	auto_strv struct strv dirs = STRV_INIT;
	struct mnt_overlay o = { .work = work };
	int r = work ? root_dirs(eng, req, &dirs, e) : err_sys(e, ENOMEM, "mount a container");

	if (r < 0)
		return r;
	if (dirs.n == 1)
		read_only = false; /* a directory is the same everywhere */
	o.lower = (const char *const *)dirs.items + !read_only;
	o.n_lower = dirs.n - !read_only;
	if (!read_only)
		o.upper = dirs.items[0];
	return root_mount(&o, place, e);
}

int ctr_container_mount(struct ctr_engine *eng, const char *id, char **ret_path, struct err *e)
{
	auto_root struct ctr_root root = CTR_ROOT_INIT;
	auto_free char *place = place_of(eng, id);
	struct ctr_request req = CTR_REQUEST_INIT;
	struct ctr_status st;
	int r = place ? ctr_container_settle(eng, id, e) : err_sys(e, ENOMEM, "mount a container");

	if (r < 0)
		return r;
	if (eng->rootless)
		return err_set(e, ERR_DENIED,
			       "cannot run command \"ctr-lite mount\" in rootless mode, must "
			       "execute `ctr-lite unshare` first");
	r = mnt_is_mounted(place);
	if (r < 0)
		return err_sys(e, r, "read the mounts");
	if (r == 1) {
		*ret_path = take_ptr(&place);
		return 0;
	}
	r = ctr_container_load(eng, id, &req, e);
	if (r == 0)
		r = ctr_container_status(eng, id, &st, e);
	if (r == 0 && st.state == CTR_RUNNING && userns_is_initial()) {
		r = ctr_root_open(eng, id, ROOT_PLAIN, &root, e);
		if (r == 0)
			r = mount_running(&root, place, e);
	} else if (r == 0) {
		r = mount_dirs(eng, &req, st.state == CTR_RUNNING, place, e);
	}
	if (r == 0)
		ctr_event_of(eng, &req, "mount");
	ctr_request_done(&req);
	if (r == 0)
		*ret_path = take_ptr(&place);
	return r < 0 ? err_wrap(e, r, "mount container %.12s", id) : 0;
}

int ctr_container_mountpoint(struct ctr_engine *eng, const char *id, char **ret_path, struct err *e)
{
	auto_free char *place = place_of(eng, id);
	int r = place ? mnt_is_mounted(place) : -ENOMEM;

	if (r < 0)
		return err_sys(e, r, "read the mounts");
	*ret_path = r ? take_ptr(&place) : NULL;
	return 0;
}

int ctr_container_unmount(struct ctr_engine *eng, const char *id, bool force, struct err *e)
{
	auto_free char *place = place_of(eng, id);
	int r = place ? mnt_is_mounted(place) : -ENOMEM;

	if (r < 0)
		return err_sys(e, r, "read the mounts");
	if (r == 0)
		return 0;
	if (umount2(place, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0) {
		if (errno == EBUSY)
			return err_set(e, ERR_BUSY,
				       "unmount container %.12s: files in %s are in use (--force "
				       "unmounts it all the same)",
				       id, place);
		return err_sys(e, errno, "unmount %s", place);
	}
	ctr_event_of_id(eng, id, "unmount");
	return 0;
}

void container_drop_mounts(struct ctr_engine *eng, const char *id)
{
	auto_free char *place = eng->rootless ? NULL : place_of(eng, id);

	while (place && umount2(place, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
		; /* it fails when nothing is left */
}

/* In the child, root of the new namespaces. */
static void __attribute__((noreturn)) exec_in(struct ctr_engine *eng, char *const *argv, int err_fd)
{
	struct err e = ERR_INIT;
	auto_free char *path = NULL;
	int r = mnt_propagation(true, &e);

	/* Who calls us again in there is no root with a store of its own. */
	if (r == 0 && (setenv(CTR_UNSHARE_ROOT_ENV, eng->store.root, 1) < 0 ||
		       setenv(CTR_UNSHARE_RUN_ENV, eng->store.run, 1) < 0))
		r = err_sys(&e, ENOMEM, "unshare");
	if (r == 0)
		path = strchr(argv[0], '/') ? strdup(argv[0]) : path_find_program(argv[0]);
	if (r == 0 && !path && errno == ENOENT)
		r = err_set(&e, ERR_CMD_NOT_FOUND,
			    "exec: \"%s\": executable file not found in $PATH", argv[0]);
	else if (r == 0 && !path)
		r = err_set(&e, ERR_CMD_NOT_EXEC, "exec %s: %s", argv[0], strerror(errno));
	if (r == 0) {
		proc_reset_signals();
		(void)execv(path, argv);
		(void)err_set(&e, errno == ENOENT ? ERR_CMD_NOT_FOUND : ERR_CMD_NOT_EXEC,
			      "fork/exec %s: %s", path, strerror(errno));
	}
	(void)err_send(err_fd, &e); /* the exit status says at least that it failed */
	_exit(125);
}

int ctr_unshare(struct ctr_engine *eng, char *const *argv, int *ret_exit_code, struct err *e)
{
	auto_close int err_rd = FD_NONE, err_wr = FD_NONE;
	const struct idmap *map;
	struct err theirs = ERR_INIT;
	struct proc p = PROC_INIT;
	int fds[2], status = 0, r;

	if (!eng->rootless)
		return err_set(e, ERR_INVALID, "please use unshare with rootless");
	r = ctr_engine_idmap(eng, &map, e);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	err_rd = fds[0];
	err_wr = fds[1];
	r = userns_fork(map, CLONE_NEWNS, &p, e);
	if (r == 0)
		exec_in(eng, argv, err_wr);
	err_wr = fd_close(err_wr);
	if (r < 0)
		return r;
	/* A terminal's signals are the command's. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "wait for the command");
	if (err_recv(err_rd, &theirs) == 1) {
		if (e)
			*e = theirs;
		return err_kind_errno(theirs.kind);
	}
	*ret_exit_code = proc_exit_code(status);
	return 0;
}
