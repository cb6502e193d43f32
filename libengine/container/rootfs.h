/*
 * Access to a container's root file system from outside of it: for cp, export, commit, diff, mount
 * and whoever else looks at its files.
 *
 * Everything in it belongs to somebody hostile.  The root is handed out as a descriptor and never
 * as a path; look names up in it with path_open_in(), in a process of root_fork(), to which the
 * container's ids mean something.
 */
#ifndef CONTAINER_ROOTFS_H
#define CONTAINER_ROOTFS_H

#include "ctrlite/container.h"
#include "proc.h"
#include "userns.h"

enum root_view {
	/* As the container sees it: a running one with all that is mounted in it; of another the
	 * binds and volumes at their destinations, whose directories are made where they are missing. */
	ROOT_WITH_MOUNTS,
	/* The image and what the container has written, to be read only. */
	ROOT_PLAIN,
	/* No root: only processes that its ids mean something to. */
	ROOT_IDS,
};

struct ctr_root {
	int fd;			/* O_PATH; owned */
	bool running;
	struct ctr_request req;
	struct idmap *inner;	/* from the container's ids to those of root_fork()'s processes; NULL: they
				 * are the same */
	/* private */
	int user_fd;		/* where those processes work; FD_NONE: in our user namespace (root) */
	int lock_fd;		/* others that mount the same directories wait */
	struct proc init;	/* of a running one */
	struct proc holder;	/* has the mounts of one that does not run */
	int holder_sock;	/* its other end's end ends it */
};
#define CTR_ROOT_INIT { .fd = -EBADF, .user_fd = -EBADF, .lock_fd = -EBADF, .holder_sock = -EBADF, \
	.init = PROC_INIT, .holder = PROC_INIT }

/*
 * Open the root of container @id (a full ID).  One that starts or ends while it is open stays
 * reachable, but what has been mounted since is not seen.
 */
int ctr_root_open(struct ctr_engine *eng, const char *id, enum root_view view, struct ctr_root *ret,
		  struct err *e);
/* Only ids (ROOT_IDS), of no container: those of the user's default map, as images have them. */
int ctr_root_open_ids(struct ctr_engine *eng, struct ctr_root *ret, struct err *e);
void ctr_root_close(struct ctr_root *r);
#define auto_root __attribute__((cleanup(ctr_root_close)))

/*
 * A process that is root to the container's files: in the user's default map (see
 * ctrlite/shift.h), with our supplementary groups; of real root a plain child.  Returns 0 in the
 * child, which dies with us, 1 in the parent, or -errno.
 */
int root_fork(const struct ctr_root *r, struct proc *ret, struct err *e);
/* The user namespace to enter for that, FD_NONE for none; borrowed. */
static inline int root_user_fd(const struct ctr_root *r)
{
	return r->user_fd;
}

/* Between the container's ids and those that root_fork()'s processes see.  false: it has no such. */
bool root_uid_in(const struct ctr_root *r, uint32_t uid, uint32_t *ret);
bool root_gid_in(const struct ctr_root *r, uint32_t gid, uint32_t *ret);

/* The directories that overlay joins, topmost first and absolute: upper/, then the layers'; of a
 * container on a directory of the host (--rootfs) that is the only one. */
int root_dirs(struct ctr_engine *eng, const struct ctr_request *r, struct strv *ret, struct err *e);

/* Mount those: without anything below the upper directory it is that itself. */
struct mnt_overlay;
int root_mount(const struct mnt_overlay *o, const char *target, struct err *e);

/* A mount of a container that has no mounts now. */
struct root_bind {
	char *source, *dest;	/* owned */
	char *subpath;		/* below the source; NULL: all of it; owned */
	bool read_only;
};
struct root_binds {
	struct root_bind *items;
	size_t n;
};
#define ROOT_BINDS_INIT { 0 }
void root_binds_done(struct root_binds *b);
/* The binds and volumes of the record, parents first. */
int root_binds(struct ctr_engine *eng, const struct ctr_request *r, struct root_binds *ret,
	       struct err *e);

#endif
