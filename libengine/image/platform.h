/* Platforms: os/arch[/variant], and the choice from an index of several. */
#ifndef IMAGE_PLATFORM_H
#define IMAGE_PLATFORM_H

#include <jansson.h>
#include <stdbool.h>

#include "digest.h"
#include "err.h"

#define PLATFORM_PART_MAX 64	/* as uname(2) has it */

struct ctr_platform {
	char os[PLATFORM_PART_MAX + 1], arch[PLATFORM_PART_MAX + 1];
	char variant[PLATFORM_PART_MAX + 1];	/* "" where unset */
};

/* What this machine is, in the words of the OCI (Go's GOOS and GOARCH). */
void ctr_platform_host(struct ctr_platform *ret);
/* "linux/arm64/v8", "linux/amd64", "linux", or an architecture alone; what is left out is the
 * host's.  Other names of architectures (x86_64, aarch64) are understood.  ERR_INVALID. */
int ctr_platform_parse(const char *s, struct ctr_platform *ret, struct err *e);

/* Change the parts that are given (NULL: not).  Another architecture has no variant unless one is given.
 * ERR_INVALID. */
int ctr_platform_set(struct ctr_platform *p, const char *os, const char *arch, const char *variant,
		     struct err *e);
/* What a config (@doc) says of itself; this host's words where it says nothing. */
void ctr_platform_of(const json_t *doc, struct ctr_platform *ret);
/* Is an image of @image another one than @want asks for?  A variant counts where both name one. */
bool ctr_platform_differs(const struct ctr_platform *image, const struct ctr_platform *want);
/* "os/arch[/variant]" into @buf. */
#define PLATFORM_STR_MAX (3 * PLATFORM_PART_MAX + 3)
const char *ctr_platform_str(const struct ctr_platform *p, char buf[PLATFORM_STR_MAX]);

/*
 * Choose from the "manifests" of the index @index: the entry of @want's os and architecture with
 * the best variant that runs there.  An index with a single entry that names no platform means that
 * one.  The descriptor is borrowed from @index.  ERR_NOT_FOUND names what was wanted.
 */
int ctr_platform_choose(const json_t *index, const struct ctr_platform *want,
			const json_t **ret_descriptor, struct err *e);

#endif
