/* The container's root file system: its mount, targets inside it, the pivot. */
#ifndef RUNTIME_ROOTFS_H
#define RUNTIME_ROOTFS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "setup.h"

/*
 * Open @path inside the root as an O_PATH descriptor, making what is missing: directories with
 * mode 0755 and, unless @dir, an empty file as the last component.  Links mean what they mean to a
 * process inside, dangling ones too.  Never leaves @root_fd, never opens a FIFO or device.
 */
int rootfs_target(int root_fd, const char *path, bool dir);

/* Open its directory while we may: s->rootfs_at. */
int rootfs_open(struct setup *s, struct err *e);

/* Steps. */
int rootfs_mount(struct setup *s, struct err *e);
int rootfs_pivot(struct setup *s, struct err *e);
int rootfs_finish(struct setup *s, struct err *e); /* read-only, propagation */

#endif
