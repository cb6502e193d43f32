/* Work on a container's files, done by a process of root_fork() while we watch. */
#ifndef CONTAINER_ROOT_WORK_H
#define CONTAINER_ROOT_WORK_H

#include "copy-files.h"
#include "rootfs.h"

struct root_work {
	const struct ctr_root *root;
	/* In the child: 0, or a negative errno with @e.  It may write to @shared. */
	int (*run)(void *arg, struct err *e);
	void *arg;
	/* In the parent, may be NULL: now and then while it takes long. */
	void (*tick)(void *arg, uint64_t bytes, uint64_t files);
	void *tick_arg;
	const char *tmp;	/* a file to remove before a signal ends us; may be NULL */
	struct copy_progress *progress;	/* of root_shared(); may be NULL */
};

/* Memory that both processes see, zeroed; NULL when there is none.  Unmapped by root_unshare(). */
void *root_shared(size_t size);
void root_unshare(void *p, size_t size);

/* True in the child when a signal asked it to end. */
extern volatile sig_atomic_t root_work_stop;

/* Start, wait, and take its error.  A signal that would end us ends it first, and then us. */
int root_work(const struct root_work *w, struct err *e);

#endif
