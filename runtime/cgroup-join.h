/* Putting one more process into a running container's cgroup: prepared while the host's paths and
 * cgroup namespace are ours, done when they are the container's. */
#ifndef RUNTIME_CGROUP_JOIN_H
#define RUNTIME_CGROUP_JOIN_H

#include <sys/types.h>

#include "err.h"
#include "proc.h"
#include "state.h"

struct joiner {
	int cgroup_fd;	    /* the container's, FD_NONE: it has none and nothing is done */
	int clone_fd;	    /* what to try to clone into, FD_NONE: joiner_join() does it */
	int procs_fd;	    /* its cgroup.procs */
	int init_procs_fd;  /* that of the cgroup that its first process has moved itself to */
	struct proc helper; /* asks systemd, where we may not move the process ourselves */
	int helper_sock;
	char *path;
};
#define JOINER_INIT                                                                 \
	{                                                                           \
		.cgroup_fd = -EBADF, .clone_fd = -EBADF, .procs_fd = -EBADF,        \
		.init_procs_fd = -EBADF, .helper = PROC_INIT, .helper_sock = -EBADF \
	}
void joiner_done(struct joiner *j);

/* @sub: a cgroup below the container's, made by it; NULL: its own. */
int joiner_prepare(struct joiner *j, const struct state *s, pid_t init, const char *sub,
		   struct err *e);
/* For a process that was not cloned into it. */
int joiner_join(struct joiner *j, pid_t pid, struct err *e);

#endif
