/* The seccomp filter of config.json: compiled by libseccomp, cached as BPF, loaded by the kernel.
 */
#ifndef RUNTIME_FILTER_H
#define RUNTIME_FILTER_H

#include <jansson.h>

#include "err.h"
#include "setup.h"

#define SECCOMP_NAMES_MAX 65536u /* system call names in one profile, counted with repetitions */

/*
 * Compile linux.seccomp (its @text), or take the result from the cache directory @cache (may be
 * NULL) when it was made there from exactly this text by this version of us, by us: then the text
 * is not even parsed.  @ret may borrow from *@ret_doc, which the caller frees, also on failure.
 */
int filter_make(const char *text, const char *cache, struct filter *ret, json_t **ret_doc,
		struct err *e);
/* Compile, without any cache. */
int filter_compile(const json_t *profile, struct filter *ret, struct err *e);
void filter_done(struct filter *f);
/* Load it into this process.  *@ret_listener gets the notify descriptor when the filter has one. */
int filter_load(const struct filter *f, int *ret_listener, struct err *e);

/* The names that `features` prints; NULL behind the last. */
const char *filter_action_name(size_t i);
const char *filter_arch_name(size_t i);
const char *filter_op_name(size_t i);
const char *filter_flag_name(size_t i);
/* Only those that this kernel takes. */
const char *filter_supported_flag_name(size_t i);

#endif
