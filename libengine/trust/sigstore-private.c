/*
 * Private keys as cosign writes them (github.com/theupdateframework/go-tuf, "encrypted"): a PEM block
 * around a JSON document that says how the key was derived from the passphrase (scrypt) and holds
 * the PKCS #8 key, encrypted by NaCl's secretbox.  libcrypto has no XSalsa20, so libsodium opens it;
 * it is loaded by those who sign, and by nobody else.
 */
#include "sigstore.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sodium/crypto_secretbox.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "fd.h"
#include "json.h"
#include "sigstore-int.h"
#include "str.h"

#define SODIUM "libsodium.so.23"
#define SCRYPT_N_MAX (UINT64_C(1) << 20)
#define SCRYPT_R_MAX 16
#define SCRYPT_P_MAX 16
#define SCRYPT_MAX_BYTES (UINT64_C(512) << 20)
#define SALT_MAX_BYTES 1024

struct sealed {
	const json_t *kdf, *params, *cipher;
	const char *kdf_name, *salt, *cipher_name, *nonce, *ciphertext;
	uint64_t n, r, p;
};
#define AT(m) offsetof(struct sealed, m)
/* clang-format off */
static const struct json_field top_fields[] = {
	{ "kdf",        JSON_KIND_OBJECT, AT(kdf), JSON_REQUIRED, 0 },
	{ "cipher",     JSON_KIND_OBJECT, AT(cipher), JSON_REQUIRED, 0 },
	{ "ciphertext", JSON_KIND_STR,    AT(ciphertext), JSON_REQUIRED, 0 },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field kdf_fields[] = {
	{ "name",   JSON_KIND_STR,    AT(kdf_name), JSON_REQUIRED, 0 },
	{ "params", JSON_KIND_OBJECT, AT(params), JSON_REQUIRED, 0 },
	{ "salt",   JSON_KIND_STR,    AT(salt), JSON_REQUIRED, SALT_MAX_BYTES },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field scrypt_fields[] = {
	{ "N", JSON_KIND_U64, AT(n), JSON_REQUIRED, SCRYPT_N_MAX },
	{ "r", JSON_KIND_U64, AT(r), JSON_REQUIRED, SCRYPT_R_MAX },
	{ "p", JSON_KIND_U64, AT(p), JSON_REQUIRED, SCRYPT_P_MAX },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field cipher_fields[] = {
	{ "name",  JSON_KIND_STR, AT(cipher_name), JSON_REQUIRED, 0 },
	{ "nonce", JSON_KIND_STR, AT(nonce), JSON_REQUIRED, 64 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

static int read_sealed(const json_t *j, struct sealed *s, struct err *e)
{
	int r = json_read(j, top_fields, s, 0, "$", e);

	if (r == 0)
		r = json_read(s->kdf, kdf_fields, s, 0, "$.kdf", e);
	if (r == 0 && !streq(s->kdf_name, "scrypt"))
		r = err_set(e, ERR_UNSUPPORTED, "$.kdf.name: only scrypt is known");
	if (r == 0)
		r = json_read(s->params, scrypt_fields, s, 0, "$.kdf.params", e);
	if (r == 0)
		r = json_read(s->cipher, cipher_fields, s, 0, "$.cipher", e);
	if (r == 0 && !streq(s->cipher_name, "nacl/secretbox"))
		r = err_set(e, ERR_UNSUPPORTED, "$.cipher.name: only nacl/secretbox is known");
	return r;
}

static int derive(const struct sealed *s, const char *passphrase,
		  unsigned char key[crypto_secretbox_KEYBYTES], struct err *e)
{
	auto_free char *salt = NULL;
	size_t len;

	if (base64_decode(s->salt, &salt, &len) < 0)
		return err_set(e, ERR_CORRUPT, "$.kdf.salt: not base64");
	if (EVP_PBE_scrypt(passphrase, strlen(passphrase), (const unsigned char *)salt, len, s->n, s->r,
			   s->p, SCRYPT_MAX_BYTES, key, crypto_secretbox_KEYBYTES) != 1)
		return err_set(e, ERR_CORRUPT, "$.kdf.params: scrypt does not take them");
	return 0;
}

static int find_open(__typeof__(crypto_secretbox_open_easy) **ret, struct err *e)
{
	void *lib = dlopen(SODIUM, RTLD_NOW | RTLD_LOCAL);

	*ret = lib ? (__typeof__(*ret))dlsym(lib, "crypto_secretbox_open_easy") : NULL;
	return *ret ? 0 : err_set(e, ERR_UNSUPPORTED, SODIUM ", which opens keys of sigstore, is not here: "
				  "install the package libsodium23");
}

/* *@ret is fresh, *@ret_len bytes that the caller erases. */
static int unseal(const struct sealed *s, const char *passphrase, unsigned char **ret, size_t *ret_len,
		  struct err *e)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	auto_free char *nonce = NULL, *box = NULL;
	auto_free unsigned char *plain = NULL;
	__typeof__(crypto_secretbox_open_easy) *open_easy;
	size_t nonce_len, len;
	int r = find_open(&open_easy, e);

	if (r < 0)
		return r;
	if (base64_decode(s->nonce, &nonce, &nonce_len) < 0 || nonce_len != crypto_secretbox_NONCEBYTES)
		return err_set(e, ERR_CORRUPT, "$.cipher.nonce: not %u bytes in base64",
			       crypto_secretbox_NONCEBYTES);
	if (base64_decode(s->ciphertext, &box, &len) < 0 || len <= crypto_secretbox_MACBYTES)
		return err_set(e, ERR_CORRUPT, "$.ciphertext: not base64, or too short");
	plain = malloc(len);
	if (!plain)
		return err_sys(e, ENOMEM, "open the key");
	r = derive(s, passphrase, key, e);
	if (r == 0 && open_easy(plain, (const unsigned char *)box, len, (const unsigned char *)nonce, key) != 0)
		r = err_set(e, ERR_DENIED, "the passphrase does not open it");
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	*ret_len = len - crypto_secretbox_MACBYTES;
	*ret = take_ptr(&plain);
	return 0;
}

static int open_json(const char *json, size_t len, const char *passphrase, EVP_PKEY **ret, struct err *e)
{
	auto_json json_t *j = NULL;
	struct sealed s = { 0 };
	unsigned char *plain = NULL;
	const unsigned char *at;
	size_t plain_len = 0;
	int r = json_parse(json, len, SIGSTORE_KEY_MAX_BYTES, "key", &j, e);

	if (r == 0)
		r = read_sealed(j, &s, e);
	if (r == 0)
		r = unseal(&s, passphrase, &plain, &plain_len, e);
	if (r < 0)
		return r;
	at = plain;
	*ret = d2i_AutoPrivateKey(NULL, &at, (long)plain_len);
	explicit_bzero(plain, plain_len);
	free(plain);
	return *ret ? 0 : err_set(e, ERR_CORRUPT, "what is in it is no key of PKCS #8");
}

/* The bytes of the first PEM block, which must be an encrypted key of sigstore. */
static int read_pem(const char *pem, size_t len, unsigned char **ret, long *ret_len, struct err *e)
{
	BIO *bio = len <= SIGSTORE_KEY_MAX_BYTES ? BIO_new_mem_buf(pem, (int)len) : NULL;
	char *name = NULL, *header = NULL;
	int r = 0;

	if (!bio || PEM_read_bio(bio, &name, &header, ret, ret_len) != 1)
		r = err_set(e, ERR_CORRUPT, "there is no key in PEM form in it");
	else if (!streq(name, "ENCRYPTED SIGSTORE PRIVATE KEY") &&
		 !streq(name, "ENCRYPTED COSIGN PRIVATE KEY"))
		r = err_set(e, ERR_UNSUPPORTED, "it is a PEM block \"%.60s\", and an \"ENCRYPTED SIGSTORE "
			    "PRIVATE KEY\" is expected (cosign generate-key-pair)", name);
	OPENSSL_free(name);
	OPENSSL_free(header);
	(void)BIO_free(bio); /* memory only */
	return r;
}

int sigstore_private_key_read(const char *pem, size_t len, const char *passphrase, const char *what,
			      struct sigstore_key **ret, struct err *e)
{
	unsigned char *json = NULL;
	EVP_PKEY *pkey = NULL;
	long json_len = 0;
	int r = read_pem(pem, len, &json, &json_len, e);

	if (r == 0)
		r = open_json((const char *)json, (size_t)json_len, passphrase, &pkey, e);
	OPENSSL_free(json);
	ERR_clear_error();
	if (r < 0)
		return err_wrap(e, r, "private key %s", what);
	*ret = calloc(1, sizeof(**ret));
	if (!*ret) {
		EVP_PKEY_free(pkey);
		return err_sys(e, ENOMEM, "private key %s", what);
	}
	(*ret)->pkey = pkey;
	return 0;
}
