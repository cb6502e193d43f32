/* What the runtime says to people and to who started it: on stderr, and in the file of --log. */
#ifndef RUNTIME_REPORT_H
#define RUNTIME_REPORT_H

#include <stdbool.h>

#include "err.h"

/* From here on also to the file @log (borrowed; may be NULL), one JSON object a line or text. */
void report_to(const char *log, bool json);
void report_error(const struct err *e);
void report_warning(const struct err *e);

#endif
