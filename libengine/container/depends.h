/* Which containers need others, and which are needed. */
#ifndef CONTAINER_DEPENDS_H
#define CONTAINER_DEPENDS_H

#include "ctrlite/container.h"

/* IDs of the containers whose namespaces it shares, and those of --requires. */
int container_dependencies(const struct ctr_request *r, struct strv *ret, struct err *e);
/* Names in requires_ become IDs. */
int container_resolve_requires(struct ctr_engine *eng, struct ctr_request *r, struct err *e);
/* Before the record of @r is there; after it is gone. */
int container_mark_dependent(struct ctr_engine *eng, const struct ctr_request *r, struct err *e);
void container_unmark_dependent(struct ctr_engine *eng, const struct ctr_request *r);
/* ERR_EXISTS naming them when there are any. */
int container_refuse_dependents(struct ctr_engine *eng, const char *id, struct err *e);
/* Those that do not run. */
int container_start_dependencies(struct ctr_engine *eng, const struct ctr_request *r,
				 unsigned int depth, struct err *e);
/* ctr_container_start() as a dependency of so many others (start.c). */
int container_start_at(struct ctr_engine *eng, const char *id, const struct ctr_start_opts *o,
		       unsigned int depth, int *ret_sock, struct err *e);

#endif
