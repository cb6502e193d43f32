/* Signing what is sent out: push --sign-by and its like, image sign. */
#ifndef TRUST_SIGN_H
#define TRUST_SIGN_H

#include "digest.h"
#include "err.h"
#include "signature.h"
#include "str.h"

/* Who signs; nothing set: nobody does.  The strings are borrowed. */
struct trust_signers {
	const char *gpg_key;		/* fingerprint, id or address of a key of gpg's; or NULL */
	const char *sigstore_key;	/* file of a private key; or NULL */
	const char *sigstore_params;	/* file of containers-sigstore-signing-params.yaml(5); or NULL */
	const char *passphrase;		/* of the first two; NULL: gpg's agent asks, other keys have "" */
};

/* Is there anybody who signs? */
bool trust_signs(const struct trust_signers *s);

/*
 * Sign the manifest @d as the image @reference ("host/path:tag") by each of @s, and add the signatures
 * to @ret.
 */
int trust_sign(const struct trust_signers *s, const char *reference, const struct digest *d,
	       struct image_signatures *ret, struct err *e);

#endif
