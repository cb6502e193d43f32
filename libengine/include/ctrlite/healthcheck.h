/*
 * What a container's health check is: from its image, from options, in its record.
 */
#ifndef CTRLITE_HEALTHCHECK_H
#define CTRLITE_HEALTHCHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define CTR_HC_LOG_COUNT 5	/* entries and bytes of each that are kept by default */
#define CTR_HC_LOG_SIZE 500

struct ctr_healthcheck {
	struct strv test;		/* CMD ARG..., CMD-SHELL TEXT, or NONE; empty: none */
	int64_t interval_ns;		/* 0: not by itself */
	int64_t timeout_ns;
	int64_t start_period_ns;	/* failures do not count so long */
	int64_t start_interval_ns;	/* between checks meanwhile; 0: as ever */
	uint32_t retries;		/* failures in a row that make it unhealthy */
	/* Until it has succeeded so often, this is checked instead; empty test: none. */
	struct strv startup_test;
	int64_t startup_interval_ns, startup_timeout_ns;
	uint32_t startup_retries;	/* failures after which the container is restarted; 0: never */
	uint32_t startup_success;	/* 0: once */
	char *on_failure;		/* kill, restart, stop; NULL: nothing */
	char *log_destination;		/* events_logger, or a directory; NULL: its record only */
	int64_t log_count, log_size;	/* 0: the default, -1: no limit */
};
void ctr_healthcheck_done(struct ctr_healthcheck *h);

/* Is there something to check? */
bool ctr_healthcheck_defined(const struct ctr_healthcheck *h);
bool ctr_healthcheck_has_startup(const struct ctr_healthcheck *h);
/* The command line of a test, added to @ret. */
int ctr_healthcheck_argv(const struct strv *test, struct strv *ret, struct err *e);

/* The Healthcheck of an image's config.  Zeros become defaults. */
int ctr_healthcheck_read(const json_t *j, struct ctr_healthcheck *ret, struct err *e);

/* What options say; NULL: not given. */
struct ctr_healthcheck_options {
	bool none;
	const char *cmd, *interval, *timeout, *start_period, *start_interval, *on_failure;
	const char *startup_cmd, *startup_interval, *startup_timeout, *log_destination;
	const uint64_t *retries, *startup_retries, *startup_success, *log_count, *log_size;
};
/* Change @h accordingly; ERR_INVALID. */
int ctr_healthcheck_apply(struct ctr_healthcheck *h, const struct ctr_healthcheck_options *o,
			  struct err *e);

#endif
