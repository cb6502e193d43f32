/* The same work for several things at once, each in a process of its own. */
#ifndef CLI_SIDE_BY_SIDE_H
#define CLI_SIDE_BY_SIDE_H

#include <stddef.h>

#include "err.h"

#define SIDE_BY_SIDE_MAX 64	/* processes at a time */

/*
 * Run @one(arg, i) for each i < @n, up to @at_once of them at a time.  It returns an exit status, and has
 * /dev/null as stdin; what it prints comes out in order, once those before it have ended, while what
 * it writes on stderr is passed on line for line as it comes (no terminal).  Processes that still run
 * when we end are asked to end, too.  The first status that is not 0, 0, or -errno.
 */
int side_by_side(size_t n, size_t at_once, int (*one)(void *arg, size_t i), void *arg, struct err *e);

#endif
