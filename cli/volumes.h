/* What the commands about volumes share. */
#ifndef CLI_VOLUMES_H
#define CLI_VOLUMES_H

#include <ctrlite/volume.h>

#include "cli.h"
#include "filter.h"
#include "out.h"

/* The volumes that --filter chooses, with who uses which: for ls, prune and system df. */
struct volumes {
	struct ctr_volume_list list;
	struct strv uses;
};
#define VOLUMES_INIT { .list = CTR_VOLUME_LIST_INIT, .uses = STRV_INIT }
void volumes_done(struct volumes *v);
#define auto_volumes __attribute__((cleanup(volumes_done)))

/* All that fit, oldest first. */
int volumes_choose(struct cmd *c, const struct strv *filters, struct volumes *ret, struct err *e);
/* Leave only those that no container uses. */
void volumes_keep_unused(struct volumes *v);

/* What `volume inspect` and `volume ls --format json` show of one; @whole: what templates see, the
 * zeros too.  NULL when memory is gone. */
json_t *volume_json(struct cmd *c, const struct ctr_volume *v, const struct strv *uses, bool whole);
/* For templates over it. */
extern const struct tmpl_field volume_fields[];

#endif
