/* Layers from local files into the store. */
#ifndef TRANSPORT_SINK_STORE_FEED_H
#define TRANSPORT_SINK_STORE_FEED_H

#include "image-in.h"
#include "transport.h"

/*
 * Bring the layers of @p that have a descriptor into @in, several at once: each is read once, and what
 * is read is hashed, kept as the blob, and unpacked by its worker at the same time.
 */
int sink_store_feed(struct image_in *in, const struct image_parts *p, const struct ctr_pull_events *ev,
		    struct err *e);

#endif
