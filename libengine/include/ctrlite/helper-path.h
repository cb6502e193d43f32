/*
 * Where our own helper programs are (ctr-lite-monitor, ctr-lite-runtime, ctr-lite-transfer).
 */
#ifndef CTRLITE_HELPER_PATH_H
#define CTRLITE_HELPER_PATH_H

#include "err.h"

/*
 * The absolute path of @name, in fresh memory.  The first of these that is executable:
 *	$CTR_LITE_LIBEXEC (ignored in a set-id process), as a directory of helpers or a build tree,
 *	the directory of the running program, and its neighbours where that is a build tree or a
 *	bin/ with libexec/ctr-lite/ beside it,
 *	the installed libexec directory, the installed bin directory.
 * 0, or -ENOENT (ERR_NOT_FOUND) naming where it was looked for.
 */
int ctr_helper_path(const char *name, char **ret_path, struct err *e);

#endif
