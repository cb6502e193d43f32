/* The options of health checks: run, create and update share them. */
#ifndef CLI_HEALTH_OPTS_H
#define CLI_HEALTH_OPTS_H

#include "cli.h"
#include "ctrlite/healthcheck.h"
#include "limit-opts.h"

/* The second member of the arguments of a command that has them, behind struct limit_args. */
struct health_args {
	bool none;
	const char *cmd, *interval, *timeout, *start_period, *start_interval, *on_failure;
	const char *startup_cmd, *startup_interval, *startup_timeout, *log_destination;
	uint64_t retries, startup_retries, startup_success, log_count, log_size;
};
struct health_args_at {
	struct limit_args limits;
	struct health_args health;
};
#define HEALTH_ARGS_AT offsetof(struct health_args_at, health)

extern const struct opt health_opts[];

/* What was given of them; @a is borrowed.  True when anything was. */
bool health_options(const struct cmd *c, const struct health_args *a,
		    struct ctr_healthcheck_options *ret);

#endif
