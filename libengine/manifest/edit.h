/*
 * Lists of the store (layout.h): made, and changed as one.  Instances come from any transport.  Of what is in
 * a registry only manifest and config are brought, and it is noted where the layers are; of all
 * else everything.
 */
#ifndef MANIFEST_EDIT_H
#define MANIFEST_EDIT_H

#include "list.h"
#include "pull.h"
#include "registry-access.h"
#include "store.h"
#include "userns.h"

enum list_op { LIST_CREATE, LIST_ADD, LIST_ANNOTATE, LIST_REMOVE };

struct list_change {
	enum list_op op;
	const char *list;		/* a full name to create, else the list in any form */
	bool amend;			/* create: change the one that is there already */
	const char *const *images;	/* what to add, in any form of location.h; NULL-terminated; ANNOTATE and
					 * REMOVE: digests, or images of the store */
	bool all;			/* add every image of an index, not only that of the platform */
	struct list_platform platform;	/* chooses from an index, and is noted of what is added or annotated */
	const struct strv *annotations;	/* KEY=VALUE */
	bool of_index;			/* annotations and subject are the list's own */
	const char *subject;		/* an image of the store; NULL: unchanged */
};

/* *@ret is the list's ID. */
int manifest_list_change(struct store *s, const struct idmap *m, const struct list_change *c,
			 const struct registry_access *registry, const struct ctr_pull_events *events,
			 struct digest *ret, struct err *e);

#endif
