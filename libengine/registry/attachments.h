/*
 * Signatures attached to an image in its registry, as cosign does it: an image manifest under the tag
 * sha256-HEX.sig of the same repository, whose layers are what was signed and whose annotations hold
 * the signatures.
 */
#ifndef REGISTRY_ATTACHMENTS_H
#define REGISTRY_ATTACHMENTS_H

#include "digest.h"
#include "err.h"
#include "registry.h"
#include "signature.h"

/* Those of the manifest @d; layers that are no signatures are passed over.  None is no error. */
int attachments_read(struct registry *reg, const struct digest *d, struct image_signatures *ret,
		     struct err *e);

/* Attach the sigstore signature @sig to @d in the registry, which was opened for pushing.  Those that
 * are attached stay; one that is there already is not attached again. */
int attachments_add(struct registry *reg, const struct digest *d, const struct image_signature *sig,
		    struct err *e);

#endif
