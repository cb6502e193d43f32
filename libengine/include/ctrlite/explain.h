/*
 * Why a container is as it is: each element of what would run, with the option, the part of the image
 * or the default that it comes from.  Who decides something says so with ctr_origin() at that place;
 * when nobody asked, saying it costs one comparison.
 */
#ifndef CTRLITE_EXPLAIN_H
#define CTRLITE_EXPLAIN_H

#include <jansson.h>

#include "ctrlite/container.h"

/*
 * The element @name ("" where there is one only) of @kind comes from what @fmt says.  @kind is its path
 * in config.json ("mounts", "linux.namespaces", "process.env"), or a word for what is not there.  What
 * was said last counts.  Does nothing unless r->origins is set.
 */
void ctr_origin(const struct ctr_request *r, const char *kind, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * What `run` would do with @r, whose origins are set: *@ret is {"config": config.json as it would be
 * written, "elements": [{"Section", "Name", "Value", "Origin"}...]}.  There is an element for every
 * member of config.json, and for what the monitor does besides.  Nothing is made or started, no port is
 * taken.  Errors are those that the run would have.
 */
int ctr_container_explain(struct ctr_engine *eng, struct ctr_request *r, json_t **ret, struct err *e);

#endif
