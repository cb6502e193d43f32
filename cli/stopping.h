/* What stop and restart share. */
#ifndef CLI_STOPPING_H
#define CLI_STOPPING_H

#include "cli.h"

#define STOP_TIME_OWN INT64_MIN	/* the container's own stop timeout */

/* Check --time, and read --signal (NULL: *@ret_signal is 0, the container's own). */
int stop_options(int64_t time_s, const char *signal, int *ret_signal, struct err *e);
/* Stop one, and warn when its signal did not do. */
int stop_target(struct cmd *c, const char *id, int signal, int64_t time_s, struct err *e);

#endif
