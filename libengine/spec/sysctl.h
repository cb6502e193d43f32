/* Kernel settings: --sysctl key=value, only those that belong to a namespace of the container. */
#ifndef SPEC_SYSCTL_H
#define SPEC_SYSCTL_H

#include <stdbool.h>

#include "err.h"

/* The namespaces that the container has for itself. */
struct spec_sysctl_ns {
	bool net, ipc, uts;
};

/*
 * Check KEY=VALUE.  Keys are spelled with dots (slashes are not taken) and are kernel.msg*,
 * kernel.sem, kernel.shm*, fs.mqueue.*, net.*, kernel.hostname, kernel.domainname.  *@ret_key (fresh) and
 * *@ret_value (fresh) are the two parts.  ERR_INVALID, ERR_DENIED when its namespace is not private.
 */
int spec_sysctl_parse(const char *text, const struct spec_sysctl_ns *ns, char **ret_key,
		      char **ret_value, struct err *e);

#endif
