/*
 * Namespaces of others that a container shares (MON_PREPARE join=): opened and looked at by the
 * monitor, entered by the stage.
 */
#ifndef MONITOR_JOIN_H
#define MONITOR_JOIN_H

#include <stdbool.h>

#include "err.h"
#include "params.h"

enum join_kind {
	JOIN_USER,
	JOIN_NET,
	JOIN_IPC,
	JOIN_UTS,
	JOIN_PID,
	JOIN_CGROUP,
	JOIN_SHM, /* no namespace: what that process has mounted on /dev/shm */
	JOIN_COUNT_,
};

struct joins {
	int fd[JOIN_COUNT_]; /* FD_NONE where nothing is joined; JOIN_SHM: a mount namespace */
	/*
	 * As an ordinary user: the child of our own user namespace in which all of them are, so
	 * that its root may enter them.  FD_NONE: none, or root, who may anyway.
	 */
	int outer;
	bool nested; /* fd[JOIN_USER] is another than the stage's: the runtime enters it */
};
#define JOINS_INIT { .fd = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF }, \
	.outer = -EBADF }
void joins_done(struct joins *j);

/* Open what @specs ("KIND:PID:START", "KIND:/path") name.  A process that has ended is ERR_BUSY. */
int joins_open(struct joins *j, const struct param_list *specs, struct err *e);

/* In the stage: become part of the outer user namespace; then, in a mount namespace of its own,
 * of the others but those that only the runtime may enter (user, pid, cgroup). */
int joins_enter_outer(const struct joins *j, struct err *e);
int joins_enter(const struct joins *j, struct err *e);
/* A detached copy of the mount at /dev/shm where JOIN_SHM is given: a descriptor, or FD_NONE. */
int joins_shm(const struct joins *j, int *ret_mnt, struct err *e);

#endif
