/*
 * Shifted layers: the layers of an image for containers whose ids are not those of the default
 * map (--userns=keep-id, auto, nomap, --uidmap).
 *
 * A layer is stored with the ids of the default map A: a file of the image's id x belongs to id x
 * of A.  A container in a child namespace B of A sees it as belonging to x only if it belongs to
 * inner(x), where the inner map gives the id of A for each id of the container.  No idmapped mount
 * is to be had for that without root, so the layer is stored once more, its owners translated.
 *
 *	layers/KEY/diff			the layer
 *	layers/KEY/shift-HASH/diff	the same for one inner map, HASH being of the map
 *	layers/KEY/shift-HASH/idmap	the map, in ids of A
 *
 * A copy appears whole, by a rename.  It goes when its layer goes (rmi, prune), and what no
 * container's record needs and nobody has used for a day goes with the next removal of any image.
 * It is a cache: whoever starts a container asks for it, and where it is missing it is made again.
 */
#ifndef CTRLITE_SHIFT_H
#define CTRLITE_SHIFT_H

#include "ctrlite/container.h"
#include "ctrlite/engine.h"
#include "str.h"

/*
 * The directories under layers/ to use for a container with the inner map @inner (its `container`
 * side: ids of the container; its `host` side: ids of the default map; for real root, whose default
 * map is none, ids of the host), one for each of @layers (keys, bottom first) and in their order.
 * What is missing is copied now, by ctr-lite-transfer; callers at the same time wait for one
 * another and copy each layer once.  Where there is nothing to translate - the map is the identity
 * on all ids, or the user has one id only - these are the layers themselves.
 *
 * For KEY of @layers use *@ret_dirs' entry wherever layers/KEY/diff would be a lower directory of
 * the container, or where the owner of its root directory is copied from.  Look-ups of content
 * (/etc/passwd) may use either.
 *
 * Call it when the container's record is in place, each time before the container is started:
 * copies that no record and no image needs may be removed at any time.
 *
 * A file whose owner the map does not contain is ERR_INVALID and names file and id; nothing of
 * the copy remains then.
 */
int ctr_idmap_shift_layers(struct ctr_engine *eng, const struct strv *layers,
			   const struct idmap *inner, struct strv *ret_dirs, struct err *e);

/* The same names, whether or not the directories are there.  Copies nothing. */
int ctr_idmap_shift_dirs(struct ctr_engine *eng, const struct strv *layers,
			 const struct idmap *inner, struct strv *ret_dirs, struct err *e);
/* What the container with this record uses, the layers themselves where it has no map of its own. */
int ctr_idmap_shift_dirs_of(struct ctr_engine *eng, const struct ctr_request *r,
			    struct strv *ret_dirs, struct err *e);

/* Remove the copies that no container's record needs and nobody has started a container with for
 * a day: part of collecting what removed images leave. */
int ctr_idmap_shift_collect(struct ctr_engine *eng, struct err *e);

#endif
