/*
 * gzip on all cores (isa-l).  The input is cut into pieces of one size; each is deflated by itself
 * and ends at a byte (a full flush), so that one behind the other they are one deflate stream.
 *
 * Pieces stand in a ring: the caller fills the piece at the head, threads take filled ones in
 * order, and the caller writes a finished one out before it fills it again.
 */
#include "gzip.h"

#include <errno.h>
#include <isa-l.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES (512u << 10)
#define OUT_BYTES (PIECE_BYTES + PIECE_BYTES / 16 + 4096)	/* more than stored blocks take */
#define RING_MAX (2 * COMPRESS_THREADS_MAX)

enum piece_state {
	PIECE_FREE,	/* the caller fills it */
	PIECE_FILLED,	/* waits for a thread */
	PIECE_TAKEN,	/* a thread has it */
	PIECE_DONE,	/* the caller writes it out; len 0 of the output: it failed */
};

struct piece {
	enum piece_state state;
	unsigned char *in, *out;
	size_t in_len, out_len;
};

struct gzip {
	compress_sink sink;
	void *arg;
	int level;		/* isa-l's: 1..3 */
	bool begun;		/* the header is written */
	uint32_t crc, size;	/* of all input */
	struct piece ring[RING_MAX];
	size_t n_ring, head;	/* pieces in use; the one that is being filled */
	size_t next;		/* the next that a thread takes */
	pthread_mutex_t lock;	/* for the states, @next and @stop */
	pthread_cond_t filled, done;
	bool stop;
	pthread_t threads[COMPRESS_THREADS_MAX];
	size_t n_threads;
};

static const uint32_t level_bytes[] = { 0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
					ISAL_DEF_LVL3_DEFAULT };

static void deflate_piece(struct piece *p, int level, unsigned char *level_buf)
{
	struct isal_zstream z;

	isal_deflate_stateless_init(&z);
	z.level = (uint32_t)level;
	z.level_buf = level_buf;
	z.level_buf_size = level_bytes[level];
	z.flush = FULL_FLUSH;
	z.end_of_stream = 0;
	z.next_in = p->in;
	z.avail_in = (uint32_t)p->in_len;
	z.next_out = p->out;
	z.avail_out = OUT_BYTES;
	p->out_len = isal_deflate_stateless(&z) == COMP_OK ? OUT_BYTES - z.avail_out : 0;
}

/* Take the next filled piece, waiting for one; NULL at the end. */
static struct piece *take_piece(struct gzip *g)
{
	struct piece *p;

	while (!g->stop && g->ring[g->next].state != PIECE_FILLED)
		(void)pthread_cond_wait(&g->filled, &g->lock);
	if (g->stop)
		return NULL;
	p = &g->ring[g->next];
	g->next = (g->next + 1) % g->n_ring;
	p->state = PIECE_TAKEN;
	return p;
}

static void *work(void *arg)
{
	struct gzip *g = arg;
	unsigned char *level_buf = malloc(level_bytes[g->level]);
	struct piece *p;

	(void)pthread_mutex_lock(&g->lock);
	while ((p = take_piece(g))) {
		(void)pthread_mutex_unlock(&g->lock);
		p->out_len = 0;
		if (level_buf)
			deflate_piece(p, g->level, level_buf);
		(void)pthread_mutex_lock(&g->lock);
		p->state = PIECE_DONE;
		(void)pthread_cond_broadcast(&g->done);
	}
	(void)pthread_mutex_unlock(&g->lock);
	free(level_buf);
	return NULL;
}

static int start_threads(struct gzip *g, struct err *e)
{
	sigset_t all, old;
	int r = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && g->n_threads < g->n_ring / 2) {
		r = pthread_create(&g->threads[g->n_threads], NULL, work, g);
		g->n_threads += r == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* Fewer will do. */
	return g->n_threads ? 0 : err_sys(e, r, "start a thread to compress");
}

int gzip_new(int level, compress_sink sink, void *arg, struct gzip **ret, struct err *e)
{
	struct gzip *g = calloc(1, sizeof(*g));

	if (!g)
		return err_sys(e, ENOMEM, "compress");
	g->sink = sink;
	g->arg = arg;
	g->level = level <= 3 ? 1 : level <= 6 ? 2 : 3;
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->filled, NULL);
	(void)pthread_cond_init(&g->done, NULL);
	g->n_ring = 2 * (size_t)compress_threads();
	for (size_t i = 0; i < g->n_ring; i++) {
		g->ring[i].in = malloc(PIECE_BYTES);
		g->ring[i].out = malloc(OUT_BYTES);
		if (!g->ring[i].in || !g->ring[i].out) {
			gzip_free(g);
			return err_sys(e, ENOMEM, "compress");
		}
	}
	*ret = g;
	return 0;
}

void gzip_free(struct gzip *g)
{
	if (!g)
		return;
	(void)pthread_mutex_lock(&g->lock);
	g->stop = true;
	(void)pthread_cond_broadcast(&g->filled);
	(void)pthread_mutex_unlock(&g->lock);
	for (size_t i = 0; i < g->n_threads; i++)
		(void)pthread_join(g->threads[i], NULL);
	for (size_t i = 0; i < g->n_ring; i++) {
		free(g->ring[i].in);
		free(g->ring[i].out);
	}
	(void)pthread_mutex_destroy(&g->lock);
	(void)pthread_cond_destroy(&g->filled);
	(void)pthread_cond_destroy(&g->done);
	free(g);
}

static int begin(struct gzip *g, struct err *e)
{
	/* RFC 1952: deflate, no flags, no time, an unknown system: the same for the same input */
	static const unsigned char header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };

	g->begun = true;
	return g->sink(g->arg, header, sizeof(header), e);
}

/* The piece's output goes out as soon as it is there; the piece is free afterwards. */
static int write_out(struct gzip *g, struct piece *p, struct err *e)
{
	(void)pthread_mutex_lock(&g->lock);
	while (p->state == PIECE_FILLED || p->state == PIECE_TAKEN)
		(void)pthread_cond_wait(&g->done, &g->lock);
	(void)pthread_mutex_unlock(&g->lock);
	if (p->state == PIECE_FREE)
		return 0;
	p->state = PIECE_FREE;
	p->in_len = 0;
	if (p->out_len == 0)
		return err_set(e, ERR_OS, "compress: isa-l failed");
	return g->sink(g->arg, p->out, p->out_len, e);
}

/* The piece at the head is full: hand it out, and make the next one free. */
static int hand_out(struct gzip *g, struct err *e)
{
	struct piece *p = &g->ring[g->head];
	int r = g->begun ? 0 : begin(g, e);

	if (r == 0 && g->n_threads == 0)
		r = start_threads(g, e);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&g->lock);
	p->state = PIECE_FILLED;
	(void)pthread_cond_signal(&g->filled);
	(void)pthread_mutex_unlock(&g->lock);
	g->head = (g->head + 1) % g->n_ring;
	return write_out(g, &g->ring[g->head], e);
}

int gzip_add(struct gzip *g, const void *data, size_t len, struct err *e)
{
	const unsigned char *at = data;

	g->crc = crc32_gzip_refl(g->crc, at, len);
	g->size += (uint32_t)len; /* modulo 2^32, as the trailer has it */
	while (len) {
		struct piece *p = &g->ring[g->head];
		size_t n = PIECE_BYTES - p->in_len < len ? PIECE_BYTES - p->in_len : len;
		int r;

		memcpy(p->in + p->in_len, at, n);
		p->in_len += n;
		at += n;
		len -= n;
		if (p->in_len < PIECE_BYTES)
			break;
		r = hand_out(g, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int gzip_end(struct gzip *g, struct err *e)
{
	unsigned char end[10] = { 0x03, 0x00 }; /* an empty last block, CRC-32, size */
	int r = 0;

	if (g->ring[g->head].in_len)
		r = hand_out(g, e);
	else if (!g->begun)
		r = begin(g, e);
	/* From the oldest on, which stands behind the head. */
	for (size_t i = 0; r == 0 && i < g->n_ring; i++)
		r = write_out(g, &g->ring[(g->head + i) % g->n_ring], e);
	for (int i = 0; i < 4; i++) {
		end[2 + i] = (unsigned char)(g->crc >> (8 * i));
		end[6 + i] = (unsigned char)(g->size >> (8 * i));
	}
	return r < 0 ? r : g->sink(g->arg, end, sizeof(end), e);
}
