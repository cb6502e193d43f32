/*
 * Bringing in blobs over a few connections to one registry: what is missing of each partial blob is
 * fetched, and where connections are idle a large rest is divided among them by ranges.
 */
#ifndef REGISTRY_BLOB_FETCH_H
#define REGISTRY_BLOB_FETCH_H

#include "partial.h"
#include "registry.h"

#define PULL_CONNECTIONS_MAX 6	/* at the same time */

/* One blob; it must stay where it is until blob_fetch_done(). */
struct blob_item {
	struct partial *partial;	/* borrowed; its bytes from 0 to partial_known_end(.., 0) may be read */
	int result;			/* of a connection that failed for good */
	struct err err;
	struct blob_item *next;
};

struct blob_connection {
	struct registry_get get;
	struct blob_fetch *fetch;
	struct blob_item *item;		/* NULL: idle */
	size_t piece;
	bool extra;			/* a range that was split off */
	int64_t since_ms;
	uint64_t since_at;
};

struct blob_fetch {
	struct registry *reg;
	struct blob_item *items, **last;
	struct blob_connection conns[PULL_CONNECTIONS_MAX];
	bool no_ranges;			/* the registry does not divide blobs */
};

/* In place: @f must not move. */
void blob_fetch_init(struct blob_fetch *f, struct registry *reg);
void blob_fetch_done(struct blob_fetch *f);
/* Fetch what @item->partial lacks. */
void blob_fetch_add(struct blob_fetch *f, struct blob_item *item);
/*
 * Bytes @start to @end of it before all others, and wait for them.  -EOPNOTSUPP (no text): the registry
 * sends no ranges, or there is no connection free for it.
 */
int blob_fetch_now(struct blob_fetch *f, struct blob_item *item, uint64_t start, uint64_t end,
		   int (*interrupted)(struct err *e), struct err *e);
/* Give idle connections something to do; http_step() then moves the bytes. */
int blob_fetch_turn(struct blob_fetch *f, struct err *e);

#endif
