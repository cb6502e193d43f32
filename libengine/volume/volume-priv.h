/* What the files of libengine/volume share. */
#ifndef VOLUME_PRIV_H
#define VOLUME_PRIV_H

#include "ctrlite/volume.h"

/* From v->options what they mean (options.c). */
int volume_read_options(struct ctr_volume *v, bool rootless, struct err *e);
/* Its directory, locked (@exclusive or shared) and surely the one that has the name: a descriptor,
 * or -ENOENT with ERR_NOT_FOUND. */
int volume_lock(struct ctr_engine *eng, const char *name, bool exclusive, struct err *e);

#endif
