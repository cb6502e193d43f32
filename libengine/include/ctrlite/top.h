/* The processes of a running container, for `top`. */
#ifndef CTRLITE_TOP_H
#define CTRLITE_TOP_H

#include "ctrlite/engine.h"
#include "err.h"
#include "str.h"

/* A descriptor such as "pid" or "%p": its number, or -1.  Names are those of ctr_top_name(). */
int ctr_top_column(const char *name);
const char *ctr_top_name(int column);		/* borrowed; NULL behind the last */
const char *ctr_top_heading(int column);

struct ctr_top {
	struct strv *rows;	/* of cells, by PID in the container; as the kernel gives them: not
				 * fit for terminals */
	size_t n;
};
#define CTR_TOP_INIT { 0 }
void ctr_top_done(struct ctr_top *t);

/* What its processes are, from the host's /proc: everything in the container's PID namespace, or,
 * where it has none of its own, what descends from its first process.  ERR_BUSY when it does not run. */
int ctr_container_top(struct ctr_engine *eng, const char *id, const int *columns, size_t n_columns,
		      struct ctr_top *ret, struct err *e);

/*
 * What the host's ps(1), given @args, shows inside of the container's PID namespace: its whole output
 * in fresh memory.  -ENOENT (ERR_NOT_FOUND) when the host has no ps or does not let it see the
 * namespace; its own failure is ERR_INVALID with what it said.
 */
int ctr_container_top_ps(struct ctr_engine *eng, const char *id, const struct strv *args, char **ret,
			 struct err *e);

#endif
