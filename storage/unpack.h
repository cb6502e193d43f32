/*
 * Unpacking a layer in a worker process of its own: forked into the id-mapped user namespace,
 * chrooted into the layer's staging directory, without network, under Landlock where the kernel
 * has it, no_new_privs, a seccomp filter and rlimits.  The compressed bytes go in through a pipe
 * as they arrive; one record comes out.  As many jobs as wanted may run at once.
 */
#ifndef STORAGE_UNPACK_H
#define STORAGE_UNPACK_H

#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "proc.h"
#include "store.h"
#include "userns.h"

#define UNPACK_IMPLICIT "implicit"	/* names of the directories without an entry, NUL-ended */

struct unpack_limits {
	uint64_t max_bytes;	/* of the uncompressed tar, and of the files' data */
	uint64_t max_entries;
	uint64_t max_ratio;	/* uncompressed to compressed bytes (0: any) ... */
	uint64_t ratio_floor;	/* ... once more than this many bytes came out */
	uint64_t keep_free_percent;	/* of the file system: stop before it is fuller */
};
extern const struct unpack_limits unpack_limits_default;

/* The user's word on them: "max_ratio=0,max_bytes=2t", each missing one at its default. */
#define UNPACK_LIMITS_ENV "CTR_LITE_UNPACK_LIMITS"
int unpack_limits_parse(const char *text, struct unpack_limits *ret, struct err *e);
/* Is there still as much space on the file system of @fd as must stay free?  -ENOSPC (ERR_LIMIT). */
int unpack_check_space(int fd, const struct unpack_limits *lim, struct err *e);

struct unpack_result {
	struct digest diff_id;	/* of every byte that came out of the decompressor */
	uint64_t compressed_bytes, tar_bytes;
	uint64_t size_bytes;	/* sum of the sizes of the files */
	uint64_t n_entries;
	bool implicit_parents;	/* a directory was made that has no entry of its own */
	bool has_root;		/* the root directory has an entry */
	bool opaque_root;	/* the root directory is opaque */
	bool squashed_owners;	/* one id mapped: owners are in user.containers.override_stat */
};

struct unpack_job {
	struct proc worker;
	/*
	 * Where the compressed bytes go; blocking.  For use in an event loop set O_NONBLOCK on it
	 * (fd_set_nonblock) and poll for POLLOUT after EAGAIN.  EPIPE says that the worker has given
	 * up: call unpack_finish() for the reason.  SIGPIPE must be ignored.  A worker that has
	 * reached the end of the layer still reads (and hashes) everything.
	 */
	int data_fd;
	int result_fd;	/* readable when the worker is done or dead */
};
#define UNPACK_JOB_INIT { .worker = PROC_INIT, .data_fd = -EBADF, .result_fd = -EBADF }

/*
 * Start a worker that unpacks into the fresh directory @name under @dir_fd (a stage), which gets
 * diff/, its file list (file-list.h) and, until the layer is committed, "implicit".  @m NULL: no user namespace, ids as they
 * are (root).  @media_type (may be NULL) is checked against what the bytes turn out to be.
 */
int unpack_start(int dir_fd, const char *name, const struct idmap *m, const char *media_type,
		 const struct unpack_limits *lim, struct unpack_job *ret, struct err *e);
/* No more input: closes data_fd. */
void unpack_end_input(struct unpack_job *job);
/* unpack_end_input(), wait for the worker, and take its result or its error. */
int unpack_finish(struct unpack_job *job, struct unpack_result *ret, struct err *e);
/* Kill the worker and wait for it.  The directory stays, for the stage to remove.  Accepts a
 * finished or never started job. */
void unpack_abort(struct unpack_job *job);

#endif
