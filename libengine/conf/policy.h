/* policy.json (containers-policy.json(5)): which images may be pulled at all. */
#ifndef CONF_POLICY_H
#define CONF_POLICY_H

#include "err.h"

/*
 * May the image with the full reference @ref ("host/path:tag" or "...@digest") be pulled?  Read
 * from ~/.config/containers/policy.json, else /etc/containers/policy.json; a host with neither
 * accepts everything, as docker does.  0; ERR_DENIED where the policy rejects it; ERR_UNSUPPORTED
 * where it wants a signature, which cannot be checked here and is therefore never taken for
 * granted; ERR_CORRUPT for a file that says something unclear.
 */
int policy_check(const char *ref, struct err *e);
/* The same for the policy in @path. */
int policy_check_file(const char *path, const char *ref, struct err *e);

#endif
