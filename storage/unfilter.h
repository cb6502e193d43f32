/* Decompression of what is no layer yet: xz and bzip2 tarballs that are imported. */
#ifndef STORAGE_UNFILTER_H
#define STORAGE_UNFILTER_H

#include <stddef.h>

#include "err.h"
#include "proc.h"
#include "userns.h"

/*
 * Start a confined worker that decompresses @start (@len bytes that were read already) and then
 * what is read from @in_fd.  Its output is read from *@ret_fd.  It is chrooted into the new
 * directory @name under @dir_fd (a stage).
 */
int unfilter_start(int dir_fd, const char *name, const struct idmap *m, const void *start, size_t len,
		   int in_fd, int *ret_fd, struct proc *ret, struct err *e);
/* After the end of the output: did it succeed?  Kills a worker that is still at it when @abort. */
int unfilter_finish(struct proc *p, bool abort, struct err *e);

#endif
