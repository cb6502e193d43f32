/*
 * Pulling an image: its name resolved as podman does, the best manifest chosen, all layers
 * downloaded, hashed and unpacked at the same time, and everything made visible at once.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "platform.h"
#include "registry-access.h"
#include "shortname.h"
#include "store.h"
#include "userns.h"

/* What is told while it happens; each may be NULL. */
struct ctr_pull_events {
	void *arg;
	void (*message)(void *arg, const char *text);
	/* Blob @slot (0, 1, ... in order) of @size bytes; @present: it is here already. */
	void (*blob)(void *arg, size_t slot, const char *kind, const struct digest *d, uint64_t size,
		     bool present);
	/* @bytes of it have come. */
	void (*progress)(void *arg, size_t slot, uint64_t bytes);
	/* Called on every turn of the loop: time to draw. */
	void (*tick)(void *arg);
	/* A source is given up: what was announced for it is void. */
	void (*restart)(void *arg);
	/* Which of several meanings of a short name?  0 and *@ret_index, or a negative errno.  NULL:
	 * nobody can be asked. */
	int (*choose)(void *arg, const struct ctr_candidates *c, size_t *ret_index, struct err *e);
	/* 0, or a negative errno with @e when the user wants it stopped. */
	int (*interrupted)(struct err *e);
};

struct ctr_pull_opts {
	bool have_platform;
	struct ctr_platform platform;
	struct registry_access registry;
	struct ctr_pull_events events;
};

/*
 * Pull @name into @s.  The registry is always asked; what is here already is not fetched.
 * @m: the id map for unpacking, NULL for root.  *@ret_id is the image's ID.
 */
int ctr_pull(struct store *s, const struct idmap *m, const char *name, const struct ctr_pull_opts *o,
	     struct digest *ret_id, struct err *e);

#endif
