/* The policy's word on an image of a source, before any of its blobs is read. */
#ifndef TRANSPORT_SOURCE_TRUST_H
#define TRANSPORT_SOURCE_TRUST_H

#include "policy.h"
#include "transport.h"

/* May the manifest (or index) @d of @src be used?  As trust_check(). */
int source_trust(struct image_source *src, const struct policy *p, const struct digest *d,
		 struct err *e);

#endif
