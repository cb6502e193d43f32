/* How one upload goes from state to state; for upload.c. */
#ifndef REGISTRY_UPLOAD_STATE_H
#define REGISTRY_UPLOAD_STATE_H

#include "upload.h"

#define UPLOAD_CHUNK_BYTES (UINT64_C(32) << 20)	/* of a piece, until something smaller is learned */

/* Go over to the state @next and start what it does; its answer leads on by itself. */
int upload_step(struct upload *u, enum upload_state next, struct err *e);
/* The registry does not have it: it is to be sent, or (when only looking) that is the answer. */
int upload_missing(struct upload *u, struct err *e);

#endif
