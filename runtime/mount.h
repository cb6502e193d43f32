/* Mounting by descriptor: the new mount API, and mount(2) through /proc/self/fd where it is barred.
 */
#ifndef RUNTIME_MOUNT_H
#define RUNTIME_MOUNT_H

#include <stdbool.h>

#include "mount-opts.h"
#include "setup.h"

/* A detached copy of the mount at the O_PATH descriptor @fd (a file or directory); an owned
 * descriptor, or -errno. */
int mount_clone(int fd, bool recursive);
/* Attach the detached @mnt on what @target_fd names. */
int mount_attach(int mnt, int target_fd);
/* Bind what @source names on what @target_fd names, by whichever of the two ways is open. */
int mount_bind_at(int source, int target_fd, bool recursive);
/* Is @r how a kernel or a filter around us bars the new mount API? */
bool mount_api_barred(int r);
/* mount(2) on what @target_fd names. */
int mount_old(const char *source, int target_fd, const char *type, unsigned long flags,
	      const char *data);
/* Set and clear attributes of the mount whose root @mnt names (@rec: and of all below). */
int mount_set_attrs(int mnt, const struct mount_attrs *a, bool rec);
/* Remount the attached @mnt: flags that are on stay on unless @a clears them.  @bind: the mount
 * alone; else the file system too, with @data as mount(2) has it. */
int mount_change(int mnt, const struct mount_attrs *a, bool bind, const char *data);
/* Set MS_PRIVATE and the like on it (@rec: and on all below); nothing for 0. */
int mount_set_propagation(int mnt, unsigned long propagation, bool rec);
/* A new file system as a detached mount; options as in config.json ("size=64m", "ro"). */
int mount_new_fs(const char *type, const char *source, const struct strv *fs_opts,
		 const struct mount_attrs *a, struct err *e);

/* Open the sources of bind mounts while we may: s->sources. */
int mount_open_sources(struct setup *s, struct err *e);
/* Steps (mount-config.c): everything in $.mounts, in order; and those that become read-only at the
 * end. */
int mount_all(struct setup *s, struct err *e);
int mount_finish_ro(struct setup *s, struct err *e);

#endif
