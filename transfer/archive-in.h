/* Archives that a user names for import and load: files, the standard input, URLs. */
#ifndef TRANSFER_ARCHIVE_IN_H
#define TRANSFER_ARCHIVE_IN_H

#include "transfer.h"

/*
 * Open @name for reading from its beginning: "-" is the standard input; what an URL names is
 * fetched into a file without a name first (@say, may be NULL, is told).  fd, or an error; a
 * directory is ERR_INVALID.
 */
int archive_in_open(struct transfer *t, const char *name, void (*say)(const char *text),
		    struct err *e);

#endif
