/* Sigstore signatures: their file form, verifying and signing. */
#include "sigstore.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "fd.h"
#include "json.h"
#include "signature.h"
#include "sigstore-int.h"
#include "str.h"

#define SIGNATURE_BYTES_MAX 4096	/* an RSA key of 32768 bits */

void sigstore_signature_done(struct sigstore_signature *s)
{
	free(s->media_type);
	free(s->payload);
	json_decref(s->annotations);
	*s = (struct sigstore_signature)SIGSTORE_SIGNATURE_INIT;
}

/* The file form */

struct file_doc {
	const char *media_type, *payload;
	const json_t *annotations;
};
#define AT(m) offsetof(struct file_doc, m)
/* clang-format off */
static const struct json_field file_fields[] = {
	{ "mimeType",    JSON_KIND_STR,    AT(media_type), JSON_REQUIRED, 256 },
	{ "payload",     JSON_KIND_STR,    AT(payload), JSON_REQUIRED, 2 * SIGNATURE_PAYLOAD_MAX_BYTES },
	{ "annotations", JSON_KIND_OBJECT, AT(annotations), JSON_REQUIRED, 0 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

static int read_file_doc(const json_t *j, struct sigstore_signature *ret, struct err *e)
{
	struct file_doc d = { 0 };
	int r = json_read(j, file_fields, &d, 0, "$", e);

	if (r < 0)
		return r;
	r = base64_decode(d.payload, &ret->payload, &ret->payload_len);
	if (r < 0)
		return err_set(e, ERR_CORRUPT, "the payload is not base64");
	ret->media_type = strdup(d.media_type);
	ret->annotations = json_deep_copy(d.annotations);
	return ret->media_type && ret->annotations ? 0 : err_sys(e, ENOMEM, "read it");
}

int sigstore_signature_parse(const char *data, size_t len, struct sigstore_signature *ret, struct err *e)
{
	auto_sigstore_signature struct sigstore_signature s = SIGSTORE_SIGNATURE_INIT;
	auto_json json_t *j = NULL;
	int r;

	if (len < SIGNATURE_SIGSTORE_MAGIC_LEN ||
	    memcmp(data, SIGNATURE_SIGSTORE_MAGIC, SIGNATURE_SIGSTORE_MAGIC_LEN) != 0)
		return err_set(e, ERR_CORRUPT, "it is no sigstore signature");
	r = json_parse(data + SIGNATURE_SIGSTORE_MAGIC_LEN, len - SIGNATURE_SIGSTORE_MAGIC_LEN,
		       SIGNATURE_MAX_BYTES, "sigstore signature", &j, e);
	if (r == 0)
		r = read_file_doc(j, &s, e);
	if (r < 0)
		return err_wrap(e, r, "sigstore signature");
	*ret = s;
	s = (struct sigstore_signature)SIGSTORE_SIGNATURE_INIT;
	return 0;
}

char *sigstore_signature_make(const struct sigstore_signature *s, size_t *ret_len)
{
	auto_free char *payload = base64_encode(s->payload, s->payload_len), *text = NULL;
	auto_json json_t *j = NULL;
	char *out;

	if (payload)
		j = json_pack("{s:s, s:s, s:O}", "mimeType", s->media_type, "payload", payload,
			      "annotations", s->annotations);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	out = text ? malloc(SIGNATURE_SIGSTORE_MAGIC_LEN + strlen(text) + 1) : NULL;
	if (!out)
		return NULL;
	memcpy(out, SIGNATURE_SIGSTORE_MAGIC, SIGNATURE_SIGSTORE_MAGIC_LEN);
	memcpy(out + SIGNATURE_SIGSTORE_MAGIC_LEN, text, strlen(text) + 1);
	*ret_len = SIGNATURE_SIGSTORE_MAGIC_LEN + strlen(text);
	return out;
}

/* Keys */

int sigstore_key_read(const char *pem, size_t len, const char *what, struct sigstore_key **ret,
		      struct err *e)
{
	BIO *bio = len <= SIGSTORE_KEY_MAX_BYTES ? BIO_new_mem_buf(pem, (int)len) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	struct sigstore_key *k = pkey ? calloc(1, sizeof(*k)) : NULL;

	(void)BIO_free(bio); /* memory only */
	if (!pkey)
		return err_set(e, ERR_CORRUPT, "%s: there is no public key in PEM form in it", what);
	if (!k) {
		EVP_PKEY_free(pkey);
		return err_sys(e, ENOMEM, "read the key of %s", what);
	}
	k->pkey = pkey;
	*ret = k;
	return 0;
}

void sigstore_key_free(struct sigstore_key *k)
{
	if (k)
		EVP_PKEY_free(k->pkey);
	free(k);
}

/* Ed25519 hashes by itself. */
static const EVP_MD *hash_for(const struct sigstore_key *k)
{
	return EVP_PKEY_get_base_id(k->pkey) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

int sigstore_verify(const struct sigstore_key *k, const struct sigstore_signature *s, struct err *e)
{
	const char *coded = json_string_value(json_object_get(s->annotations, SIGSTORE_ANNOTATION));
	auto_free char *sig = NULL;
	EVP_MD_CTX *ctx;
	size_t len;
	int ok;

	if (!coded || base64_decode(coded, &sig, &len) < 0)
		return err_set(e, ERR_DENIED, "it has no " SIGSTORE_ANNOTATION " in base64");
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return err_sys(e, ENOMEM, "verify a signature");
	ok = EVP_DigestVerifyInit(ctx, NULL, hash_for(k), NULL, k->pkey) == 1 &&
	     EVP_DigestVerify(ctx, (const unsigned char *)sig, len, (const unsigned char *)s->payload,
			      s->payload_len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : err_set(e, ERR_DENIED, "it was not made by a key that the policy trusts");
}

static int sign_bytes(const struct sigstore_key *k, const char *payload, unsigned char *sig, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx && EVP_DigestSignInit(ctx, NULL, hash_for(k), NULL, k->pkey) == 1 &&
		 EVP_DigestSign(ctx, sig, len, (const unsigned char *)payload, strlen(payload)) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EINVAL;
}

int sigstore_sign(const struct sigstore_key *k, const char *payload, struct sigstore_signature *ret,
		  struct err *e)
{
	auto_sigstore_signature struct sigstore_signature s = SIGSTORE_SIGNATURE_INIT;
	unsigned char sig[SIGNATURE_BYTES_MAX];
	auto_free char *coded = NULL;
	size_t len = sizeof(sig);

	if (sign_bytes(k, payload, sig, &len) < 0)
		return err_set(e, ERR_INVALID, "the key cannot sign");
	coded = base64_encode(sig, len);
	s.media_type = strdup(SIGSTORE_MEDIA_TYPE);
	s.payload = strdup(payload);
	s.payload_len = strlen(payload);
	s.annotations = coded ? json_pack("{s:s}", SIGSTORE_ANNOTATION, coded) : NULL;
	if (!s.media_type || !s.payload || !s.annotations)
		return err_sys(e, ENOMEM, "sign");
	*ret = s;
	s = (struct sigstore_signature)SIGSTORE_SIGNATURE_INIT;
	return 0;
}
