/*
 * What a signature signs: a JSON document that names an image and the digest of its manifest
 * (containers/image, docs/containers-signature(5); cosign's has the same form).
 */
#ifndef TRUST_PAYLOAD_H
#define TRUST_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"

#define PAYLOAD_REFERENCE_MAX 1024

struct payload {
	char reference[PAYLOAD_REFERENCE_MAX + 1];	/* as it stands there */
	struct digest manifest;
};

/* Strict: "critical" has exactly its members and the right type for a simple or a @sigstore
 * signature.  ERR_CORRUPT. */
int payload_parse(const char *buf, size_t len, bool sigstore, struct payload *ret, struct err *e);

/* The document for @reference and @manifest; @now in seconds since 1970.  Fresh, or NULL. */
char *payload_make(const char *reference, const struct digest *manifest, bool sigstore, int64_t now);

#endif
