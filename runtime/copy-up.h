/* tmpcopyup: a tmpfs starts with what the image has at its place. */
#ifndef RUNTIME_COPY_UP_H
#define RUNTIME_COPY_UP_H

#include <stdbool.h>

#include "err.h"

/* Copy what is in the directory @from_fd (O_PATH) into the directory @to_fd: files, links,
 * directories, with owner, mode and times; on request the directory's own owner and mode too.
 * Other kinds are left out.  Follows no link. */
int copy_up(int from_fd, int to_fd, bool own_owner, bool own_mode, struct err *e);

#endif
