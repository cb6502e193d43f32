/* Our own program file: a container must never be able to write to it. */
#ifndef RUNTIME_GUARD_H
#define RUNTIME_GUARD_H

#include "err.h"

/*
 * A process that we start in a container may execute /proc/self/exe and so become our file, open
 * for everyone who may trace it.  Where the rights on the file do not rule out that it is then
 * written to, we continue from a sealed copy in memory: this executes the program anew.
 */
int guard_own_program(char **argv, struct err *e);

#endif
