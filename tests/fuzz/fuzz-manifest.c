/* Manifests: what is accepted has only digests that can become paths, and sizes within limits. */
#include <string.h>

#include "fuzz.h"
#include "registry/manifest.h"

static void check_blob(const struct manifest_blob *b)
{
	FUZZ_CHECK(strlen(b->digest.hex) == DIGEST_HEX_LEN);
	FUZZ_CHECK(strspn(b->digest.hex, "0123456789abcdef") == DIGEST_HEX_LEN);
	FUZZ_CHECK(b->size_bytes <= MANIFEST_LAYER_MAX_BYTES);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_manifest struct manifest m = MANIFEST_INIT;
	struct err e = ERR_INIT;
	int ok = manifest_parse((const char *)data, len, "", &m, &e) == 0;

	auto_manifest struct manifest any = MANIFEST_INIT;
	int any_ok = manifest_parse_any((const char *)data, len, "", &any, NULL) == 0;

	/* what passes as an image passes as anything, and the other way round it is an artifact */
	FUZZ_CHECK(any_ok ? ok != any.is_artifact : !ok);
	for (size_t i = 0; any_ok && i < any.n_layers; i++)
		check_blob(&any.layers[i]);
	if (!ok) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
		return 0;
	}
	if (!m.is_index)
		check_blob(&m.config);
	for (size_t i = 0; i < m.n_layers; i++)
		check_blob(&m.layers[i]);
	return 1;
}
