/* What stop and restart share. */
#ifndef CLI_STOPPING_H
#define CLI_STOPPING_H

#include "cli.h"
#include "ctrlite/container.h"
#include "targets.h"

#define STOP_TIME_OWN INT64_MIN	/* the container's own stop timeout */

/* Check --time, and read --signal (NULL: *@ret_signal is 0, the container's own). */
int stop_options(int64_t time_s, const char *signal, int *ret_signal, struct err *e);

/* Do @act (ctr_container_stop or _restart) to each, as targets_each() has it. */
int stopping_each(struct cmd *c, const struct targets *t,
		  int (*act)(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
			     bool *ret_killed, struct err *e),
		  int signal, int64_t time_s, struct err *e);

#endif
