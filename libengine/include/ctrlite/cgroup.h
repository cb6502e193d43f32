/*
 * Control groups: who makes those of containers on this host, where, and which limits they can
 * have.
 *
 * Only version 2 has delegation, so with version 1 and hybrid hosts containers have no cgroup of
 * their own.  On version 2 either systemd makes a scope for each container, or the OCI runtime
 * makes a cgroup itself below one that we may write to.
 */
#ifndef CTRLITE_CGROUP_H
#define CTRLITE_CGROUP_H

#include "ctrlite/engine.h"
#include "str.h"

enum ctr_cgroup_manager {
	CTR_CGROUP_DISABLED,
	CTR_CGROUP_CGROUPFS,
	CTR_CGROUP_SYSTEMD,
};
const char *ctr_cgroup_manager_str(enum ctr_cgroup_manager m);
/* "systemd", "cgroupfs", "disabled"; ERR_INVALID. */
int ctr_cgroup_manager_parse(const char *name, enum ctr_cgroup_manager *ret, struct err *e);

struct ctr_cgroup_host {
	bool v2;			/* /sys/fs/cgroup is cgroup2 */
	enum ctr_cgroup_manager manager;
	char *base;			/* the cgroup that those of containers are made below; NULL: none */
	struct strv controllers;	/* what can be limited there */
	struct strv env;		/* SYSTEMD: KEY=value by which a runtime finds the user's manager */
	char *why;			/* with DISABLED: what is missing here, and how to get it */
};
#define CTR_CGROUP_HOST_INIT { 0 }
void ctr_cgroup_host_done(struct ctr_cgroup_host *h);

/*
 * What there is on this host, with eng->cgroup_manager as the user's choice: one that cannot work
 * is an error.  Asked once for each engine; *@ret is borrowed from it.  Where there is no cgroup2 it
 * costs one statfs().
 */
int ctr_engine_cgroups(struct ctr_engine *eng, const struct ctr_cgroup_host **ret, struct err *e);

#endif
