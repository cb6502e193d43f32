/* Launching a monitor (monitor-proto.h, launch socket). */
#ifndef CONTAINER_LAUNCH_H
#define CONTAINER_LAUNCH_H

#include "cgroup/cgroup-plan.h"
#include "ctrlite/container.h"
#include "ctrlite/network.h"
#include "namespaces.h"

struct launch {
	int sock;		/* the launch socket */
	struct proc monitor;
	bool started;
	struct strv append;	/* oci_build's "key=value" for the monitor */
};
#define LAUNCH_INIT { .sock = -EBADF, .monitor = PROC_INIT }
/* Closes the socket; a monitor that has not started a container ends, and is waited for. */
void launch_done(struct launch *l);
#define auto_launch __attribute__((cleanup(launch_done)))

/* Start the monitor and have it make the namespaces, or join those that @ns says.  Returns at once. */
int launch_begin(struct ctr_engine *eng, const char *id, bool new_netns, const struct ns_plan *ns,
		 struct launch *l, struct err *e);
/* Everything else; returns when the container's process runs or has failed to. */
int launch_run(struct ctr_engine *eng, const struct ctr_request *r, const struct ctr_net_plan *net,
	       const struct ns_plan *ns, const struct cgroup_plan *cg, const struct ctr_start_opts *o,
	       struct launch *l, struct err *e);

#endif
