/* Decompression of what is no layer: image archives, and tarballs that are imported. */
#ifndef STORAGE_UNFILTER_H
#define STORAGE_UNFILTER_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "proc.h"
#include "unpack.h"
#include "userns.h"

/* What is decompressed: gzip, zstd, xz or bzip2, or what is none of them as it is. */
struct unfilter_in {
	const void *start;	/* bytes that were read from @fd already: enough to tell the compression by */
	size_t len;
	int fd;			/* borrowed; read from where it stands */
	uint64_t max_bytes;	/* no more than this from @fd; UINT64_MAX: to its end */
};

/*
 * Start a confined worker that decompresses @in.  Its output is read from *@ret_fd, and is no more
 * than @lim permits.  It is chrooted into the new directory @name under @dir_fd (a stage).
 */
int unfilter_start(int dir_fd, const char *name, const struct idmap *m,
		   const struct unpack_limits *lim, const struct unfilter_in *in, int *ret_fd,
		   struct proc *ret, struct err *e);
/* After the end of the output: did it succeed?  Kills a worker that is still at it when @abort. */
int unfilter_finish(struct proc *p, bool abort, struct err *e);

#endif
