/* The container's terminal. */
#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include "setup.h"

/* Steps: open a pty in the container, send its master to the runtime, mount /dev/console; and make
 * it the controlling terminal and 0, 1, 2. */
int console_open(struct setup *s, struct err *e);
int console_take(struct setup *s, struct err *e);

/* Without a size of its own the terminal starts with that of ours, if we have one. */
void console_default_size(struct oci_process *p);
/* Connect to the socket at @path, while the host's paths are seen; an owned descriptor. */
int console_connect(const char *path, struct err *e);
/* Send @fd with @text over @sock in one message. */
int console_send(int sock, const char *text, int fd, struct err *e);

#endif
