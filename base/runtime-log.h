/* Why a foreign OCI runtime failed: from what it left in the file given with --log. */
#ifndef BASE_RUNTIME_LOG_H
#define BASE_RUNTIME_LOG_H

#include <stddef.h>

#include "err.h"

/* The last error in "runtime.log" under @dir_fd, as "<runtime>: <text>" in @e; the kind tells a
 * command that does not exist or cannot be executed from other failures.  Returns the kind's
 * -errno, or 0 when the file says nothing. */
int runtime_log_error(int dir_fd, const char *runtime, struct err *e);
/* The same for a text of one JSON object a line. */
int runtime_log_parse(const char *text, const char *runtime, struct err *e);

#endif
