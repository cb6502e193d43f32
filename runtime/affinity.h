/* CPU lists, and the CPUs that `exec` runs on. */
#ifndef RUNTIME_AFFINITY_H
#define RUNTIME_AFFINITY_H

#include <sched.h>

#include "setup.h"

/* "0-3,7": every CPU below CPU_SETSIZE, in any order, spaces around parts.  -EINVAL. */
int affinity_parse(const char *list, cpu_set_t *ret);
/* Keep this process on @list; nothing for NULL and "".  @where names it in errors. */
int affinity_set(const char *list, const char *where, struct err *e);
/* Step of exec: execCPUAffinity.final, once it is in the container's cgroup. */
int affinity_final(struct setup *s, struct err *e);

#endif
