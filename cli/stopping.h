/* What stop and restart share. */
#ifndef CLI_STOPPING_H
#define CLI_STOPPING_H

#include "cli.h"
#include "ctrlite/container.h"

#define STOP_TIME_OWN INT64_MIN	/* the container's own stop timeout */

/* Check --time, and read --signal (NULL: *@ret_signal is 0, the container's own). */
int stop_options(int64_t time_s, const char *signal, int *ret_signal, struct err *e);

/* How one container is stopped. */
struct stopping {
	struct ctr_stop_opts opts;
	char *name;
};
/* From the options, and where they say nothing from its record. */
int stopping_of(struct cmd *c, const char *id, int signal, int64_t time_s, struct stopping *ret,
		struct err *e);
void stopping_done(struct stopping *s);
/* The signal did not do. */
void stopping_warn(const struct stopping *s);

#endif
