/* Trees of containers as tar archives: for `cp ... -`, export and commit. */
#ifndef CONTAINER_COPY_TAR_H
#define CONTAINER_COPY_TAR_H

#include "copy-files.h"
#include "userns.h"

struct tar_walk_opts {
	const struct idmap *inner;	/* owners in the archive are its container side; NULL: as they are */
	/* An upper directory as a layer: overlay's marks become whiteouts. */
	bool layer;
	/* Attributes say the owner where there is one id only. */
	bool squashed;
	struct copy_progress *progress;	/* may be NULL */
	const volatile sig_atomic_t *stop;
	/* Names directly below the top that are left out, NULL-terminated; may be NULL. */
	const char *const *skip;
};

/*
 * Write what @p is to @out_fd, under its own name ("." what is in it, as ./...).  Sockets and what
 * pseudo file systems show are left out.  0, -EINTR, or an error.
 */
int tar_place(const struct place *p, int out_fd, const struct tar_walk_opts *o, struct err *e);

/*
 * Several trees as one archive.  tar_begin(), then tar_tree() for each directory, whose names begin
 * with @prefix ("" for the root; else "a/b", and its parents are named before it), then tar_end().
 */
struct tar_job;
int tar_begin(int out_fd, const struct tar_walk_opts *o, struct tar_job **ret, struct err *e);
int tar_tree(struct tar_job *t, int dir_fd, const char *prefix, struct err *e);
/* An entry for the directory that all is below, so that an image has its owner and mode. */
int tar_root(struct tar_job *t, int dir_fd, struct err *e);
/* Frees it in every case; the archive's end is written only with @ok. */
int tar_end(struct tar_job *t, bool ok, struct err *e);

#endif
