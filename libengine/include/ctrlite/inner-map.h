/*
 * What --userns, --uidmap and --gidmap mean: the inner map of a container, from its ids to ids of
 * the user's default map (for real root, who has none: to ids of the host).  Pure functions.
 */
#ifndef CTRLITE_INNER_MAP_H
#define CTRLITE_INNER_MAP_H

#include <stdbool.h>

#include "str.h"
#include "userns.h"

#define CTR_AUTO_SIZE_MIN 1024	/* ids of a container with --userns=auto, as podman has it */
#define CTR_AUTO_SIZE_MAX 65536

enum ctr_userns_mode {
	CTR_USERNS_DEFAULT,	/* the default map itself; real root: none.  "host" */
	CTR_USERNS_PRIVATE,	/* what --uidmap and --gidmap say */
	CTR_USERNS_KEEP_ID,
	CTR_USERNS_NOMAP,
	CTR_USERNS_AUTO,
	CTR_USERNS_CONTAINER,
	CTR_USERNS_PATH,
	CTR_USERNS_MODE_COUNT_,
};

struct ctr_userns {
	enum ctr_userns_mode mode;
	const char *target;		/* name or path, borrowed from the text */
	bool has_uid, has_gid, has_size;
	uint32_t uid, gid, size;	/* keep-id, auto */
	struct strv uidmaps, gidmaps;	/* auto: what must be in it */
};
#define CTR_USERNS_INIT { .mode = CTR_USERNS_DEFAULT }
void ctr_userns_done(struct ctr_userns *u);

/* A value of --userns; ERR_INVALID with podman's words. */
int ctr_userns_parse(struct ctr_userns *u, const char *text, struct err *e);

/* How many subordinate ids the default map @def has: its ids 1 .. n. */
uint32_t ctr_inner_ids(const struct idmap_range *def, uint32_t n_def);

/* The id @uid:@gid of the container is the user; the others are its subordinate ids in order. */
int ctr_inner_keep_id(const struct idmap *def, uint32_t uid, uint32_t gid, const struct ctr_userns *u,
		      struct idmap *ret, struct err *e);
/* All subordinate ids, and not the user.  A user without any is ERR_UNSUPPORTED. */
int ctr_inner_nomap(const struct idmap *def, struct idmap *ret, struct err *e);
/*
 * --uidmap and --gidmap: CONTAINER:INTERMEDIATE[:SIZE], CONTAINER:@HOST[:SIZE]; one list stands for
 * both where the other is empty.  Everything must be in @def (NULL: no limit), and the container
 * must have an id 0.
 */
int ctr_inner_parse(const struct strv *uidmaps, const struct strv *gidmaps, const struct idmap *def,
		    struct idmap *ret, struct err *e);
/* --userns=auto: @size ids, from the first of @room (in ids of the default map) that are not in
 * @used; and what @u says.  ERR_LIMIT when there are not enough. */
int ctr_inner_auto(const struct ctr_userns *u, uint32_t size, const struct idmap *room,
		   const struct idmap_range *used, size_t n_used, const struct idmap *def,
		   struct idmap *ret, struct err *e);
/* The kernel takes no range that is in two of the parent's: cut them there.  ERR_LIMIT. */
int ctr_inner_split(struct idmap *inner, const struct idmap *def, struct err *e);
/* A map in ids of the host as one in ids of @def (NULL: the same); ERR_DENIED where it has ids that
 * are not the user's. */
int ctr_inner_from_host(const struct idmap *host, const struct idmap *def, struct idmap *ret,
			struct err *e);

#endif
