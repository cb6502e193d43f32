/*
 * exec.fifo in the state directory, the gate between create and start.  The container's process
 * blocks in opening it for writing until `start` opens it for reading; then it is the way back: a
 * struct err tells why the program does not run, and the end of file, by close-on-exec, that it
 * does.
 */
#ifndef RUNTIME_START_FIFO_H
#define RUNTIME_START_FIFO_H

#include <stdbool.h>

#include "err.h"
#include "proc.h"

/* Make it in the state directory @dir_fd; an O_PATH descriptor of it. */
int start_fifo_make(int dir_fd, struct err *e);
/* Is the container behind @dir_fd still to be started? */
bool start_fifo_exists(int dir_fd);
/* The container's side: wait at the gate behind @fifo, by way of the procfs @proc_fd.  The
 * descriptor that failures are reported on. */
int start_fifo_wait(int fifo, int proc_fd, struct err *e);
/*
 * The side of `start`: open the gate for the process @init, remove it, and wait until the program
 * executes (0) or the reason why not has come.  A dead process is -EBUSY (ERR_BUSY).
 */
int start_fifo_go(int dir_fd, const struct proc *init, struct err *e);

#endif
