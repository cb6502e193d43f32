/* Judging an image by its signatures, see check.h. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "base64.h"
#include "fd.h"
#include "file.h"
#include "gpg.h"
#include "identity.h"
#include "payload.h"
#include "sigstore.h"

#define KEY_FILE_MAX_BYTES (4u << 20)

/* The keys of one requirement, of either kind. */
struct keys {
	struct gpg_ring ring;
	struct sigstore_key **items;
	size_t n;
};

static void keys_done(struct keys *k)
{
	gpg_ring_done(&k->ring);
	for (size_t i = 0; i < k->n; i++)
		sigstore_key_free(k->items[i]);
	free(k->items);
}

static int add_key(struct keys *k, bool sigstore, const char *data, size_t len, const char *what,
		   struct err *e)
{
	struct sigstore_key **grown;
	int r;

	if (!sigstore)
		return gpg_ring_import(&k->ring, data, len, what, e);
	grown = realloc(k->items, (k->n + 1) * sizeof(struct sigstore_key *));
	if (!grown)
		return err_sys(e, ENOMEM, "read the key of %s", what);
	k->items = grown;
	r = sigstore_key_read(data, len, what, &k->items[k->n], e);
	k->n += r == 0;
	return r;
}

static int add_key_file(struct keys *k, bool sigstore, const char *path, struct err *e)
{
	auto_free char *data = NULL;
	size_t len;
	int r = file_read_path(path, KEY_FILE_MAX_BYTES, &data, &len);

	if (r < 0)
		return err_sys(e, r, "read the key %s", path);
	return add_key(k, sigstore, data, len, path, e);
}

static int load_keys(struct store *s, const struct policy *p, const struct policy_requirement *q,
		     struct keys *k, struct err *e)
{
	bool sigstore = q->type == POLICY_SIGSTORE_SIGNED;
	int r = sigstore ? 0 : gpg_ring_new(s, &k->ring, e);

	for (size_t i = 0; r == 0 && i < q->key_paths.n; i++)
		r = add_key_file(k, sigstore, q->key_paths.items[i], e);
	for (size_t i = 0; r == 0 && i < q->key_data.n; i++) {
		auto_free char *data = NULL;
		size_t len;

		r = base64_decode(q->key_data.items[i], &data, &len);
		r = r < 0 ? err_set(e, ERR_CORRUPT, "%s: key data that is not base64", p->path)
			  : add_key(k, sigstore, data, len, p->path, e);
	}
	return r;
}

/* One signature */

static int check_payload(const struct policy_requirement *q, const struct trust_subject *t,
			 const char *payload, size_t len, struct err *e)
{
	struct payload what;
	int r = payload_parse(payload, len, q->type == POLICY_SIGSTORE_SIGNED, &what, e);

	if (r == 0)
		r = identity_accepts(&q->identity, t->intended, what.reference, e);
	if (r == 0 && !digest_eq(&what.manifest, &t->manifest))
		r = err_set(e, ERR_DENIED, "the signature is for another manifest (sha256:%s)",
			    what.manifest.hex);
	return r;
}

static int check_simple(const struct policy_requirement *q, const struct keys *k,
			const struct trust_subject *t, const struct image_signature *s, struct err *e)
{
	char key[GPG_FINGERPRINT_MAX + 1];
	auto_free char *payload = NULL;
	size_t len;
	int r = gpg_ring_verify(&k->ring, s->data, s->len, &payload, &len, key, e);

	return r < 0 ? r : check_payload(q, t, payload, len, e);
}

static int check_sigstore(const struct policy_requirement *q, const struct keys *k,
			  const struct trust_subject *t, const struct image_signature *s, struct err *e)
{
	auto_sigstore_signature struct sigstore_signature sig = SIGSTORE_SIGNATURE_INIT;
	int r = sigstore_signature_parse(s->data, s->len, &sig, e), v = -EPERM;

	if (r < 0)
		return r;
	for (size_t i = 0; v < 0 && i < k->n; i++)
		v = sigstore_verify(k->items[i], &sig, i ? NULL : e);
	return v < 0 ? v : check_payload(q, t, sig.payload, sig.payload_len, e);
}

/* All signatures of one requirement: one good one is enough, and others do no harm. */

static int reject(const struct trust_subject *t, const struct policy_requirements *l, const char *why,
		  struct err *e)
{
	auto_free char *name = policy_subject_str(&t->where);

	return err_set(e, ERR_DENIED, "Source image rejected: %s: %s (scope %s of the policy)",
		       name ? name : "", why, l->scope);
}

static int any_accepted(const struct policy_requirement *q, const struct policy_requirements *l,
			const struct keys *k, const struct trust_subject *t,
			const struct image_signatures *sigs, struct err *e)
{
	auto_strbuf struct strbuf why = STRBUF_INIT;
	bool sigstore = q->type == POLICY_SIGSTORE_SIGNED;
	size_t n = 0;

	for (size_t i = 0; i < sigs->n; i++) {
		const struct image_signature *s = &sigs->items[i];
		struct err one = ERR_INIT;
		int r;

		if (s->sigstore != sigstore)
			continue;
		r = sigstore ? check_sigstore(q, k, t, s, &one) : check_simple(q, k, t, s, &one);
		if (r == 0)
			return 0;
		strbuf_addf(&why, "%s%s", n++ ? "; " : "", one.text);
	}
	if (n == 0)
		return reject(t, l, sigstore ? "A signature was required, but no signature exists (of "
			      "sigstore; registries.d must say use-sigstore-attachments: true)"
			      : "A signature was required, but no signature exists", e);
	return reject(t, l, why.failed ? "the signatures are not accepted" : why.data, e);
}

static int check_requirement(struct store *s, const struct policy *p, const struct policy_requirement *q,
			     const struct policy_requirements *l, const struct trust_subject *t,
			     const struct image_signatures *sigs, struct err *e)
{
	struct keys k = { .ring = GPG_RING_INIT };
	int r = load_keys(s, p, q, &k, e);

	if (r == 0)
		r = any_accepted(q, l, &k, t, sigs, e);
	keys_done(&k);
	return r;
}

static bool wants_signature(const struct policy_requirement *q)
{
	return q->type == POLICY_SIGNED_BY || q->type == POLICY_SIGSTORE_SIGNED;
}

int trust_check(struct store *s, const struct policy *p, const struct trust_subject *t, struct err *e)
{
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	auto_image_signatures struct image_signatures sigs = IMAGE_SIGNATURES_INIT;
	bool fetched = false;
	int r = policy_find(p, &t->where, &l, e);

	if (r == 0)
		r = policy_refuses(p, &t->where, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		if (!wants_signature(&l.items[i]))
			continue;
		if (!fetched && t->signatures)
			r = t->signatures(t->arg, &sigs, e);
		fetched = true;
		if (r == 0)
			r = check_requirement(s, p, &l.items[i], &l, t, &sigs, e);
	}
	return r;
}

int trust_check_transport(struct store *s, const char *transport, struct err *e)
{
	auto_policy struct policy p = POLICY_INIT;
	const struct trust_subject t = { .where = { .transport = transport } };
	int r = policy_load(NULL, &p, e);

	return r < 0 ? r : trust_check(s, &p, &t, e);
}
