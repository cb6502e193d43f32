/* Capabilities: names, podman's default set, and what --cap-add and --cap-drop make of it. */
#ifndef SPEC_CAPS_H
#define SPEC_CAPS_H

#include <stdint.h>

#include "err.h"
#include "str.h"

/* Sets are bit masks, bit n standing for capability number n. */

/* What an unprivileged container has by default (the 11 of podman). */
uint64_t spec_caps_default(void);
/* All that this kernel knows, and that a container of this caller can have. */
uint64_t spec_caps_all(void);

/* "CAP_SYS_ADMIN" for a number; static, NULL for a number without a name. */
const char *spec_cap_name(unsigned int cap);
/* A name in any case, with or without CAP_: its number, or -EINVAL with @e. */
int spec_cap_parse(const char *name, struct err *e);
/* A list of names (containers.conf default_capabilities) into a set. */
int spec_caps_parse(const struct strv *names, uint64_t *ret, struct err *e);

/*
 * @base, minus @drop, plus @add (each may be NULL).  ALL in @drop empties the base first, ALL in @add fills it.
 * Naming one capability in both, or ALL in both, is ERR_INVALID, as is what the kernel lacks.
 */
int spec_caps_resolve(uint64_t base, const struct strv *add, const struct strv *drop,
		      uint64_t *ret, struct err *e);
/* The names of a set in order of their numbers, appended to @out; 0 or -ENOMEM. */
int spec_caps_names(uint64_t caps, struct strv *out);

#endif
