/*
 * Running ctr-lite-transfer, the program that holds all that needs a network or an archive:
 * pull, import, unpack and the look-up of subordinate ids.  It keeps those libraries out of the
 * command line's own process.
 */
#ifndef CTRLITE_TRANSFER_H
#define CTRLITE_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define TRANSFER_FD_FIRST 5
#define TRANSFER_FDS_MAX 4

struct ctr_transfer {
	const char *root, *run;	/* of the store; NULL: not passed */
	bool quiet;		/* no progress on stderr */
	const char *creds;	/* "USER:PASSWORD" for the command, over a descriptor; NULL: none */
	int fds[TRANSFER_FDS_MAX];	/* borrowed; the command has them at TRANSFER_FD_FIRST and on */
	size_t n_fds;
	const char *src_creds, *dest_creds;	/* the same for the two sides of a copy */
};

/* The policy for signatures of every command that is run from now on (borrowed); NULL: policy.json. */
void ctr_transfer_signature_policy(const char *path);

/*
 * @t NULL: a command that needs no store (idmap).
 * Run `ctr-lite-transfer COMMAND ARGS...` (@args: NULL-terminated, COMMAND first) and wait for it.
 * Progress goes to our stderr.  It gets SIGTERM when we die; signals that would end us are passed
 * on to it first, and end us when it has cleaned up.  What it printed on stdout, without
 * the last newline, goes to *@ret_out (fresh memory; may be NULL).
 * 0, or the negative errno of the struct err that it reported, which is in @e.
 */
int ctr_transfer_run(const struct ctr_transfer *t, const char *const *args, char **ret_out,
		     struct err *e);

/* The additional image stores that it looks into, too (borrowed until the next call). */
void ctr_transfer_stores(char *const *dirs, size_t n);

#endif
