/*
 * Where the store and the run directory are when neither option nor configuration says.  Fresh
 * absolute paths, or NULL: no home directory, or no memory.  Nothing is made or opened.
 */
#ifndef CTRLITE_DEFAULT_DIRS_H
#define CTRLITE_DEFAULT_DIRS_H

#include <limits.h>
#include <stdbool.h>

/* In the namespaces of `unshare`: the store and the run directory of the user who is root there. */
#define CTR_UNSHARE_ROOT_ENV "CTR_LITE_UNSHARE_ROOT"
#define CTR_UNSHARE_RUN_ENV "CTR_LITE_UNSHARE_RUNROOT"

/* Are we root in such a namespace, and do those variables say where the store is? */
bool ctr_in_unshare(void);

/* $XDG_DATA_HOME/ctr-lite, ~/.local/share/ctr-lite; root: /var/lib/ctr-lite. */
char *ctr_default_root(void);
/* $XDG_RUNTIME_DIR/ctr-lite or /run/user/UID/ctr-lite where that directory is ours, else
 * /tmp/ctr-lite-UID; root: /run/ctr-lite. */
char *ctr_default_runroot(void);
/* $XDG_RUNTIME_DIR if that is a directory of ours, else /run/user/UID; false: neither is. */
bool ctr_user_run_dir(char ret[PATH_MAX]);

#endif
