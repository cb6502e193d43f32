/* Taking a configuration apart for --explain. */
#ifndef CONTAINER_EXPLAIN_H
#define CONTAINER_EXPLAIN_H

#include <jansson.h>

#include "ctrlite/explain.h"

/* Append an element for each member of config.json (@config) to @elements. */
int explain_config(const struct ctr_request *r, const json_t *config, json_t *elements, struct err *e);
/* One element of what config.json does not hold. */
int explain_add(const struct ctr_request *r, json_t *elements, const char *kind, const char *name,
		const char *value, struct err *e);

#endif
