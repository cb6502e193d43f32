/* tmpcopyup: a tmpfs starts with what the image has at its place. */
#ifndef RUNTIME_COPY_UP_H
#define RUNTIME_COPY_UP_H

#include <stdbool.h>

#include "err.h"

/* Copy what is in the directory @from_fd (O_PATH) into the directory @to_fd: files, links,
 * directories, with owner, mode and times.  Other kinds are left out.  Follows no link.  @to_fd
 * itself gets the owner and mode of @from_fd as far as is asked for. */
int copy_up(int from_fd, int to_fd, bool owner, bool mode, struct err *e);

#endif
