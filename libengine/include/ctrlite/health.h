/*
 * The health of containers: running their checks, and what came of it.
 *
 * <graphroot>/containers/<id>/health.json is of one run of the container, which its started_ns
 * names: that of an earlier run counts only while the container does not run.
 */
#ifndef CTRLITE_HEALTH_H
#define CTRLITE_HEALTH_H

#include "ctrlite/container.h"

enum ctr_hc_status { CTR_HC_NONE, CTR_HC_STARTING, CTR_HC_HEALTHY, CTR_HC_UNHEALTHY, CTR_HC_COUNT_ };
/* "", "starting", "healthy", "unhealthy" */
const char *ctr_hc_status_str(enum ctr_hc_status s);

/* The state of @r, whose status is @s; CTR_HC_NONE where it has no check.  Costs nothing then. */
int ctr_health_status(struct ctr_engine *eng, const struct ctr_request *r, const struct ctr_status *s,
		      enum ctr_hc_status *ret, struct err *e);
/* State.Health of inspect, where there is a check; fresh. */
int ctr_health_json(struct ctr_engine *eng, const struct ctr_request *r, const struct ctr_status *s,
		    json_t **ret, struct err *e);

struct ctr_health_result {
	bool passed;
	bool startup;		/* it was the startup check */
	int64_t next_ms;	/* when the next is due; 0: never */
};
/*
 * Run the check once, keep its result, say it as an event and do what is to be done about an
 * unhealthy container.  ERR_INVALID: it has none; ERR_BUSY: it does not run.
 */
int ctr_health_check(struct ctr_engine *eng, const char *id, struct ctr_health_result *ret,
		     struct err *e);

#endif
