/* Questions before something is removed. */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "err.h"

/* Ask on stdout, "Are you sure you want to continue? [y/N] ", and read a line: 1 for y or Y, 0 for
 * anything else; the end of the input is ERR_OS "EOF". */
int confirm(struct err *e);

#endif
