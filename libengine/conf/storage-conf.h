/*
 * What storage.conf(5), $STORAGE_DRIVER and $STORAGE_OPTS say about stores.
 *
 * Podman's store and ours are different things, so a graphroot of podman's is where our store is a
 * directory "ctr-lite" of: on the disk that the user chose, and beside what is podman's.  The places
 * that podman has when nothing is configured mean nothing for ours.
 */
#ifndef CONF_STORAGE_CONF_H
#define CONF_STORAGE_CONF_H

#include <stdbool.h>

#include "err.h"
#include "str.h"

struct storage_conf {
	char *root, *run;		/* of our store; NULL: not configured */
	char *podman_root;		/* where podman's store of this user is; NULL: nobody can say */
	char *driver;			/* NULL: not set; only overlay is used */
	struct strv additional;		/* additionalimagestores, absolute */
	bool no_partial_images;		/* pull_options.enable_partial_images = "false" */
};
#define STORAGE_CONF_INIT { 0 }
void storage_conf_done(struct storage_conf *c);
#define auto_storage_conf __attribute__((cleanup(storage_conf_done)))

/* The keys that are read, those of [storage.options] after "options."; ends with NULL. */
extern const char *const storage_conf_keys[];

/* Read the file that conf_storage_load() finds for this user, and the environment. */
int storage_conf_load(struct storage_conf *ret, struct err *e);
/* One --storage-opt or element of $STORAGE_OPTS: "[overlay.]KEY=VALUE".  ERR_UNSUPPORTED names what
 * has no meaning here. */
int storage_conf_option(struct storage_conf *c, const char *option, struct err *e);

#endif
