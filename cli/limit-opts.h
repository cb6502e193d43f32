/* The options that limit a container's resources: run, create and update share them. */
#ifndef CLI_LIMIT_OPTS_H
#define CLI_LIMIT_OPTS_H

#include "cli.h"
#include "resources.h"

/* The first member of the arguments of a command that has them. */
struct limit_args {
	const char *memory, *memory_reservation, *memory_swap, *cpuset_cpus, *cpuset_mems,
		*blkio_weight;
	int64_t memory_swappiness, cpu_quota, pids_limit;
	uint64_t cpu_shares, cpu_period, cpu_rt_period, cpu_rt_runtime;
	double cpus;
	struct strv weight_device, read_bps, write_bps, read_iops, write_iops, conf;
};
#define LIMIT_ARGS_DEFAULT { .memory_swappiness = -1 }

extern const struct opt limit_opts[];

/* Add them to *@ret, which the caller frees in every case. */
int limits_parse(const struct cmd *c, const struct limit_args *a, struct spec_resources *ret,
		 struct err *e);

#endif
