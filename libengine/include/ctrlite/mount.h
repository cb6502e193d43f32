/*
 * A container's root file system mounted where the caller is: by root on the host, by others in the
 * namespaces of `unshare`.  What is mounted is the state; nothing else remembers it.
 */
#ifndef CTRLITE_MOUNT_H
#define CTRLITE_MOUNT_H

#include "ctrlite/engine.h"
#include "proc.h"
#include "str.h"

/*
 * Mount the container @id (once: it may be mounted already); its place in *@ret_path, fresh.  One
 * that runs is there as it is, for root; in `unshare` only to be read.  ERR_DENIED for users who
 * are not in `unshare`.
 */
int ctr_container_mount(struct ctr_engine *eng, const char *id, char **ret_path, struct err *e);
/* Where it is mounted, fresh; NULL: it is not. */
int ctr_container_mountpoint(struct ctr_engine *eng, const char *id, char **ret_path, struct err *e);
/* Take it down; one that is not mounted is no error.  @force: also while files in it are in use. */
int ctr_container_unmount(struct ctr_engine *eng, const char *id, bool force, struct err *e);

/*
 * Run a command as root of a new user namespace with the user's default id map and a mount namespace
 * of its own, and wait: its exit status.  ERR_CMD_NOT_FOUND, ERR_CMD_NOT_EXEC.
 */
int ctr_unshare(struct ctr_engine *eng, char *const *argv, int *ret_exit_code, struct err *e);

#endif
