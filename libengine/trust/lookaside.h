/*
 * Lookaside storage: signatures in files beside a registry, BASE@sha256=HEX/signature-N, where BASE
 * comes from registries.d (registries-d.h).  Reading over HTTP is registry/signatures.h's.
 */
#ifndef TRUST_LOOKASIDE_H
#define TRUST_LOOKASIDE_H

#include "digest.h"
#include "err.h"
#include "signature.h"

/* The URL of signature @i (from 1) of the manifest @d; fresh, or NULL. */
char *lookaside_url(const char *base, const struct digest *d, size_t i);

/* Read the signature file @path and add it: 1, 0 when there is none, or an error. */
int lookaside_read_file(const char *path, struct image_signatures *s, struct err *e);

/*
 * Add @sig under the base URL @base, which must be file:///, making directories as needed.  Signatures
 * that are there stay, also those of others; one that is there already is not written again.
 */
int lookaside_add(const char *base, const struct digest *d, const struct image_signature *sig,
		  struct err *e);

/* The directory of the signatures in @dir for the repository path @repo, as `image sign -d` has it:
 * what file://@dir would be as a base.  Fresh, or NULL. */
char *lookaside_base_of_dir(const char *dir, const char *repo);

#endif
