/* The id map of a container that has another than the user's default map. */
#ifndef CONTAINER_USERNS_MAP_H
#define CONTAINER_USERNS_MAP_H

#include "ctrlite/container.h"

/*
 * From --userns, --uidmap and the like make inner_uidmap and inner_gidmap, and what follows from
 * them: with keep-id the user and a group.  With --userns=auto *@ret_lock (NULL: only to look)
 * keeps others from choosing ids until the caller, whose record names them, closes it.
 */
int request_id_map(struct ctr_engine *eng, struct ctr_request *r, int *ret_lock, struct err *e);

#endif
