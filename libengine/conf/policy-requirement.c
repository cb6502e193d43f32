/* The requirement lists of policy.json, see policy.h. */
#include "policy.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"

#define IDENTITY_MAX 600	/* bytes of a reference or prefix */

static const char *const type_names[] = {
	"insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned", "signedBaseLayer",
};
static_assert(sizeof(type_names) / sizeof(*type_names) == POLICY_TYPE_COUNT_, "a name for each");

static const char *const match_names[] = {
	"matchRepoDigestOrExact", "matchExact", "matchRepository",
	"exactReference", "exactRepository", "remapIdentity",
};
static_assert(sizeof(match_names) / sizeof(*match_names) == POLICY_MATCH_COUNT_, "a name for each");

const char *policy_type_str(enum policy_type t)
{
	return type_names[t];
}

static void requirement_done(struct policy_requirement *q)
{
	strv_done(&q->key_paths);
	strv_done(&q->key_data);
	free(q->identity.reference);
	free(q->identity.signed_prefix);
}

void policy_requirements_done(struct policy_requirements *l)
{
	for (size_t i = 0; i < l->n; i++)
		requirement_done(&l->items[i]);
	free(l->items);
	free(l->scope);
	*l = (struct policy_requirements){ 0 };
}

/* signedIdentity */

struct identity_doc {
	const char *type, *reference, *repository, *prefix, *signed_prefix;
};
#define AT(m) offsetof(struct identity_doc, m)
/* clang-format off */
static const struct json_field identity_fields[] = {
	{ "type",             JSON_KIND_STR, AT(type), JSON_REQUIRED, 0 },
	{ "dockerReference",  JSON_KIND_STR, AT(reference), 0, IDENTITY_MAX },
	{ "dockerRepository", JSON_KIND_STR, AT(repository), 0, IDENTITY_MAX },
	{ "prefix",           JSON_KIND_STR, AT(prefix), 0, IDENTITY_MAX },
	{ "signedPrefix",     JSON_KIND_STR, AT(signed_prefix), 0, IDENTITY_MAX },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

/* A registry's or repository's name: no wildcard, tag or digest, and nothing that would make the
 * prefix mean half a component. */
static bool is_prefix(const char *s)
{
	size_t len = strlen(s);
	const char *slash = strrchr(s, '/');

	return len && s[0] != '/' && s[len - 1] != '/' && !strpbrk(s, "*@ \t\n") && !strstr(s, "//") &&
	       !(slash && strchr(slash, ':'));
}

static int parse_match(const char *type, enum policy_match *ret)
{
	for (size_t i = 0; i < POLICY_MATCH_COUNT_; i++) {
		if (streq(type, match_names[i])) {
			*ret = (enum policy_match)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Exactly the members that @m has must be there. */
static int check_members(const struct identity_doc *d, enum policy_match m, const char *where,
			 struct err *e)
{
	bool reference = m == POLICY_EXACT_REFERENCE, repository = m == POLICY_EXACT_REPOSITORY;
	bool remap = m == POLICY_REMAP_IDENTITY;

	if (!!d->reference != reference || !!d->repository != repository || !!d->prefix != remap ||
	    !!d->signed_prefix != remap)
		return err_set(e, ERR_CORRUPT, "%s: \"%s\" %s", where, match_names[m],
			       reference ? "needs dockerReference and nothing else"
			       : repository ? "needs dockerRepository and nothing else"
			       : remap ? "needs prefix and signedPrefix and nothing else"
			       : "has no other members than type");
	if (remap && (!is_prefix(d->prefix) || !is_prefix(d->signed_prefix)))
		return err_set(e, ERR_CORRUPT, "%s: prefix and signedPrefix must be names of registries or "
			       "repositories without tag and wildcard", where);
	return 0;
}

static int parse_identity(const json_t *j, const char *where, struct policy_identity *ret,
			  struct err *e)
{
	struct identity_doc d = { 0 };
	enum policy_match m = POLICY_MATCH_EXACT;
	const char *first;
	int r = json_read(j, identity_fields, &d, 0, where, e);

	if (r == 0 && parse_match(d.type, &m) < 0)
		r = err_set(e, ERR_CORRUPT, "%s: unknown type \"%.60s\"", where, d.type);
	if (r == 0)
		r = check_members(&d, m, where, e);
	if (r < 0)
		return r;
	first = d.reference ? d.reference : d.repository ? d.repository : d.prefix;
	ret->match = m;
	ret->reference = first ? strdup(first) : NULL;
	ret->signed_prefix = d.signed_prefix ? strdup(d.signed_prefix) : NULL;
	if ((first && !ret->reference) || (d.signed_prefix && !ret->signed_prefix))
		return err_sys(e, ENOMEM, "%s", where);
	return 0;
}

/* Requirements */

struct requirement_doc {
	const char *type, *key_type, *key_path, *key_data, *rekor_path, *rekor_data;
	const json_t *key_paths, *key_datas, *identity, *fulcio, *pki, *rekor_paths, *rekor_datas;
	const json_t *base_identity;
};
#define AT(m) offsetof(struct requirement_doc, m)
/* clang-format off */
static const struct json_field plain_fields[] = {
	{ "type", JSON_KIND_STR, AT(type), JSON_REQUIRED, 0 },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field signed_by_fields[] = {
	{ "type",           JSON_KIND_STR,    AT(type), JSON_REQUIRED, 0 },
	{ "keyType",        JSON_KIND_STR,    AT(key_type), JSON_REQUIRED, 0 },
	{ "keyPath",        JSON_KIND_STR,    AT(key_path), 0, 0 },
	{ "keyPaths",       JSON_KIND_ARRAY,  AT(key_paths), 0, POLICY_KEYS_MAX },
	{ "keyData",        JSON_KIND_STR,    AT(key_data), 0, 0 },
	{ "signedIdentity", JSON_KIND_OBJECT, AT(identity), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field sigstore_fields[] = {
	{ "type",                 JSON_KIND_STR,    AT(type), JSON_REQUIRED, 0 },
	{ "keyPath",              JSON_KIND_STR,    AT(key_path), 0, 0 },
	{ "keyPaths",             JSON_KIND_ARRAY,  AT(key_paths), 0, POLICY_KEYS_MAX },
	{ "keyData",              JSON_KIND_STR,    AT(key_data), 0, 0 },
	{ "keyDatas",             JSON_KIND_ARRAY,  AT(key_datas), 0, POLICY_KEYS_MAX },
	{ "fulcio",               JSON_KIND_OBJECT, AT(fulcio), 0, 0 },
	{ "pki",                  JSON_KIND_OBJECT, AT(pki), 0, 0 },
	{ "rekorPublicKeyPath",   JSON_KIND_STR,    AT(rekor_path), 0, 0 },
	{ "rekorPublicKeyPaths",  JSON_KIND_ARRAY,  AT(rekor_paths), 0, POLICY_KEYS_MAX },
	{ "rekorPublicKeyData",   JSON_KIND_STR,    AT(rekor_data), 0, 0 },
	{ "rekorPublicKeyDatas",  JSON_KIND_ARRAY,  AT(rekor_datas), 0, POLICY_KEYS_MAX },
	{ "signedIdentity",       JSON_KIND_OBJECT, AT(identity), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field base_layer_fields[] = {
	{ "type",              JSON_KIND_STR,    AT(type), JSON_REQUIRED, 0 },
	{ "baseLayerIdentity", JSON_KIND_OBJECT, AT(base_identity), JSON_REQUIRED, 0 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

static const struct json_field *const type_fields[] = {
	plain_fields, plain_fields, signed_by_fields, sigstore_fields, base_layer_fields,
};

static int parse_type(const json_t *j, const char *where, enum policy_type *ret, struct err *e)
{
	const char *type = json_string_value(json_object_get(j, "type"));

	if (!type)
		return err_set(e, ERR_CORRUPT, "%s: a requirement has no type", where);
	for (size_t i = 0; i < POLICY_TYPE_COUNT_; i++) {
		if (streq(type, type_names[i])) {
			*ret = (enum policy_type)i;
			return 0;
		}
	}
	return err_set(e, ERR_CORRUPT, "%s: unknown requirement \"%.60s\"", where, type);
}

static bool is_base64(const char *s)
{
	size_t len = strlen(s), body = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
						 "0123456789+/");

	return len && len % 4 == 0 && len - body <= 2 && body + strspn(s + body, "=") == len;
}

static int add_list(const json_t *list, struct strv *v, const char *where, const char *name,
		    struct err *e)
{
	if (!list)
		return 0;
	if (json_array_size(list) == 0)
		return err_set(e, ERR_CORRUPT, "%s.%s: the list is empty", where, name);
	return json_read_strv(list, v, POLICY_KEYS_MAX, where, e);
}

static int parse_keys(const struct requirement_doc *d, const char *where,
		      struct policy_requirement *q, struct err *e)
{
	int n = !!d->key_path + !!d->key_paths + !!d->key_data + !!d->key_datas + !!d->fulcio + !!d->pki;
	int r = 0;

	if (n != 1)
		return err_set(e, ERR_CORRUPT, "%s: exactly one of keyPath, keyPaths, keyData%s is expected",
			       where, q->type == POLICY_SIGSTORE_SIGNED ? ", keyDatas, fulcio, pki" : "");
	if (d->key_path && strv_add(&q->key_paths, d->key_path) < 0)
		return err_sys(e, ENOMEM, "%s", where);
	if (d->key_data && strv_add(&q->key_data, d->key_data) < 0)
		return err_sys(e, ENOMEM, "%s", where);
	r = add_list(d->key_paths, &q->key_paths, where, "keyPaths", e);
	if (r == 0)
		r = add_list(d->key_datas, &q->key_data, where, "keyDatas", e);
	for (size_t i = 0; r == 0 && i < q->key_data.n; i++)
		if (!is_base64(q->key_data.items[i]))
			r = err_set(e, ERR_CORRUPT, "%s: key data that is not base64", where);
	return r;
}

static int parse_sigstore(const struct requirement_doc *d, const char *where,
			  struct policy_requirement *q, struct err *e)
{
	int n = !!d->rekor_path + !!d->rekor_paths + !!d->rekor_data + !!d->rekor_datas;

	if (n > 1)
		return err_set(e, ERR_CORRUPT, "%s: more than one of rekorPublicKeyPath, "
			       "rekorPublicKeyPaths, rekorPublicKeyData, rekorPublicKeyDatas", where);
	if (d->fulcio && !n)
		return err_set(e, ERR_CORRUPT, "%s: fulcio needs one of rekorPublicKeyPath, "
			       "rekorPublicKeyPaths, rekorPublicKeyData, rekorPublicKeyDatas", where);
	if (d->pki && n)
		return err_set(e, ERR_CORRUPT, "%s: pki and a Rekor key exclude each other", where);
	q->unverifiable = d->fulcio ? "certificates of Fulcio (fulcio)"
			  : d->pki ? "certificates of an own authority (pki)"
			  : n ? "entries of a Rekor log (rekorPublicKey...)" : NULL;
	return 0;
}

/* What is known there, but implemented nowhere, is told apart from what nobody knows. */
static int parse_key_type(const char *type, const char *where, struct policy_requirement *q,
			  struct err *e)
{
	if (streq(type, "GPGKeys"))
		return 0;
	if (streq(type, "signedByGPGKeys") || streq(type, "X509Certificates") ||
	    streq(type, "signedByX509CAs")) {
		q->unverifiable = "keys of another keyType than GPGKeys";
		return 0;
	}
	return err_set(e, ERR_CORRUPT, "%s: unknown keyType \"%.60s\"", where, type);
}

static int parse_requirement(const json_t *j, const char *where, struct policy_requirement *q,
			     struct err *e)
{
	struct requirement_doc d = { 0 };
	struct policy_identity ignored = { 0 };
	int r = parse_type(j, where, &q->type, e);

	if (r == 0)
		r = json_read(j, type_fields[q->type], &d, 0, where, e);
	if (r < 0 || q->type == POLICY_ACCEPT || q->type == POLICY_REJECT)
		return r;
	if (q->type == POLICY_SIGNED_BASE_LAYER) {
		q->unverifiable = "base layers (signedBaseLayer)";
		r = parse_identity(d.base_identity, where, &ignored, e);
		free(ignored.reference);
		free(ignored.signed_prefix);
		return r;
	}
	if (q->type == POLICY_SIGNED_BY)
		r = parse_key_type(d.key_type, where, q, e);
	else
		r = parse_sigstore(&d, where, q, e);
	if (r == 0)
		r = parse_keys(&d, where, q, e);
	if (r == 0 && d.identity)
		r = parse_identity(d.identity, where, &q->identity, e);
	return r;
}

int policy_requirements_parse(const json_t *list, const char *where, struct policy_requirements *ret,
			      struct err *e)
{
	size_t n = json_array_size(list);
	struct policy_requirements l = { .n = n };
	int r = 0;

	if (n == 0 || n > POLICY_REQUIREMENTS_MAX)
		return err_set(e, ERR_CORRUPT, "%s: expected a list of 1 to %d requirements", where,
			       POLICY_REQUIREMENTS_MAX);
	l.items = calloc(n, sizeof(*l.items));
	if (!l.items)
		return err_sys(e, ENOMEM, "%s", where);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = parse_requirement(json_array_get(list, i), where, &l.items[i], e);
	if (r < 0)
		policy_requirements_done(&l);
	else
		*ret = l;
	return r;
}
