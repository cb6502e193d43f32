/* What `inspect` shows of a container. */
#ifndef CTRLITE_INSPECT_H
#define CTRLITE_INSPECT_H

#include <jansson.h>

#include "ctrlite/container.h"

/* Podman's members in podman's order; @size adds SizeRw and SizeRootFs.  *@ret is fresh. */
int ctr_container_inspect(struct ctr_engine *eng, const struct ctr_container *c, bool size,
			  json_t **ret, struct err *e);

/* An RFC 3339 time in fresh memory, fraction digits as needed; 0 is Go's zero time. */
char *ctr_time_str(int64_t ns);

#endif
