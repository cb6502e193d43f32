/*
 * Writing blobs: staged, hashed while they arrive, and verified before they can be seen.  Part of
 * the storage library that links libcrypto (store_write_dep).
 */
#ifndef STORAGE_BLOB_H
#define STORAGE_BLOB_H

#include <stdint.h>

#include "digest.h"
#include "store.h"

#define BLOB_SIZE_UNKNOWN UINT64_MAX

struct blob_writer {
	int fd;			/* FD_NONE once finished or failed */
	int dir_fd;		/* where it is staged; owned */
	char name[32];		/* its name there */
	struct digest digest;	/* what it must be, or (after finishing) what it is */
	bool digest_known;
	uint64_t size_bytes;	/* what it must be, or BLOB_SIZE_UNKNOWN */
	uint64_t written;	/* so far: where a broken download goes on */
	void *hash;		/* running SHA-256 */
};
#define BLOB_WRITER_INIT { .fd = -EBADF, .dir_fd = -EBADF }

/*
 * Start a blob in the directory @dir_fd (a stage).  @digest NULL: it is computed; @size_bytes may
 * be BLOB_SIZE_UNKNOWN.
 */
int blob_new(int dir_fd, const struct digest *digest, uint64_t size_bytes, struct blob_writer *ret,
	     struct err *e);
/*
 * Append.  More than the announced size is ERR_CORRUPT.  After a broken download go on with the
 * byte at w->written; where the peer starts again from 0 skip that many bytes of what it sends:
 * the digest covers what was written, whatever connection it came from.
 */
int blob_write(struct blob_writer *w, const void *data, size_t len, struct err *e);
/*
 * Check size and digest: ERR_CORRUPT where they differ, and the staged file is removed at once.
 * On success it stays in the stage, read-only, and w->digest and w->written say what it is.
 */
int blob_finish(struct blob_writer *w, struct err *e);
/* Release; an unfinished blob is removed.  Accepts a finished or never started one. */
void blob_done(struct blob_writer *w);

/* SHA-256 of bytes in memory. */
int digest_of(const void *data, size_t len, struct digest *ret, struct err *e);
/* ChainID (image-spec "Layer ChainID") of a layer @diff_id on top of @below (NULL: the base). */
int digest_chain(const struct digest *below, const struct digest *diff_id, struct digest *ret,
		 struct err *e);

#endif
