/* Which namespaces a container has: its own, the host's, those of others. */
#ifndef CONTAINER_NAMESPACES_H
#define CONTAINER_NAMESPACES_H

#include "ctrlite/container.h"

/* "container:ID" or "ns:PATH": the namespace is another's. */
bool ns_is_joined(const char *mode);

static inline bool ns_is_host(const char *mode)
{
	return mode && streq(mode, "host");
}

/* "host" or joined: what is set in it is not the container's own business. */
bool ns_is_foreign(const char *mode);
/* The one that --network names; NULL: a private one. */
const char *ns_network(const struct ctr_request *r);
/* --group-add keep-groups */
bool ns_keeps_groups(const struct ctr_request *r);

/*
 * Before the record is written: names of containers become IDs, --userns and its like the inner
 * map, and what follows from it (user, groups).  *@ret_lock is held by the caller until the record
 * is in place: a range of ids is then taken.  NULL: only to be looked at, nothing is locked.
 */
int request_namespaces(struct ctr_engine *eng, struct ctr_request *r, int *ret_lock, struct err *e);

/* The same at a start: what the monitor is asked for, and what config.json says of it. */
struct ns_plan {
	struct strv joins;	/* MON_PREPARE join= */
	struct idmap *inner;	/* from the container's ids to those of the default map; NULL: that itself */
	bool own;		/* a user namespace with that map is made */
	bool user_path;		/* the runtime finds the user namespace at <rundir>/ns/user */
	bool shm;		/* /dev/shm is at <rundir>/ns/shm */
	bool keep_groups;
	char *hostname;		/* of the container whose uts namespace it is; or NULL */
	char *net_of;		/* ID of the container whose network it is; or NULL */
	struct strv layers;	/* directories below layers/, bottom first */
	bool look_only;		/* in: nothing is made, also no layer in other ids */
	bool first_start;	/* the root directory has no owner yet */
};
#define NS_PLAN_INIT { .inner = NULL }
void ns_plan_done(struct ns_plan *p);
/* ERR_BUSY when a container whose namespace is to be shared does not run. */
int ns_plan_make(struct ctr_engine *eng, const struct ctr_request *r, struct ns_plan *p,
		 struct err *e);
/* The error for that; @word is the kind of namespace. */
int ns_not_running(const char *id, const char *word, struct err *e);
/* The container's root in ids of the default map. */
void ns_plan_root(const struct ns_plan *p, uint32_t *ret_uid, uint32_t *ret_gid);

/*
 * Where a foreign runtime works: as root of the user namespace that is a child of ours, which the
 * container's first process @init is in, or in a child of it.
 */
struct ns_outer {
	int fd;
	bool keep_groups;
};
#define NS_OUTER_INIT { .fd = -EBADF }
int ns_outer_open(struct ns_outer *o, const struct proc *init, struct err *e);
void ns_outer_done(struct ns_outer *o);
int ns_outer_enter(void *arg);	/* proc_spawn's prepare; @arg is a struct ns_outer */

#endif
