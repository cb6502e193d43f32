/* Bringing in blobs over a few connections. */
#include "blob-fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "log.h"

#define STEP_MS 250			/* so often is a signal noticed at the latest */
#define SPLIT_MIN_BYTES (UINT64_C(2) << 20)	/* half of a rest, for a request of its own */
#define SPLIT_AFTER_MS 300		/* so long a connection's speed is looked at */
#define SPLIT_LEFT_MS 1000		/* a rest that takes longer than this is divided */

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void blob_fetch_init(struct blob_fetch *f, struct registry *reg)
{
	*f = (struct blob_fetch){ .reg = reg };
	f->last = &f->items;
	for (size_t i = 0; i < PULL_CONNECTIONS_MAX; i++)
		f->conns[i].fetch = f;
}

void blob_fetch_done(struct blob_fetch *f)
{
	for (size_t i = 0; i < PULL_CONNECTIONS_MAX; i++)
		registry_get_done(&f->conns[i].get);
}

void blob_fetch_add(struct blob_fetch *f, struct blob_item *item)
{
	item->next = NULL;
	*f->last = item;
	f->last = &item->next;
}

/* One connection */

/* A piece ends where the next one begins. */
static uint64_t piece_limit(const struct blob_connection *c)
{
	return partial_next_start(c->item->partial, c->item->partial->pieces[c->piece].start);
}

static int on_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct blob_connection *c = arg;
	struct partial *p = c->item->partial;
	uint64_t limit = piece_limit(c), room = limit - p->pieces[c->piece].end;
	int r = partial_write(p, c->piece, data, len < room ? len : (size_t)room, e);

	if (r < 0)
		return r;
	/* Where that is the answer's own end, the connection can be used again. */
	return len >= room && limit < (c->get.until ? c->get.until : p->size_bytes) ? HTTP_BODY_ENOUGH : 0;
}

static void on_done(struct registry_get *g, int r)
{
	struct blob_connection *c = g->arg;
	struct blob_item *item = c->item;
	struct partial_piece *piece = &item->partial->pieces[c->piece];

	c->item = NULL;
	if (r == 0)
		return;
	if (c->extra) {
		/* What it did not bring the others do. */
		log_debug("blob %.12s comes undivided: %s", item->partial->digest.hex, g->err.text);
		c->fetch->no_ranges = true;
		if (piece->start == piece->end)
			piece->start = piece->end = item->partial->size_bytes;
		return;
	}
	if (item->result == 0) {
		item->result = r;
		item->err = g->err;
	}
}

static int start(struct blob_connection *c, struct blob_item *item, size_t piece, bool extra,
		 struct err *e)
{
	struct partial *p = item->partial;
	char path[DIGEST_STR_MAX + 10];

	registry_get_done(&c->get);
	c->item = item;
	c->piece = piece;
	c->extra = extra;
	c->since_ms = now_ms();
	c->since_at = p->pieces[piece].end;
	c->get = (struct registry_get){
		.max_bytes = p->size_bytes, .expect_bytes = p->size_bytes, .from = c->since_at,
		.until = piece_limit(c) < p->size_bytes ? piece_limit(c) : 0, .only_range = extra, .body = on_body, .done = on_done, .arg = c,
	};
	(void)snprintf(path, sizeof(path), "blobs/sha256:%s", p->digest.hex);
	return registry_get_start(c->fetch->reg, &c->get, path, e);
}

/* What is missing */

static struct blob_connection *idle(struct blob_fetch *f)
{
	for (size_t i = 0; i < PULL_CONNECTIONS_MAX; i++)
		if (!f->conns[i].item)
			return &f->conns[i];
	return NULL;
}

static struct blob_connection *who_fetches(struct blob_fetch *f, const struct blob_item *item,
					   uint64_t at)
{
	for (size_t i = 0; i < PULL_CONNECTIONS_MAX; i++)
		if (f->conns[i].item == item && item->partial->pieces[f->conns[i].piece].end == at)
			return &f->conns[i];
	return NULL;
}

/* The piece that ends at @at, or a new one there. */
static int piece_at(struct partial *p, uint64_t at)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->pieces[i].end == at)
			return (int)i;
	return partial_add_piece(p, at);
}

static int fetch_missing(struct blob_fetch *f, struct blob_item *item, struct err *e)
{
	struct partial *p = item->partial;
	struct blob_connection *c;
	int piece, r = 0;

	for (uint64_t at = partial_known_end(p, 0); r == 0 && item->result == 0 && at < p->size_bytes;
	     at = partial_known_end(p, partial_next_start(p, at))) {
		if (who_fetches(f, item, at))
			continue;
		c = idle(f);
		if (!c)
			break;
		piece = piece_at(p, at);
		if (piece < 0)
			break; /* no room to note another one: after those that run */
		r = start(c, item, (size_t)piece, false, e);
	}
	return r;
}

/* How long a connection still needs for what is its own. */
static int64_t time_left_ms(const struct blob_connection *c, int64_t now)
{
	uint64_t at = c->item->partial->pieces[c->piece].end, got = at - c->since_at;
	uint64_t rest = piece_limit(c) - at;
	double per_ms;

	if (rest < 2 * SPLIT_MIN_BYTES || got == 0 || now - c->since_ms < SPLIT_AFTER_MS)
		return 0;
	per_ms = (double)got / (double)(now - c->since_ms);
	return (int64_t)((double)rest / per_ms);
}

/* Half of what the slowest connection has before it, for an idle one. */
static int divide(struct blob_fetch *f, struct err *e)
{
	struct blob_connection *free_one = idle(f), *slow = NULL;
	int64_t now = now_ms(), longest = SPLIT_LEFT_MS;
	uint64_t at, half;
	int piece;

	if (f->no_ranges || !free_one)
		return 0;
	for (size_t i = 0; i < PULL_CONNECTIONS_MAX; i++) {
		struct blob_connection *c = &f->conns[i];
		int64_t left = c->item ? time_left_ms(c, now) : 0;

		if (left > longest) {
			longest = left;
			slow = c;
		}
	}
	if (!slow)
		return 0;
	at = slow->item->partial->pieces[slow->piece].end;
	half = at + (piece_limit(slow) - at) / 2;
	piece = partial_add_piece(slow->item->partial, half);
	if (piece < 0)
		return 0;
	log_debug("blob %.12s: its bytes from %" PRIu64 " on by another connection",
		  slow->item->partial->digest.hex, half);
	return start(free_one, slow->item, (size_t)piece, true, e);
}

/* A piece ends where another begins: so an empty one at @end holds it in. */
int blob_fetch_now(struct blob_fetch *f, struct blob_item *item, uint64_t start_at, uint64_t end,
		   int (*interrupted)(struct err *e), struct err *e)
{
	struct partial *p = item->partial;
	struct blob_connection *c = idle(f);
	int piece, fence = -1, r;

	if (f->no_ranges || !c)
		return -EOPNOTSUPP;
	piece = partial_add_piece(p, start_at);
	if (piece >= 0 && end < p->size_bytes)
		fence = partial_add_piece(p, end);
	if (piece < 0)
		return -EOPNOTSUPP;
	r = start(c, item, (size_t)piece, true, e);
	while (r == 0 && c->item) {
		r = interrupted ? interrupted(e) : 0;
		if (r == 0)
			r = http_step(f->reg->http, NULL, 0, STEP_MS, e);
	}
	if (fence >= 0)
		p->pieces[fence].start = p->pieces[fence].end = p->size_bytes;
	if (r == 0 && partial_known_end(p, start_at) < end)
		r = -EOPNOTSUPP;
	return r;
}

int blob_fetch_turn(struct blob_fetch *f, struct err *e)
{
	int r = 0;

	for (struct blob_item *i = f->items; r == 0 && i; i = i->next)
		r = fetch_missing(f, i, e);
	return r < 0 ? r : divide(f, e);
}
