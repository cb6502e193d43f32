/*
 * Signatures of one manifest as they are kept and moved: byte strings, whose form is that of the
 * files signature-N of dir: and of lookaside storage (containers/image, docs/signature-protocols.md).
 */
#ifndef TRUST_SIGNATURE_H
#define TRUST_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define SIGNATURES_MAX 128			/* of one manifest */
#define SIGNATURE_MAX_BYTES (4u << 20)		/* of one signature */
#define SIGNATURE_PAYLOAD_MAX_BYTES (1u << 20)	/* what it signs */

/* What the file of a sigstore signature begins with; one for simple signing begins with OpenPGP. */
#define SIGNATURE_SIGSTORE_MAGIC "\0sigstore-json\n"
#define SIGNATURE_SIGSTORE_MAGIC_LEN (sizeof(SIGNATURE_SIGSTORE_MAGIC) - 1)

struct image_signature {
	char *data;	/* owned; of a sigstore one with the magic */
	size_t len;
	bool sigstore;	/* else simple signing */
};

struct image_signatures {
	struct image_signature *items;
	size_t n;
};
#define IMAGE_SIGNATURES_INIT { 0 }
void image_signatures_done(struct image_signatures *s);
#define auto_image_signatures __attribute__((cleanup(image_signatures_done)))

/* Append the bytes of a signature file (copied; the same bytes are kept once).  ERR_CORRUPT for what
 * is of neither form, ERR_LIMIT. */
int image_signatures_add(struct image_signatures *s, const void *data, size_t len, struct err *e);

#endif
