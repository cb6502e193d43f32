/* Asking the user on the terminal. */
#ifndef TRANSFER_ASK_H
#define TRANSFER_ASK_H

#include <stdbool.h>

#include "err.h"

/*
 * Print @prompt and read a line from stdin, which is not shown when it is @hidden.  *@ret is fresh,
 * without the end of the line.  ERR_INVALID at the end of file, and where stdin is no terminal:
 * @otherwise then says what the user can do.
 */
int transfer_ask(const char *prompt, bool hidden, const char *otherwise, char **ret, struct err *e);

#endif
