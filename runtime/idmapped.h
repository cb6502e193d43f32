/*
 * Id-mapped mounts.  The kernel lets only root of the user namespace that a file system belongs to
 * map its ids, so the runtime maps bind mounts of the host's while it still is who it was started
 * as; file systems that the container mounts itself are mapped by its own process.
 */
#ifndef RUNTIME_IDMAPPED_H
#define RUNTIME_IDMAPPED_H

#include "oci-config.h"

struct idmapped {
	int userns; /* has the map; FD_NONE where no map is asked for */
	int tree;   /* a bind mount, mapped and not attached yet; FD_NONE: left to the container */
};

/*
 * One for each of @cfg's mounts in fresh memory, NULL when none is mapped.  @container_userns is
 * the user namespace that it joins, FD_NONE: a new one.  Before any namespace is joined.
 */
int idmapped_prepare(const struct oci_config *cfg, int container_userns, struct idmapped **ret,
		     struct err *e);
void idmapped_free(struct idmapped *list, size_t n);
/* Map the mount @mnt, which is not attached yet, as @m asks. */
int idmapped_apply(int mnt, int userns, const struct oci_mount *m, struct err *e);

#endif
