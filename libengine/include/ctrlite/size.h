/* How much a container has written, and what else a tree of files holds. */
#ifndef CTRLITE_SIZE_H
#define CTRLITE_SIZE_H

#include <stdint.h>

#include "ctrlite/engine.h"
#include "str.h"

#define CTR_SIZE_DEPTH_MAX 400	/* directories in directories; each costs a descriptor */

/*
 * The sum of the sizes of the regular files in the container's writable layer, a hard-linked one
 * counted at each name.  Walks the whole layer, as root of the user's id map so that nothing in it
 * is out of reach.  The container may run and change it meanwhile; links are not followed.
 */
int ctr_container_size(struct ctr_engine *eng, const char *id, uint64_t *ret_bytes, struct err *e);
/*
 * The same of the directories @paths below @parent_fd into @ret_bytes[0..paths->n), all in one go; a
 * file that has several names in one of them counts once there.  One that is not there counts as
 * nothing.  @what is named in errors.
 */
int ctr_tree_sizes(struct ctr_engine *eng, int parent_fd, const struct strv *paths, const char *what,
		   uint64_t *ret_bytes, struct err *e);

#endif
