/* What a process that decodes strangers' files gives up before it starts. */
#ifndef STORAGE_CONFINE_H
#define STORAGE_CONFINE_H

#include <stdint.h>

#include "err.h"

/*
 * To be called as root of the (user namespace's) worker: make the directory @root_fd the root of
 * the file system, keep only the capabilities that creating files of any owner takes, set
 * limits, and forbid every system call and path that unpacking does not need.  Landlock is used
 * where the kernel has it.  There is no way back; descriptors that are open stay usable.
 */
int confine_to(int root_fd, uint64_t max_file_bytes, struct err *e);

#endif
