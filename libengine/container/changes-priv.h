/* What the ways of comparing share: a list of changes that one process makes and another reads. */
#ifndef CONTAINER_CHANGES_PRIV_H
#define CONTAINER_CHANGES_PRIV_H

#include "ctrlite/changes.h"
#include "rootfs.h"
#include "str.h"

#define CHANGES_MAX_BYTES (1u << 30)	/* of the names of what has changed */

struct change_list {
	int fd;
	struct strbuf out;
};

/* In the comparing process: one more; @path is absolute.  The engine's own files are left out. */
int change_say(struct change_list *l, enum ctr_change kind, const char *path, struct err *e);
/* The same before what was said since l->out.len was @at. */
int change_say_at(struct change_list *l, size_t at, enum ctr_change kind, const char *path, struct err *e);
int change_flush(struct change_list *l, struct err *e);

/* Have @run(@arg) compare in a process of root_fork(), and take its list. */
int change_list_run(struct change_list *l, const struct ctr_root *root,
		    int (*run)(void *arg, struct err *e), void *arg, struct ctr_changes *ret,
		    struct err *e);

#endif
