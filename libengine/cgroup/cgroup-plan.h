/* The cgroup of one container: where it will be, and whether it can have what is asked for. */
#ifndef CGROUP_PLAN_H
#define CGROUP_PLAN_H

#include "ctrlite/cgroup.h"
#include "ctrlite/container.h"

#define CGROUP_LEAF "supervisor"	/* where processes go that sit in the way, as with podman */
#define CGROUP_PIDS_DEFAULT 2048	/* podman's --pids-limit */

struct cgroup_plan {
	enum ctr_cgroup_manager manager;
	const struct ctr_cgroup_host *host;	/* borrowed from the engine */
	char *base;	/* cgroupfs: the cgroup that ours is made in */
	char *dir;	/* cgroupfs: the container's cgroup */
	char *path;	/* linux.cgroupsPath; NULL: the container has none */
	int64_t pids;	/* --pids-limit, or the default; 0: none */
	bool swap;	/* the kernel limits swap */
};
#define CGROUP_PLAN_INIT { 0 }
void cgroup_plan_done(struct cgroup_plan *p);

/* Decide; ERR_UNSUPPORTED names the option, the controller, why, and what helps. */
int cgroup_plan(struct ctr_engine *eng, const struct ctr_request *r, struct cgroup_plan *ret,
		struct err *e);
/* The same check of limits alone, for a container that is in the cgroup @dir. */
int cgroup_check_limits(const struct ctr_cgroup_host *h, const struct spec_resources *limits,
			struct err *e);
/* Have the controllers ready that the plan needs.  With cgroupfs processes that sit in its base are
 * moved into a leaf: a cgroup that has some cannot give controllers away. */
int cgroup_plan_prepare(struct cgroup_plan *p, const struct spec_resources *limits, struct err *e);

/* Before another runtime than ours joins a container: be where it may move processes from. */
int cgroup_enter_user_scope(struct ctr_engine *eng, struct err *e);

#endif
