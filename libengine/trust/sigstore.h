/*
 * Sigstore signatures by keys: the form cosign attaches to an image in its registry, and the form
 * containers/image keeps in files.  Certificates (Fulcio) and logs (Rekor) are not read.
 */
#ifndef TRUST_SIGSTORE_H
#define TRUST_SIGSTORE_H

#include <jansson.h>
#include <stddef.h>

#include "err.h"

#define SIGSTORE_MEDIA_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"	/* of a payload */
#define SIGSTORE_ANNOTATION "dev.cosignproject.cosign/signature"
#define SIGSTORE_KEY_MAX_BYTES (1u << 20)

struct sigstore_signature {
	char *media_type;
	char *payload;		/* the signed bytes, with a NUL behind */
	size_t payload_len;
	json_t *annotations;	/* object of strings; the signature is in SIGSTORE_ANNOTATION */
};
#define SIGSTORE_SIGNATURE_INIT { 0 }
void sigstore_signature_done(struct sigstore_signature *s);
#define auto_sigstore_signature __attribute__((cleanup(sigstore_signature_done)))

/* Between it and the bytes of a file (signature.h).  ERR_CORRUPT. */
int sigstore_signature_parse(const char *data, size_t len, struct sigstore_signature *ret, struct err *e);
char *sigstore_signature_make(const struct sigstore_signature *s, size_t *ret_len);

/* A public key in PEM.  @what names its origin. */
struct sigstore_key;
int sigstore_key_read(const char *pem, size_t len, const char *what, struct sigstore_key **ret,
		      struct err *e);
/*
 * A private key as cosign and skopeo write it ("ENCRYPTED SIGSTORE PRIVATE KEY": scrypt, secretbox).
 * ERR_DENIED where @passphrase is not the right one.
 */
int sigstore_private_key_read(const char *pem, size_t len, const char *passphrase, const char *what,
			      struct sigstore_key **ret, struct err *e);
void sigstore_key_free(struct sigstore_key *k);

/* Is the payload of @s signed by @k?  0, or ERR_DENIED. */
int sigstore_verify(const struct sigstore_key *k, const struct sigstore_signature *s, struct err *e);
/* Sign @payload by @k, which must be a private key. */
int sigstore_sign(const struct sigstore_key *k, const char *payload, struct sigstore_signature *ret,
		  struct err *e);

#endif
