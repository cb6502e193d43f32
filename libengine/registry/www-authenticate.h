/* The WWW-Authenticate header (RFC 9110 11.6.1), strictly. */
#ifndef REGISTRY_WWW_AUTHENTICATE_H
#define REGISTRY_WWW_AUTHENTICATE_H

#include <stddef.h>

#include "err.h"

enum www_scheme { WWW_OTHER, WWW_BASIC, WWW_BEARER };

struct www_challenge {
	enum www_scheme scheme;
	char realm[1024];	/* "" where absent, as below */
	char service[256];
	char scope[1024];
};

/*
 * Parse one header's challenges into @out, at most @max; returns how many.  Parameters that we have
 * no use for are skipped.  Control bytes, unclosed quotes, a repeated parameter or one that is too
 * long are ERR_CORRUPT.
 */
int www_authenticate_parse(const char *header, struct www_challenge *out, size_t max, struct err *e);

#endif
