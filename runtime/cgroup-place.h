/*
 * The container's own cgroup: which it is, its making, who is put into it, its end.  A container
 * that asks for none has none, and nothing is done for it.
 */
#ifndef RUNTIME_CGROUP_PLACE_H
#define RUNTIME_CGROUP_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "oci-config.h"
#include "resources.h"
#include "state.h"

enum cgroup_manager { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED, CGROUP_MANAGER_COUNT_ };
const char *cgroup_manager_str(enum cgroup_manager m);
/* -EINVAL for another word. */
int cgroup_manager_parse(const char *name, enum cgroup_manager *ret);

struct place {
	enum cgroup_manager manager;
	int mount_fd, fd;   /* of the cgroup file system; of the cgroup, FD_NONE: none (yet) */
	int procs_fd;	    /* its cgroup.procs, opened while we saw it as the host does */
	char *path;	    /* below the mount; NULL: none (yet) */
	char *slice, *unit; /* with systemd: the scope that it is to be */
	bool made;	    /* undone when the creation fails */
	struct limits limits;
	const struct oci_config *cfg;
};
#define PLACE_INIT                                                                               \
	{                                                                                        \
		.manager = CGROUP_DISABLED, .mount_fd = -EBADF, .fd = -EBADF, .procs_fd = -EBADF \
	}
void place_done(struct place *p);
#define auto_place __attribute__((cleanup(place_done)))

/*
 * Before the clone: check what is asked, make the cgroup and apply the limits (cgroupfs), so that
 * p->fd can be cloned into.  With systemd that is for place_process(), once there is a process.
 */
int place_prepare(struct place *p, const struct oci_config *cfg, const char *id,
		  enum cgroup_manager manager, struct err *e);
/* Will the process, or is it already, in a cgroup of its own? */
bool place_wanted(const struct place *p);
/* Put @pid there, which does nothing yet; @cloned: it was cloned into it. */
int place_process(struct place *p, pid_t pid, bool cloned, struct err *e);
/* The creation has failed, the process is dead: as before. */
void place_undo(struct place *p);

/* The cgroup of a container that exists.  -EOPNOTSUPP (ERR_UNSUPPORTED) where it has none;
 * @doing, as in "pause", is for that error. */
int place_open(struct place *p, const struct state *s, const char *doing, struct err *e);
/* Is the container frozen?  Cheap for those without a cgroup. */
bool place_paused(const struct state *s);
/* Kill what is left in it and remove it, with its scope. */
int place_remove(const struct state *s, struct err *e);

#endif
