/*
 * Mounts that both storage and the monitor make: the overlay of a root filesystem.
 */
#ifndef BASE_MNT_H
#define BASE_MNT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct mnt_overlay {
	const char *const *lower;	/* absolute directories, topmost first */
	size_t n_lower;
	const char *upper, *work;	/* NULL: read-only overlay (then n_lower >= 2 or the one twice) */
	bool volatile_;			/* no syncing: the upper is thrown away with the container */
};

/*
 * Mount the overlay on the directory @target: fsopen/fsconfig with "lowerdir+" (Linux 6.8), else
 * with one lowerdir string while it fits (each path is escaped), else mount(2).  userxattr always.
 * nodev is set for a mounter without CAP_SYS_ADMIN in the initial namespace by the kernel itself.
 * One lower and no upper is done as a read-only bind mount.
 */
int mnt_overlay(const struct mnt_overlay *o, const char *target, struct err *e);
/* Make every mount of this mount namespace private, recursively (or slave, to keep receiving). */
int mnt_propagation(bool slave, struct err *e);
/* Is something mounted on the directory that the absolute @path (without links) is?  1, 0 or -errno. */
int mnt_is_mounted(const char *path);

#endif
