/* The runtime stays the parent of the process it started: terminal, signals, exit code. */
#ifndef RUNTIME_FOREGROUND_H
#define RUNTIME_FOREGROUND_H

#include "err.h"
#include "proc.h"

/* Block the signals that are to be forwarded; call before cloning. */
void foreground_block_signals(void);
/* Signals and their mask as a program expects them; in the child. */
void foreground_reset_signals(void);
/*
 * Forward signals to @p, and bytes between our terminal and the pty's @master (FD_NONE: none),
 * until it ends.  Returns its exit code, or -errno.
 */
int foreground_wait(struct proc *p, int master, struct err *e);

#endif
