/* What strangers sign and how they pack it: the signed document, sigstore's file form. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "trust/payload.h"
#include "trust/signature.h"
#include "trust/sigstore.h"

static int document(const char *data, size_t len)
{
	struct payload p;
	struct err e = ERR_INIT;
	int kinds = 0;

	for (int sigstore = 0; sigstore < 2; sigstore++) {
		if (payload_parse(data, len, sigstore, &p, &e) < 0) {
			FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
			continue;
		}
		kinds++;
		FUZZ_CHECK(strlen(p.manifest.hex) == DIGEST_HEX_LEN);
		FUZZ_CHECK(strlen(p.reference) <= PAYLOAD_REFERENCE_MAX);
	}
	FUZZ_CHECK(kinds < 2);	/* nothing is a document of both kinds */
	return kinds;
}

static int file(const char *data, size_t len)
{
	auto_sigstore_signature struct sigstore_signature s = SIGSTORE_SIGNATURE_INIT, back = SIGSTORE_SIGNATURE_INIT;
	struct err e = ERR_INIT;
	size_t made_len;
	char *made;

	if (sigstore_signature_parse(data, len, &s, &e) < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
		return 0;
	}
	made = sigstore_signature_make(&s, &made_len);
	FUZZ_CHECK(made && sigstore_signature_parse(made, made_len, &back, &e) == 0);
	FUZZ_CHECK(back.payload_len == s.payload_len);
	FUZZ_CHECK(memcmp(back.payload, s.payload, s.payload_len) == 0);
	free(made);
	return 1;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_image_signatures struct image_signatures all = IMAGE_SIGNATURES_INIT;
	int kept = image_signatures_add(&all, data, len, NULL) == 0;
	int ok = document((const char *)data, len) + file((const char *)data, len);

	FUZZ_CHECK(kept == (all.n == 1));
	return ok > 0;
}
