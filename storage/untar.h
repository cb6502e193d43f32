/* From a tar stream to entries of a tree: libarchive decodes, tree.h creates. */
#ifndef STORAGE_UNTAR_H
#define STORAGE_UNTAR_H

#include "unpack.h"

/*
 * Unpack the (compressed) layer that is read from @in_fd under @root_fd, as the only process that
 * writes there.  Directories without an entry are noted on @implicit_fd, and all files at the end
 * on @list_fd (file-list.h; FD_NONE: they are not).  Reads and hashes to the end of the input.
 */
int untar(int in_fd, int root_fd, int implicit_fd, int list_fd, bool squash,
	  const struct unpack_limits *lim, struct unpack_result *ret, struct err *e);

#endif
