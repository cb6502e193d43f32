/* Applying limits to a cgroup: controllers first, then files. */
#ifndef RUNTIME_CGROUP_LIMITS_H
#define RUNTIME_CGROUP_LIMITS_H

#include "resources.h"

/* What to do on hosts of version 1, for errors. */
#define CGROUP_V1_FIX                                                            \
	"this host has no cgroup v2 at /sys/fs/cgroup: boot it with the kernel " \
	"parameter systemd.unified_cgroup_hierarchy=1, or leave the limit away"

/*
 * Make the controllers that @l needs usable in the cgroup @path below @mount_fd, and others that
 * can be had, for statistics and later updates.  An error names the limit, the controller, who
 * refuses it and the remedy.
 */
int cgroup_limits_enable(int mount_fd, const char *path, const struct limits *l, struct err *e);
/* Write them to the cgroup @fd; @path is for errors. */
int cgroup_limits_write(int fd, const char *path, const struct limits *l, struct err *e);

#endif
