/*
 * Namespaces as descriptors (ioctl_nsfs(2)): opening those of a process, telling their kind, and
 * finding the user namespaces that they belong to.  -errno returns; nothing prints.
 */
#ifndef BASE_NS_H
#define BASE_NS_H

#include <stdbool.h>

#include "proc.h"

/* The namespace /proc/PID/ns/@name of @p (net, user, mnt, pid ...).  -ESRCH when it has ended:
 * what is returned is never that of another process with the same number. */
int ns_open(const struct proc *p, const char *name);
/* CLONE_NEW* of the namespace behind @fd; -EINVAL when it is none. */
int ns_kind(int fd);
bool ns_same(int a, int b);
/* The user namespace that owns the one behind @fd (a user namespace: itself).  -EPERM when it is
 * none that we may know. */
int ns_owner(int fd);
/*
 * Of the user namespaces from @user_fd upwards the one that is a child of ours: *@ret_fd and 1.  0
 * when @user_fd is our own; -EPERM when it is not below ours.
 */
int ns_below_ours(int user_fd, int *ret_fd);

#endif
