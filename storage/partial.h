/*
 * Blobs that are being fetched: <graphroot>/partial/<hex>, kept when a fetch ends early, so that
 * the next command goes on where it stopped, and locked, so that of many commands one fetches.
 *
 *	the blob's bytes, with holes where nothing came yet; behind them, while any are
 *	missing, a note of what is there (which is right again after a kill at any moment;
 *	after a power failure the digest shows it)
 *
 * A partial blob of the full length without the note is complete.  Whoever uses one checks its
 * digest.  image-<hex> are locks of whole images.
 */
#ifndef STORAGE_PARTIAL_H
#define STORAGE_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "store.h"

#define PARTIAL_PIECES_MAX 256
#define PARTIAL_KEEP_S (24 * 3600)	/* one that nobody has gone on with for so long is removed */
#define PARTIAL_KEEP_MAX_BYTES (UINT64_C(16) << 30)	/* of all together: the oldest go first */

/* Bytes @start to @end (not included) are here. */
struct partial_piece {
	uint64_t start, end;
};

struct partial {
	int fd;
	int dir_fd;			/* owned */
	struct digest digest;
	uint64_t size_bytes;
	bool complete;			/* all is here; the lock is shared then, else exclusive */
	bool found;			/* some of it was here before */
	struct partial_piece pieces[PARTIAL_PIECES_MAX];	/* in any order, apart */
	size_t n;
};
#define PARTIAL_INIT { .fd = -EBADF, .dir_fd = -EBADF }

/* The directory, made where it is missing. */
int partial_dir(struct store *s, struct err *e);
/*
 * Take the blob @digest of @size_bytes.  1: it is ours to fetch, or complete; 0: another process is
 * fetching it; else -errno.
 */
int partial_open(int dir_fd, const struct digest *digest, uint64_t size_bytes, struct partial *ret,
		 struct err *e);
/* Append to piece @i. */
int partial_write(struct partial *p, size_t i, const void *data, size_t len, struct err *e);
/* Copy @len bytes from @at of the file @fd to the same blob's @start, as a piece; call
 * partial_take_note() after the last. */
int partial_copy(struct partial *p, uint64_t start, int fd, uint64_t at, uint64_t len, struct err *e);
int partial_take_note(struct partial *p, struct err *e);
/* A new empty piece at @start: its index, or -ENOSPC when there are too many. */
int partial_add_piece(struct partial *p, uint64_t start);
/* Where the bytes that begin at @at end: @at itself when that one is missing. */
uint64_t partial_known_end(const struct partial *p, uint64_t at);
/* Where the first piece begins that starts behind @at, or the blob's end. */
uint64_t partial_next_start(const struct partial *p, uint64_t at);
/* How many bytes are here. */
uint64_t partial_have(const struct partial *p);
/* All was written and its digest is right: others may use it, too. */
int partial_finish(struct partial *p, struct err *e);
/* Put the complete blob to @to_fd/<hex>, or find it there. */
int partial_place(struct partial *p, int to_fd, struct err *e);
/* Its bytes are wrong, or there is no room for them: it goes. */
void partial_drop(struct partial *p);
/* Let go of it; what is there stays. */
void partial_close(struct partial *p);

/* The lock of one image: a descriptor that holds it, -EWOULDBLOCK (no text), or -errno. */
int partial_image_lock(int dir_fd, const struct digest *manifest, struct err *e);
void partial_image_unlock(int dir_fd, const struct digest *manifest, int fd);

/* Remove what is stale, or (@all) everything that no process works on. */
int partial_collect(struct store *s, bool all, struct err *e);

#endif
