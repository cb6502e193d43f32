/* Commands on all containers whose ID matches a regular expression (--regex). */
#ifndef RUNTIME_MATCHING_H
#define RUNTIME_MATCHING_H

#include "runtime.h"

/* Run @command once for each, with the ID in a->argv[0].  All are tried; the first failure is
 * returned. */
int matching_run(struct args *a, int (*command)(struct args *a, struct err *e), struct err *e);

#endif
