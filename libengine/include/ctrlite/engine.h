/*
 * The engine: the store, the configuration and the id map that every command works with.
 */
#ifndef CTRLITE_ENGINE_H
#define CTRLITE_ENGINE_H

#include <stdbool.h>

#include "err.h"
#include "store.h"
#include "userns.h"

struct ctr_engine_opts {
	const char *root;	/* graphroot; NULL: storage.conf, then the default */
	const char *runroot;	/* NULL: storage.conf, then the default */
	const char *runtime;	/* a name (crun, runc, ctr-lite-runtime) or a path; NULL: containers.conf,
				 * then ours */
};

struct ctr_engine {
	struct store store;
	char *runtime;		/* as asked for; NULL: ours */
	bool rootless;		/* euid is not 0 */
	struct idmap *idmap;	/* filled by ctr_engine_idmap() */
};
#define CTR_ENGINE_INIT { .store = STORE_INIT }

/*
 * Open the engine: find the store (--root; CONTAINERS_STORAGE_CONF or storage.conf; else
 * $XDG_DATA_HOME/ctr-lite, ~/.local/share/ctr-lite, or /var/lib/ctr-lite for root; runroot
 * $XDG_RUNTIME_DIR/ctr-lite, else a 0700 directory of ours under /tmp; root: /run/ctr-lite) and
 * open it.  Collects what dead processes left when there is something.
 */
int ctr_engine_open(struct ctr_engine *eng, const struct ctr_engine_opts *o, struct err *e);
void ctr_engine_close(struct ctr_engine *eng);

/* The id map of this user's containers, read once; *@ret is NULL for root, which needs none. */
int ctr_engine_idmap(struct ctr_engine *eng, const struct idmap **ret, struct err *e);

#endif
