/* Resource limits: --ulimit name=soft[:hard]. */
#ifndef SPEC_ULIMIT_H
#define SPEC_ULIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define SPEC_RLIMIT_INFINITY UINT64_MAX

struct spec_ulimit {
	const char *type;	/* "RLIMIT_NOFILE", as config.json has it; static */
	int resource;		/* RLIMIT_* */
	uint64_t soft, hard;	/* SPEC_RLIMIT_INFINITY: -1 or unlimited */
};

struct spec_ulimits {
	struct spec_ulimit items[16];	/* one for each resource at most */
	size_t n;
	bool host;		/* "host": all of the caller's as they are; nothing else was given */
};
#define SPEC_ULIMITS_INIT { 0 }

/*
 * Add one value: NAME=SOFT[:HARD], NAME with or without RLIMIT_ in any case, -1 or "unlimited" for
 * none.  A repeated name replaces.  "host" stands alone.  ERR_INVALID also for soft above hard.
 */
int spec_ulimits_add(struct spec_ulimits *u, const char *value, struct err *e);
/* Add podman's defaults (nofile and nproc 1048576) where nothing else is given, and cut every
 * value of a caller without CAP_SYS_RESOURCE at its own hard limit where it is one of the defaults;
 * what was asked for explicitly and cannot be had is ERR_DENIED. */
int spec_ulimits_finish(struct spec_ulimits *u, bool may_raise, struct err *e);

#endif
