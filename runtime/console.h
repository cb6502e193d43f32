/* The container's terminal. */
#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include "setup.h"

/* Steps: open a pty in the container, send its master to the runtime, mount /dev/console; and make
 * it the controlling terminal and 0, 1, 2. */
int console_open(struct setup *s, struct err *e);
int console_take(struct setup *s, struct err *e);

/* Send @master to the socket at @path as runc does. */
int console_send(const char *path, int master, struct err *e);

#endif
