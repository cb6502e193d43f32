/* Sysctls of the container's own namespaces. */
#ifndef RUNTIME_SYSCTL_H
#define RUNTIME_SYSCTL_H

#include "setup.h"

#define SYSCTL_PATH_MAX 256

/*
 * "net.ipv4.ip_forward" or "net/ipv4/ip_forward" as a path below /proc/sys in @ret.  Names that
 * would leave that tree or have odd characters are refused: -EINVAL, -ENAMETOOLONG.
 */
int sysctl_path(const char *name, char ret[SYSCTL_PATH_MAX]);
/* The namespace that @path (from sysctl_path) belongs to, or -EINVAL where it is the host's. */
int sysctl_namespace(const char *path);
/* Refuse what is invalid, or belongs to no namespace of the container's own. */
int sysctl_check(const struct oci_config *c, struct err *e);
/* The step. */
int sysctl_write_all(struct setup *s, struct err *e);

#endif
