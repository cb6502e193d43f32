/* Which name a signature must be for: the signedIdentity of policy.json. */
#ifndef TRUST_IDENTITY_H
#define TRUST_IDENTITY_H

#include "err.h"
#include "policy.h"
#include "reference.h"

/*
 * Does a signature for @signed_as fit the image that was asked for as @intended (full; NULL: the
 * place it comes from knows no such name)?  0, or ERR_DENIED which says why not.
 */
int identity_accepts(const struct policy_identity *id, const struct ctr_reference *intended,
		     const char *signed_as, struct err *e);

#endif
