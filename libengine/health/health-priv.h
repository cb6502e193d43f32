/* What the files of libengine/health share. */
#ifndef HEALTH_PRIV_H
#define HEALTH_PRIV_H

#include "ctrlite/health.h"

/* health.json */
struct health_state {
	int64_t run_ns; /* started_ns of the run that it is of */
	enum ctr_hc_status status;
	int64_t streak; /* failures in a row */
	bool started;	/* the startup check has passed */
	int64_t startup_passes, startup_failures;
	json_t *log; /* array: oldest first; owned */
};
#define HEALTH_STATE_INIT   \
	{                   \
		.log = NULL \
	}
void health_state_done(struct health_state *s);

/* What is known of the container: of this run, when it runs; else of its last. */
int health_state_load(struct ctr_engine *eng, const struct ctr_request *r,
		      const struct ctr_status *st, struct health_state *ret, struct err *e);
/* Replace it, where the container still is. */
int health_state_store(struct ctr_engine *eng, const struct ctr_request *r,
		       const struct health_state *s, struct err *e);

/* One run of a check. */
struct health_entry {
	int64_t start_ns, end_ns;
	int exit_code;	    /* -1: it took too long */
	const char *output; /* any bytes */
	size_t len;
};
/* Into the log, cut and valid UTF-8; the oldest go. */
int health_log_add(struct health_state *s, const struct ctr_healthcheck *h,
		   const struct health_entry *x, struct err *e);

#endif
