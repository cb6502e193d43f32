/*
 * A layer's tar archive from what podman keeps of it: the files, and in a *.tar-split.gz (as
 * github.com/vbatts/tar-split writes it) all the bytes between them.  Byte for byte the archive that
 * was unpacked, so the diffID tells whether every file is still what it was.
 */
#ifndef TRANSPORT_TAR_SPLIT_H
#define TRANSPORT_TAR_SPLIT_H

#include <stdint.h>

#include "err.h"
#include "userns.h"

#define TAR_SPLIT_LINE_MAX_BYTES (16u << 20)	/* one entry: the bytes between two files */

/*
 * Write the archive to @out_fd: no more than @max_bytes.  @split_fd: the compressed list;
 * @root_fd: the directory of the layer's files (O_PATH will do).  It is done by a confined process
 * in a user namespace with the map @m (NULL: none), which can read the files whoever owns them.
 * ERR_CORRUPT where the list is damaged or a file has another size.
 */
int tar_split_assemble(int split_fd, int root_fd, int out_fd, uint64_t max_bytes,
		       const struct idmap *m, struct err *e);
/* The same in this process, unconfined: for tests. */
int tar_split_assemble_here(int split_fd, int root_fd, int out_fd, uint64_t max_bytes,
			    struct err *e);

#endif
