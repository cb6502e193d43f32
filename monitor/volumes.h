/*
 * Volumes and other mounts before the runtime binds them: filling new volumes, changing owners,
 * overlays over host directories and images, parts of volumes.  Done by the stage, as root of the
 * container's user namespace and in its mount namespace, with the root filesystem in place.
 */
#ifndef MONITOR_VOLUMES_H
#define MONITOR_VOLUMES_H

#include "params.h"

/* copyup= in params.h */
int volumes_fill(const struct params *p, struct err *e);
/* prepare= in params.h, in order */
int volumes_prepare(const struct params *p, struct err *e);

#endif
