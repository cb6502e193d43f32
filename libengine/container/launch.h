/* Launching a monitor (monitor-proto.h, launch socket). */
#ifndef CONTAINER_LAUNCH_H
#define CONTAINER_LAUNCH_H

#include "ctrlite/container.h"

struct launch {
	int sock;		/* the launch socket */
	struct proc monitor;
	bool started;
};
#define LAUNCH_INIT { .sock = -EBADF, .monitor = PROC_INIT }
/* Closes the socket; a monitor that has not started a container ends, and is waited for. */
void launch_done(struct launch *l);
#define auto_launch __attribute__((cleanup(launch_done)))

/* The network helper, if one is needed. */
struct launch_net {
	const char *path;	/* NULL: none */
	struct strv args;
	const char *ready;	/* "fd" or "exit" */
};

/* Start the monitor and have it make the namespaces.  Returns at once. */
int launch_begin(struct ctr_engine *eng, const char *id, bool new_netns, struct launch *l,
		 struct err *e);
/* Everything else; returns when the container's process runs or has failed to. */
int launch_run(struct ctr_engine *eng, const struct ctr_request *r, const struct launch_net *net,
	       const struct ctr_start_opts *o, struct launch *l, struct err *e);

#endif
