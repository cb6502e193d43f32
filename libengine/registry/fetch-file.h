/* What an URL names, into a file: archives that are imported and loaded from the network. */
#ifndef REGISTRY_FETCH_FILE_H
#define REGISTRY_FETCH_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* Is it http:// or https://? */
bool fetch_file_is_url(const char *s);
/*
 * GET @url, without credentials (also not those in the URL), into @fd, at most @max_bytes
 * (ERR_LIMIT).  Redirects are followed, but not from https to http; a broken body is resumed.
 * @stop (may be NULL) is asked now and then: negative (with @e) to end.
 */
int fetch_file(const char *url, int fd, uint64_t max_bytes, int (*stop)(struct err *e),
	       struct err *e);

#endif
