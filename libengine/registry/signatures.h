/*
 * The signatures of an image of a registry: those beside it (lookaside storage, registries.d) and
 * those attached to it in the registry as cosign does.
 */
#ifndef REGISTRY_SIGNATURES_H
#define REGISTRY_SIGNATURES_H

#include "digest.h"
#include "err.h"
#include "policy.h"
#include "reference.h"
#include "registry.h"
#include "signature.h"
#include "store.h"

/*
 * All signatures of the manifest @d of the repository of @ref, which @reg is connected to; settings
 * are read from registries.d.  None is no error.
 */
int registry_signatures(struct registry *reg, const struct ctr_reference *ref, const struct digest *d,
			struct image_signatures *ret, struct err *e);

/*
 * May the image be used that was asked for as @full and has, in the repository of @ref (that of a
 * mirror, or the same), the manifest @d?  As trust_check().
 */
int registry_trust(struct store *s, const struct policy *p, struct registry *reg,
		   const struct ctr_reference *ref, const struct ctr_reference *full,
		   const struct digest *d, struct err *e);

/*
 * Put @sigs of the manifest @d where @ref's repository, which @reg is connected to for pushing, keeps
 * them: simple ones into lookaside storage, sigstore's as attachments, if registries.d permits those.
 */
int registry_put_signatures(struct registry *reg, const struct ctr_reference *ref, const struct digest *d,
			    const struct image_signatures *sigs, struct err *e);

#endif
