/* Archives into files that a user names. */
#ifndef CLI_OUT_FILE_H
#define CLI_OUT_FILE_H

#include "err.h"

/* Write it all to @fd.  @tmp: a file that is to go when a signal ends the program; may be NULL. */
typedef int (*out_file_fill)(void *arg, int fd, const char *tmp, struct err *e);

/* Have @fill write the file @name, which appears when it is whole, unless something else than a
 * file (a pipe, a device) is there already: that is written to. */
int out_file_write(const char *name, out_file_fill fill, void *arg, struct err *e);

#endif
