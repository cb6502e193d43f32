/* What copy-tree.c and copy-threads.c share: one copying, done by one thread or several. */
#ifndef BASE_COPY_TREE_WORK_H
#define BASE_COPY_TREE_WORK_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "copy-tree.h"

/* A copied file that has more names: where its first copy is, from the top of the target. */
struct first_copy {
	dev_t dev;
	ino_t ino;
	ino_t dst_ino;
	char *path;
};

struct copier {
	struct copy_opts o;
	int src_fd, dst_fd;	/* the tops; borrowed */
	atomic_bool no_clone;	/* the file system has no reflinks */

	/* Directories that exist in the target and are still to be filled: paths from the top. */
	pthread_mutex_t lock;
	pthread_cond_t more;	/* than there was, or nothing will come any more */
	char **pending;
	size_t n_pending, cap_pending, pending_bytes;
	unsigned int busy;	/* threads that are filling one */
	int failed;		/* the first failure; its text is in @err */
	struct err err;

	pthread_mutex_t links;	/* held while a file with more names is copied */
	struct first_copy *firsts; /* open addressing, @cap_firsts is a power of two */
	size_t n_firsts, cap_firsts;
};

int copier_init(struct copier *c, int src_fd, int dst_fd, const struct copy_opts *o);
/* Fill directories until there are no more.  Any number of threads at once. */
void copier_work(struct copier *c);
/* Nobody can start: what copier_end() will say. */
void copier_fail(struct copier *c, int r, const char *doing);
/* Release, and on failure remove what was copied: 0 or the failure, with @e. */
int copier_end(struct copier *c, struct err *e);

#endif
