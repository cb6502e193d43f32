/* Detach keys: "KEYS\nINPUT".  What goes on and what is held back is the input, or its beginning. */
#include <string.h>

#include "ctrlite/client.h"
#include "fuzz.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	const uint8_t *nl = memchr(data, '\n', len);
	size_t n_text = nl ? (size_t)(nl - data) : len, n_in = nl ? len - n_text - 1 : 0, n_out, matched = 0;
	const char *in = nl ? (const char *)nl + 1 : "";
	char *text = fuzz_string(data, n_text), *out;
	struct ctr_detach_keys k;
	struct err e = ERR_INIT;
	int r;

	if (!text)
		return 0;
	r = ctr_detach_keys_parse(text, &k, &e);
	free(text);
	if (r < 0) {
		FUZZ_CHECK(e.kind == ERR_INVALID && e.text[0]);
		return 0;
	}
	FUZZ_CHECK(k.n <= sizeof(k.keys));
	out = malloc(n_in + CTR_DETACH_HELD_MAX);
	FUZZ_CHECK(out);
	if (ctr_detach_filter(&k, &matched, in, n_in, out, &n_out)) {
		FUZZ_CHECK(n_out + k.n <= n_in && memcmp(out, in, n_out) == 0);
		FUZZ_CHECK(memcmp(in + n_out, k.keys, k.n) == 0);
	} else {
		FUZZ_CHECK(n_out + matched == n_in && memcmp(out, in, n_out) == 0);
		FUZZ_CHECK(memcmp(in + n_out, k.keys, matched) == 0);
	}
	free(out);
	return 1;
}
