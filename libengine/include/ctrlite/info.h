/* What this host, this store and this installation are like. */
#ifndef CTRLITE_INFO_H
#define CTRLITE_INFO_H

#include <jansson.h>

#include "ctrlite/engine.h"

/*
 * What `info` shows: podman's members (host, plugins, registries, store, version) and host.rungs,
 * which says how each feature is done on this host.  What cannot be found out is empty.  *@ret is
 * fresh.
 */
int ctr_info(struct ctr_engine *eng, json_t **ret, struct err *e);
/* The members of `version` and of info's version part; fresh, NULL when memory is gone. */
json_t *ctr_version(void);

#endif
