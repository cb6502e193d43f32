/*
 * What a running container uses, for `stats`.
 */
#ifndef CTRLITE_STATS_H
#define CTRLITE_STATS_H

#include "ctrlite/container.h"

struct ctr_stats {
	int64_t at_ns;			/* CLOCK_REALTIME: when it was read */
	uint64_t cpu_ns;		/* CPU time since the start */
	uint64_t mem_bytes, mem_limit;	/* the limit is at most the host's memory */
	uint64_t pids;
	uint64_t block_in, block_out;	/* bytes since the start */
	uint64_t net_in, net_out;	/* the same; 0 with the host's network */
};

/* Read them now.  ERR_NOT_FOUND when it does not run any more, ERR_UNSUPPORTED when it runs without
 * a cgroup of its own. */
int ctr_container_stats(struct ctr_engine *eng, const struct ctr_container *c, struct ctr_stats *ret,
			struct err *e);

#endif
