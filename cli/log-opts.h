/* --log-driver and --log-opt. */
#ifndef CLI_LOG_OPTS_H
#define CLI_LOG_OPTS_H

#include <ctrlite/container.h>

/* Put them into the request; @driver NULL: the default.  ERR_INVALID for what is none, or what
 * the driver does not do. */
int log_opts_parse(const char *driver, const struct strv *opts, struct ctr_request *r, struct err *e);

#endif
