/* Taking a configuration apart for --explain. */
#ifndef CONTAINER_EXPLAIN_H
#define CONTAINER_EXPLAIN_H

#include <jansson.h>

#include "ctrlite/explain.h"
#include "ctrlite/network.h"
#include "namespaces.h"

/* Append an element for each member of config.json (@config) to @elements. */
int explain_config(const struct ctr_request *r, const json_t *config, json_t *elements, struct err *e);
/* What the monitor does besides: ids, namespaces that are shared, network, lines that files get. */
struct explain_plans {
	const struct ctr_network *network;
	const struct ctr_net_plan *net;
	const struct ns_plan *ns;
	const struct strv *append;	/* "PATH\tLINE" */
};
int explain_beyond(struct ctr_engine *eng, const struct ctr_request *r, const struct explain_plans *p,
		   json_t *elements, struct err *e);

#endif
