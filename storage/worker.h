/* Processes that work on strangers' files: forking them, and what they have open. */
#ifndef STORAGE_WORKER_H
#define STORAGE_WORKER_H

#include <stddef.h>

#include "err.h"
#include "proc.h"
#include "userns.h"

#define WORKER_FD_FIRST 3

/* Fork into a user namespace with the map @m (NULL: none) and, where that is permitted, an empty
 * network namespace.  0 in the child, which dies with its parent; 1 in the parent; or -errno. */
int worker_fork(const struct idmap *m, struct proc *ret, struct err *e);
/* In the child: @from[i] becomes descriptor WORKER_FD_FIRST + i; standard input, output and error
 * are /dev/null; nothing else stays open. */
int worker_place_fds(const int *from, size_t n);
/* In the child: default dispositions, but SIGPIPE and SIGXFSZ show as errors of the call. */
void worker_reset_signals(void);

#endif
