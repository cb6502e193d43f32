/*
 * Which repositories are known to have a blob: what was pulled from or pushed to one is there, so
 * that a push to another repository of the same registry can have it mounted instead of sending it.
 *
 * One file, <graphroot>/meta/blob-locations, with a line for each fact: the blob's digest in hex, a
 * space, and "registry/repository".  New ones are appended; a line that cannot be read is passed
 * over; what is wrong or lost costs an upload and nothing else, so that nobody locks.
 */
#ifndef REGISTRY_BLOB_LOCATIONS_H
#define REGISTRY_BLOB_LOCATIONS_H

#include <stddef.h>

#include "digest.h"
#include "manifest.h"
#include "registry.h"
#include "store.h"

#define BLOB_LOCATIONS_MAX_BYTES (1u << 20)	/* a longer file is cut down to its newer half */

/* @reg's repository has @blobs.  What fails is only logged. */
void blob_locations_add(struct store *s, const struct registry *reg, const struct digest *blobs, size_t n);

/* The same of the blobs of an image. */
void blob_locations_add_image(struct store *s, const struct registry *reg, const struct manifest *m);

struct blob_locations {
	char *text;
	size_t len;
	char *registry, *repo;
};
#define BLOB_LOCATIONS_INIT { 0 }
void blob_locations_done(struct blob_locations *l);
#define auto_blob_locations __attribute__((cleanup(blob_locations_done)))
/* What is known about @reg's registry but for @reg's own repository.  0 or -ENOMEM; a file that
 * cannot be read is an empty one. */
int blob_locations_load(struct store *s, const struct registry *reg, struct blob_locations *ret);
/* A repository that has it (the one learned last), in fresh memory; NULL: none is known. */
char *blob_locations_get(const struct blob_locations *l, const struct digest *blob);

#endif
