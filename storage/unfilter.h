/* Decompression of what is no layer: image archives, and tarballs that are imported. */
#ifndef STORAGE_UNFILTER_H
#define STORAGE_UNFILTER_H

#include <stddef.h>

#include "err.h"
#include "proc.h"
#include "unpack.h"
#include "userns.h"

/*
 * Start a confined worker that decompresses @start (@len bytes that were read already, enough to
 * tell the compression by: gzip, zstd, xz or bzip2) and then what is read from @in_fd.  Its output
 * is read from *@ret_fd, and is no more than @lim permits.  It is chrooted into the new directory
 * @name under @dir_fd (a stage).
 */
int unfilter_start(int dir_fd, const char *name, const struct idmap *m,
		   const struct unpack_limits *lim, const void *start, size_t len, int in_fd,
		   int *ret_fd, struct proc *ret, struct err *e);
/* After the end of the output: did it succeed?  Kills a worker that is still at it when @abort. */
int unfilter_finish(struct proc *p, bool abort, struct err *e);

#endif
