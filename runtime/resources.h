/*
 * linux.resources of config.json as what is written to the files of a version 2 cgroup.  The
 * document was made for version 1: what has no counterpart is refused by name.
 */
#ifndef RUNTIME_RESOURCES_H
#define RUNTIME_RESOURCES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define RESOURCES_MAX 4096 /* files written for one container */

/* One write to one file. */
struct limit {
	char member[64];	    /* "memory.limit": where below $.linux.resources it was asked */
	char controller[32];	    /* "memory"; empty for cgroup.* */
	char *file, *value;	    /* "memory.max", "1048576" */
	char *alt_file, *alt_value; /* used where the kernel lacks @file, or NULL */
	bool limits;		    /* false: it takes a limit away, or is the kernel's default */
	bool optional;		    /* nothing is lost where the kernel lacks the file */
};

struct limits {
	struct limit *items; /* in the order in which they are written */
	size_t n, cap;
	uint64_t check_usage;  /* memory.checkBeforeUpdate: refuse when more than that is in use; 0:
				  no */
	const json_t *devices; /* the rules, borrowed, or NULL */
};

/*
 * Read @resources (may be NULL) of a document that the caller keeps.  ERR_INVALID or ERR_CORRUPT
 * for what is wrong, ERR_UNSUPPORTED for what version 2 has not.
 */
int resources_read(const json_t *resources, struct limits *ret, struct err *e);
void limits_done(struct limits *l);
#define auto_limits __attribute__((cleanup(limits_done)))
/* The first that really limits something, or NULL: engines always write some that do not. */
const struct limit *limits_first(const struct limits *l);
/* The item for @file, or NULL. */
const struct limit *limits_find(const struct limits *l, const char *file);

/* cpu.shares as cpu.weight, blockIO.weight as io.weight. */
uint64_t cpu_weight_of_shares(uint64_t shares);
uint64_t io_weight_of_blkio(uint64_t weight);

#endif
