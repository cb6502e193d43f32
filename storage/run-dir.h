/* Which run directory a store uses; for store.c. */
#ifndef STORAGE_RUN_DIR_H
#define STORAGE_RUN_DIR_H

#include "err.h"

/*
 * The run directory of the store at @root_fd for a command that would use @run: the one that the
 * store remembers if a container runs there, else @run, which is remembered.  *@ret is fresh.
 */
int store_run_dir(int root_fd, const char *run, char **ret, struct err *e);

#endif
