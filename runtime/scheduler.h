/* The scheduling policy of process.scheduler. */
#ifndef RUNTIME_SCHEDULER_H
#define RUNTIME_SCHEDULER_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"

/* As sched_setattr(2) has it; neither libc nor a header that goes with libc's declares it. */
struct scheduler {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

int scheduler_read(const json_t *obj, struct scheduler *ret, const char *where, struct err *e);
/* Give it to this process. */
int scheduler_set(const struct scheduler *s, struct err *e);

#endif
