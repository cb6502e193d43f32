/*
 * Uploading blobs side by side: what the registry has is found out or mounted from another
 * repository of it, the rest is sent, and goes on where a break left it when the registry kept
 * what came.
 *
 * Registries differ in what they take, so there are three ways to send a blob, each tried when the
 * one before it was refused; what was learned holds for the other blobs, too:
 *
 *	whole	POST, PUT of everything (first choice for what is small)
 *	stream	POST, one PATCH of everything, PUT
 *	chunks	POST, a PATCH with Content-Range for each piece, PUT; pieces shrink on "too large"
 *
 * The states of one upload (each is the request that runs):
 *
 *	HEAD   200 -> there; else MOUNT or OPEN
 *	MOUNT  201 -> there; 202 (a session) or refused -> OPEN or what follows it
 *	OPEN   202 -> WHOLE or PATCH
 *	PATCH  202 -> PATCH again or CLOSE; broken -> ASK
 *	CLOSE, WHOLE   201 -> there; broken -> ASK
 *	ASK    204 with a Range -> PATCH or CLOSE; the session is gone -> HEAD, as the answer to the
 *	       last request may be all that was lost
 */
#ifndef REGISTRY_UPLOAD_H
#define REGISTRY_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "pull.h"
#include "registry.h"

#define UPLOADS_AT_ONCE 6	/* blobs on their way at the same time ... */
#define UPLOADS_AT_ONCE_MAX 16	/* ... and what may be asked for */
/* For all that follows in this process (image_parallel_copies); 0: UPLOADS_AT_ONCE. */
void uploads_limit(unsigned int n);

enum upload_way { UPLOAD_WHOLE, UPLOAD_STREAM, UPLOAD_CHUNKS };
#define UPLOAD_WAYS (UPLOAD_CHUNKS + 1)

enum upload_state {
	UPLOAD_NEW,		/* nothing is known */
	UPLOAD_HEAD, UPLOAD_MOUNT,
	UPLOAD_MISSING,		/* the registry does not have it; between the two calls below */
	UPLOAD_OPEN, UPLOAD_PUT, UPLOAD_PATCH, UPLOAD_CLOSE, UPLOAD_ASK,
	UPLOAD_THERE,
};

struct uploads;

/* One blob.  It must stay where it is between uploads_find() and upload_done(). */
struct upload {
	/* Set by the caller. */
	struct digest digest;
	uint64_t size_bytes;
	const char *mount_from;	/* a repository of the same registry that may have it; or NULL */
	int fd;			/* for uploads_send(): its bytes, from @offset on; borrowed */
	uint64_t offset;
	size_t slot;		/* in the events */

	/* What came of it. */
	enum upload_state state;
	bool mounted;
	uint64_t sent_bytes;	/* over all attempts */

	/* Private. */
	struct uploads *all;
	struct registry_get get;
	enum upload_way way;
	char *location;		/* of the session */
	char path[DIGEST_STR_MAX + 80];
	char content_range[48];
	uint64_t at, end;	/* of the piece on its way */
	uint64_t mark;		/* @at when the tries were counted from 0 */
	unsigned int tries, all_tries, doubts;
	int64_t delay_ms;
	bool checked;		/* HEAD was answered */
};

/* What the uploads to one registry share. */
struct uploads {
	struct registry *reg;			/* borrowed */
	const struct ctr_pull_events *events;	/* borrowed; its members may be NULL */

	/* Private. */
	bool no_head;
	bool refused[UPLOAD_WAYS];
	uint64_t chunk_bytes, chunk_min;
	bool finding;				/* rather than sending */
	size_t running;
	int result;				/* of the first that failed */
	struct err err;
};

/* Which of @list does the registry have, or can it mount?  Sets their state to UPLOAD_THERE or
 * UPLOAD_MISSING. */
int uploads_find(struct uploads *all, struct upload *const *list, size_t n, struct err *e);
/* Send those that are not there; a digest that is in the list twice is sent once.  All are
 * UPLOAD_THERE when it returns 0. */
int uploads_send(struct uploads *all, struct upload *const *list, size_t n, struct err *e);
void upload_done(struct upload *u);

/* The end of "0-END" (RFC-less, as the distribution spec has it): how many bytes arrived; -EINVAL. */
int upload_range_parse(const char *range, uint64_t *ret_bytes);

#endif
