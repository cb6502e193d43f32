/* Directories that a layer's tar leaves implicit: they look like the ones below. */
#ifndef STORAGE_IMPLICIT_H
#define STORAGE_IMPLICIT_H

#include <stddef.h>

#include "err.h"
#include "userns.h"

struct implicit_layer {
	int dir_fd;		/* where @name is; borrowed */
	const char *name;	/* of the layer's directory, with diff/ in it */
};

/*
 * Give each directory that the topmost of @layers (bottom first) made without an entry the owner,
 * mode, times and attributes that it has in the layers below; what none of them has stays.  Their
 * names are in its file UNPACK_IMPLICIT.  @m: as the layers were unpacked.
 */
int implicit_fix(const struct implicit_layer *layers, size_t n, const struct idmap *m, struct err *e);

#endif
