/* Taking parts of zstd:chunked blobs from others that are here. */
#include "chunk-reuse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "log.h"
#include "zstd-toc.h"

#define BLOBS_MAX 64			/* that are looked into; the newest images first */
#define RUN_MIN_BYTES (UINT64_C(64) << 10)	/* less is fetched with what is beside it */
#define EQUALS_MAX 16			/* chunks of one sum that are looked at */
#define RUNS_MAX (PARTIAL_PIECES_MAX / 2)	/* the rest is for the pieces between them */

struct known_blob {
	struct digest digest;
	int fd;			/* held */
};

struct chunk_reuse {
	struct image_in *in;
	int (*interrupted)(struct err *e);
	bool looked;
	struct known_blob blobs[BLOBS_MAX];
	uint32_t n_blobs;
	struct zstd_chunks known;	/* in the order of the blobs, and of their places there */
	uint32_t *sorted;		/* indexes of them by their sums */
	unsigned int n_tocs;		/* directories of workers in the stage */
};

struct chunk_reuse *chunk_reuse_new(struct image_in *in, int (*interrupted)(struct err *e))
{
	struct chunk_reuse *c = calloc(1, sizeof(*c));

	if (c) {
		c->in = in;
		c->interrupted = interrupted;
	}
	return c;
}

void chunk_reuse_free(struct chunk_reuse *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n_blobs; i++)
		(void)fd_close(c->blobs[i].fd);
	zstd_chunks_done(&c->known);
	free(c->sorted);
	free(c);
}

/* What is here */

static int by_place(const void *a, const void *b)
{
	const struct zstd_chunk *x = a, *y = b;

	if (x->blob != y->blob)
		return x->blob < y->blob ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int by_sum(const void *a, const void *b, void *list)
{
	const struct zstd_chunk *all = list;
	const uint32_t *x = a, *y = b;

	return memcmp(all[*x].sum, all[*y].sum, sizeof(all->sum));
}

static void sort_known(struct chunk_reuse *c)
{
	c->sorted = calloc(c->known.n + 1, sizeof(*c->sorted));
	if (!c->sorted)
		c->known.n = 0; /* nothing is found then */
	if (c->known.n == 0)
		return;
	qsort(c->known.list, c->known.n, sizeof(c->known.list[0]), by_place);
	for (uint32_t i = 0; i < c->known.n; i++)
		c->sorted[i] = i;
	qsort_r(c->sorted, c->known.n, sizeof(c->sorted[0]), by_sum, c->known.list);
}

static int read_toc(struct chunk_reuse *c, int fd, uint64_t start, uint64_t end, uint32_t blob,
		    struct zstd_chunks *ret)
{
	struct err e = ERR_INIT;
	char name[32];
	int r;

	(void)snprintf(name, sizeof(name), "toc-%u", c->n_tocs++);
	r = zstd_toc_read(c->in, name, fd, start, end, blob, ret, &e);
	if (r < 0)
		log_debug("a table of contents is not used: %s", e.text);
	return r;
}

static void know_layer(struct chunk_reuse *c, const json_t *descriptor)
{
	const char *s = json_string_value(json_object_get(descriptor, "digest"));
	uint64_t start, end;
	struct digest d;
	struct stat st;
	int fd;

	if (c->n_blobs == BLOBS_MAX || !s || digest_parse(s, &d, NULL) < 0 ||
	    zstd_toc_find(descriptor, UINT64_MAX, &start, &end) != 1)
		return;
	for (uint32_t i = 0; i < c->n_blobs; i++)
		if (digest_eq(&c->blobs[i].digest, &d))
			return;
	fd = layout_blob_hold(c->in->store, &d, NULL);
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || end > (uint64_t)st.st_size) {
		(void)fd_close(fd);
		return;
	}
	c->blobs[c->n_blobs] = (struct known_blob){ d, fd };
	(void)read_toc(c, fd, start, end, c->n_blobs++, &c->known); /* without it: nothing of it */
}

static void look(struct chunk_reuse *c)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;

	c->looked = true;
	if (layout_read(c->in->store, &x, NULL) < 0)
		return;
	for (size_t i = x.n; i-- > 0;) {
		auto_json json_t *doc = NULL;
		const json_t *layers;

		if (layout_blob_json(c->in->store, &x.entries[i].manifest, LAYOUT_MANIFEST_MAX_BYTES, &doc,
				     NULL) < 0)
			continue;
		layers = json_object_get(doc, "layers");
		for (size_t k = 0; k < json_array_size(layers); k++)
			know_layer(c, json_array_get(layers, k));
	}
	sort_known(c);
}

/* What fits */

static bool fits(const struct zstd_chunk *want, const struct zstd_chunk *x)
{
	/* compressed otherwise it will not do */
	return memcmp(want->sum, x->sum, sizeof(x->sum)) == 0 && x->end - x->start == want->end - want->start;
}

static const struct zstd_chunk *find(const struct chunk_reuse *c, const struct zstd_chunk *want)
{
	size_t low = 0, high = c->known.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(c->known.list[c->sorted[mid]].sum, want->sum, sizeof(want->sum)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t last = low + EQUALS_MAX; low < c->known.n && low < last; low++) {
		const struct zstd_chunk *x = &c->known.list[c->sorted[low]];

		if (memcmp(x->sum, want->sum, sizeof(x->sum)) != 0)
			break;
		if (fits(want, x))
			return x;
	}
	return NULL;
}

/* Bytes of the new blob that are in one piece in another: chunks, and the headers between them. */
struct run {
	uint64_t start, end;
	const struct zstd_chunk *from;	/* of the first one */
};

static int largest_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->end - x->start < y->end - y->start ? 1 : x->end - x->start > y->end - y->start ? -1 : 0;
}

/* Is what follows @x in its blob what follows @w in the new one, with the same headers between? */
static bool goes_on(const struct chunk_reuse *c, const struct zstd_chunk *w, const struct zstd_chunk *x)
{
	return x + 1 < c->known.list + c->known.n && x[1].blob == x->blob && fits(&w[1], &x[1]) &&
	       w[1].meta == x[1].meta && w[1].start - w->end == x[1].start - x->end;
}

static size_t find_runs(const struct chunk_reuse *c, const struct zstd_chunks *want, struct run *runs)
{
	size_t n = 0;

	for (size_t i = 0; i < want->n; i++) {
		const struct zstd_chunk *x = find(c, &want->list[i]);
		struct run run;

		if (!x)
			continue;
		run = (struct run){ want->list[i].start, want->list[i].end, x };
		for (; i + 1 < want->n && want->list[i + 1].start >= want->list[i].end &&
		       goes_on(c, &want->list[i], x); i++, x++)
			run.end = want->list[i + 1].end;
		if (run.end - run.start >= RUN_MIN_BYTES)
			runs[n++] = run;
	}
	qsort(runs, n, sizeof(*runs), largest_first);
	return n < RUNS_MAX ? n : RUNS_MAX;
}

static int copy_runs(struct chunk_reuse *c, struct partial *p, const struct run *runs, size_t n,
		     struct err *e)
{
	uint64_t bytes = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct run *x = &runs[i];

		if (x->end > p->size_bytes || partial_known_end(p, x->start) != x->start ||
		    partial_next_start(p, x->start) < x->end)
			continue; /* the table of contents itself, or a lie */
		c->in->reused = true;
		r = partial_copy(p, x->start, c->blobs[x->from->blob].fd, x->from->start, x->end - x->start, e);
		bytes += x->end - x->start;
	}
	if (r < 0 && r != -ENOSPC && r != -EDQUOT)
		return 0; /* what is not there, whatever its table of contents says, is fetched */
	if (r == 0 && bytes > 0) {
		log_info("blob %.12s: %llu bytes of it are here in other blobs", p->digest.hex,
			 (unsigned long long)bytes);
		r = partial_take_note(p, e);
	}
	return r;
}

int chunk_reuse_fill(struct chunk_reuse *c, struct blob_fetch *f, struct blob_item *item,
		     const json_t *descriptor, struct err *e)
{
	struct zstd_chunks want = { 0 };
	auto_free struct run *runs = NULL;
	uint64_t start, end;
	int r;

	if (zstd_toc_find(descriptor, item->partial->size_bytes, &start, &end) != 1)
		return 0;
	if (!c->looked)
		look(c);
	if (c->known.n == 0)
		return 0;
	r = blob_fetch_now(f, item, start, end, c->interrupted, e);
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r;
	if (read_toc(c, item->partial->fd, start, end, 0, &want) == 0 && want.n > 0) {
		qsort(want.list, want.n, sizeof(want.list[0]), by_place);
		runs = calloc(want.n, sizeof(*runs));
		r = runs ? copy_runs(c, item->partial, runs, find_runs(c, &want, runs), e) :
			   err_sys(e, ENOMEM, "compare tables of contents");
	}
	zstd_chunks_done(&want);
	return r;
}
