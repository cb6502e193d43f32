/* Signatures as byte strings, see signature.h. */
#include "signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void image_signatures_done(struct image_signatures *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->items[i].data);
	free(s->items);
	*s = (struct image_signatures)IMAGE_SIGNATURES_INIT;
}

/* An OpenPGP packet has the top bit set; other file forms begin with NUL and a word. */
static int kind_of(const char *data, size_t len, bool *ret_sigstore, struct err *e)
{
	if (len >= SIGNATURE_SIGSTORE_MAGIC_LEN &&
	    memcmp(data, SIGNATURE_SIGSTORE_MAGIC, SIGNATURE_SIGSTORE_MAGIC_LEN) == 0) {
		*ret_sigstore = true;
		return 0;
	}
	if (len == 0 || !((unsigned char)data[0] & 0x80))
		return err_set(e, ERR_CORRUPT, "a signature is neither of OpenPGP nor of sigstore");
	*ret_sigstore = false;
	return 0;
}

int image_signatures_add(struct image_signatures *s, const void *data, size_t len, struct err *e)
{
	struct image_signature *grown, x = { .len = len };
	int r;

	if (len > SIGNATURE_MAX_BYTES || s->n == SIGNATURES_MAX)
		return err_set(e, ERR_LIMIT, "more than %d signatures, or one of more than %u bytes",
			       SIGNATURES_MAX, SIGNATURE_MAX_BYTES);
	r = kind_of(data, len, &x.sigstore, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].len == len && memcmp(s->items[i].data, data, len) == 0)
			return 0;
	grown = realloc(s->items, (s->n + 1) * sizeof(*grown));
	if (grown)
		s->items = grown;
	x.data = malloc(len + 1);
	if (!grown || !x.data) {
		free(x.data);
		return err_sys(e, ENOMEM, "keep a signature");
	}
	memcpy(x.data, data, len);
	x.data[len] = '\0';
	s->items[s->n++] = x;
	return 0;
}
