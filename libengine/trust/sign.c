/* Making signatures, see sign.h. */
#include "sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fd.h"
#include "file.h"
#include "gpg.h"
#include "json.h"
#include "payload.h"
#include "sigstore.h"
#include "yaml-read.h"

#define PASSPHRASE_MAX_BYTES 65536

bool trust_signs(const struct trust_signers *s)
{
	return s->gpg_key || s->sigstore_key || s->sigstore_params;
}

static int sign_simple(const char *key, const char *passphrase, const char *reference,
		       const struct digest *d, struct image_signatures *ret, struct err *e)
{
	auto_free char *payload = payload_make(reference, d, false, time(NULL)), *sig = NULL;
	size_t len;
	int r;

	if (!payload)
		return err_sys(e, ENOMEM, "sign %s", reference);
	r = gpg_sign(key, passphrase, payload, strlen(payload), &sig, &len, e);
	return r < 0 ? r : image_signatures_add(ret, sig, len, e);
}

static int sign_by_key(const struct sigstore_key *k, const char *reference, const struct digest *d,
		       struct image_signatures *ret, struct err *e)
{
	auto_sigstore_signature struct sigstore_signature s = SIGSTORE_SIGNATURE_INIT;
	auto_free char *payload = payload_make(reference, d, true, time(NULL)), *file = NULL;
	size_t len;
	int r = payload ? sigstore_sign(k, payload, &s, e) : -ENOMEM;

	if (r < 0)
		return payload ? r : err_sys(e, ENOMEM, "sign %s", reference);
	file = sigstore_signature_make(&s, &len);
	return file ? image_signatures_add(ret, file, len, e) : err_sys(e, ENOMEM, "sign %s", reference);
}

static int sign_sigstore(const char *path, const char *passphrase, const char *reference,
			 const struct digest *d, struct image_signatures *ret, struct err *e)
{
	auto_free char *pem = NULL;
	struct sigstore_key *k = NULL;
	size_t len;
	int r = file_read_path(path, SIGSTORE_KEY_MAX_BYTES, &pem, &len);

	if (r < 0)
		return err_sys(e, r, "read the private key %s", path);
	r = sigstore_private_key_read(pem, len, passphrase ? passphrase : "", path, &k, e);
	if (r == 0)
		r = sign_by_key(k, reference, d, ret, e);
	sigstore_key_free(k);
	return r;
}

/* A file of parameters */

struct params {
	const char *key, *passphrase_file, *rekor;
	const json_t *fulcio;
};
#define AT(m) offsetof(struct params, m)
/* clang-format off */
static const struct json_field params_fields[] = {
	{ "privateKeyFile",           JSON_KIND_STR, AT(key), 0, 0 },
	{ "privateKeyPassphraseFile", JSON_KIND_STR, AT(passphrase_file), 0, 0 },
	{ "fulcio",                   JSON_KIND_ANY, AT(fulcio), 0, 0 },
	{ "rekorURL",                 JSON_KIND_STR, AT(rekor), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

static int read_params(const char *path, json_t **ret_doc, struct params *p, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;
	int r = file_read_path(path, YAML_MAX_BYTES, &text, &len);

	if (r < 0)
		return err_sys(e, r, "read %s", path);
	r = yaml_read(text, len, path, ret_doc, e);
	if (r == 0)
		r = json_read(*ret_doc, params_fields, p, 0, path, e);
	if (r == 0 && (p->fulcio || p->rekor))
		r = err_set(e, ERR_UNSUPPORTED, "%s: %s: only private keys (privateKeyFile) can sign here", path,
			    p->fulcio ? "fulcio" : "rekorURL");
	if (r == 0 && !p->key)
		r = err_set(e, ERR_INVALID, "%s: it has no privateKeyFile", path);
	return r;
}

static int sign_by_params(const char *path, const char *reference, const struct digest *d,
			  struct image_signatures *ret, struct err *e)
{
	auto_json json_t *doc = NULL;
	struct params p = { 0 };
	char *passphrase = NULL;
	size_t len = 0;
	int r = read_params(path, &doc, &p, e);

	if (r == 0 && p.passphrase_file) {
		r = file_read_path(p.passphrase_file, PASSPHRASE_MAX_BYTES, &passphrase, &len);
		if (r < 0)
			return err_sys(e, r, "read the passphrase of %s", p.passphrase_file);
		passphrase[strcspn(passphrase, "\n")] = '\0';
	}
	if (r == 0)
		r = sign_sigstore(p.key, passphrase, reference, d, ret, e);
	if (passphrase)
		explicit_bzero(passphrase, len);
	free(passphrase);
	return r;
}

int trust_sign(const struct trust_signers *s, const char *reference, const struct digest *d,
	       struct image_signatures *ret, struct err *e)
{
	int r = 0;

	if (s->gpg_key)
		r = sign_simple(s->gpg_key, s->passphrase, reference, d, ret, e);
	if (r == 0 && s->sigstore_key)
		r = sign_sigstore(s->sigstore_key, s->passphrase, reference, d, ret, e);
	if (r == 0 && s->sigstore_params)
		r = sign_by_params(s->sigstore_params, reference, d, ret, e);
	return r;
}
