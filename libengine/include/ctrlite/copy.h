/*
 * Copying files into and out of containers, whether they run or not.
 *
 * The rules of podman: a directory goes into one that exists, or becomes the one that does not; "/."
 * at its end means what is in it; the directory above must exist; links that the paths end with are
 * followed, those inside of what is copied are copied.
 */
#ifndef CTRLITE_COPY_H
#define CTRLITE_COPY_H

#include "ctrlite/engine.h"

struct ctr_copy_end {
	const char *id;		/* of the container; NULL: the host */
	const char *name;	/* what the user calls it */
	const char *path;	/* in a container from its root, on the host from the working directory */
};

struct ctr_copy_opts {
	bool archive;	/* into a container: files get its user as owner; else they keep theirs */
	bool overwrite;	/* a directory may take the place of something else, and the reverse */
	/* Called now and then while it takes long, with what has been done so far; may be NULL. */
	void (*tick)(void *arg, uint64_t bytes, uint64_t files);
	void *tick_arg;
};

/*
 * At least one of the ends is a container.  Signals that would end us end the copying first, which
 * leaves no half file, and then us.  ERR_NOT_FOUND for what is not there, ERR_EXISTS for a
 * directory in the place of another file or the reverse, ERR_INVALID.
 */
int ctr_copy(struct ctr_engine *eng, const struct ctr_copy_end *from, const struct ctr_copy_end *to,
	     const struct ctr_copy_opts *o, struct err *e);

/* Write what @from (in a container) is as a tar archive to @out_fd. */
int ctr_copy_out(struct ctr_engine *eng, const struct ctr_copy_end *from, int out_fd,
		 const struct ctr_copy_opts *o, struct err *e);
/* Unpack the archive (also a compressed one) that our standard input is into the directory @to of
 * a container. */
int ctr_copy_in(struct ctr_engine *eng, const struct ctr_copy_end *to, const struct ctr_copy_opts *o,
		struct err *e);

#endif
