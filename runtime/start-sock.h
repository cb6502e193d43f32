/* The socket by which `start` wakes a created container and hears whether its program runs. */
#ifndef RUNTIME_START_SOCK_H
#define RUNTIME_START_SOCK_H

#include "err.h"

/* Listen at start.sock in the state directory @dir_fd. */
int start_sock_listen(int dir_fd, struct err *e);
/* Connect, say go, and wait until the program executes (0) or the reason why not has come. */
int start_sock_go(int dir_fd, struct err *e);

#endif
