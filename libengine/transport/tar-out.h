/*
 * A tar archive that is being written, of plain members in order: to a file, which is seen when it
 * is whole, or to what is there already (a pipe, a device).
 */
#ifndef TRANSPORT_TAR_OUT_H
#define TRANSPORT_TAR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct tar_out {
	int fd;
	bool seekable;		/* a header can be written behind its data */
	uint64_t at;		/* bytes written */
	char *path, *tmp;	/* the file and what it is called until it is whole; NULL: no file */
	uint64_t header_at, left;	/* of the present member */
};
#define TAR_OUT_INIT { .fd = -EBADF }

/* The file @path.  With @fresh one that is there already is ERR_EXISTS. */
int tar_out_open(const char *path, bool fresh, struct tar_out *ret, struct err *e);
/* The descriptor @fd (borrowed), from where it stands. */
int tar_out_fd(int fd, struct tar_out *ret, struct err *e);

/* A member of @size_bytes, which come with tar_out_data(). */
int tar_out_begin(struct tar_out *t, const char *name, uint64_t size_bytes, struct err *e);
int tar_out_data(struct tar_out *t, const void *data, size_t len, struct err *e);
int tar_out_end(struct tar_out *t, struct err *e);
/* The same where the size is known at its end only: @t must be seekable. */
int tar_out_begin_unsized(struct tar_out *t, struct err *e);
int tar_out_end_unsized(struct tar_out *t, const char *name, struct err *e);

int tar_out_file(struct tar_out *t, const char *name, const void *data, size_t len, struct err *e);
int tar_out_dir(struct tar_out *t, const char *name, struct err *e);

/* The end of the archive; a file gets its name. */
int tar_out_finish(struct tar_out *t, struct err *e);
/* Release; what is not finished is removed.  Accepts one that was never opened. */
void tar_out_done(struct tar_out *t);

#endif
