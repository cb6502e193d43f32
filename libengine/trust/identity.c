/* Comparing names, see identity.h. */
#include "identity.h"

#include <errno.h>
#include <string.h>

#include "fd.h"

/* A name as docker means it: "alpine" is docker.io/library/alpine. */
static int parse_full(const char *s, struct ctr_reference *ret, struct err *e)
{
	int r = ctr_reference_parse(s, ret, e);

	return r == 0 && ctr_reference_is_short(ret) ? ctr_reference_qualify(ret, "docker.io", ret, e) : r;
}

static bool names_one_image(const struct ctr_reference *r)
{
	return r->tag[0] || r->digest.hex[0];
}

static bool same_repository(const struct ctr_reference *a, const struct ctr_reference *b)
{
	return streq(a->domain, b->domain) && streq(a->path, b->path);
}

static bool same_image(const struct ctr_reference *a, const struct ctr_reference *b)
{
	return names_one_image(a) && same_repository(a, b) && streq(a->tag, b->tag) &&
	       digest_eq(&a->digest, &b->digest);
}

static bool repo_digest_or_exact(const struct ctr_reference *intended, const struct ctr_reference *signed_as)
{
	if (!names_one_image(signed_as))
		return false;
	if (intended->tag[0])
		return same_image(intended, signed_as);
	/* pulled by digest: the signature covers that anyway */
	return intended->digest.hex[0] && same_repository(intended, signed_as);
}

/* @intended with signedPrefix in the place of prefix, where it begins with that. */
static int remap(const struct policy_identity *id, const struct ctr_reference *intended,
		 struct ctr_reference *ret, struct err *e)
{
	char name[REF_STR_MAX];
	const char *rest;
	auto_free char *text = NULL;
	int r;

	*ret = *intended;
	rest = str_after(ctr_reference_name(intended, name), id->reference);
	if (!rest || (*rest && *rest != '/'))
		return 0;
	text = str_printf("%s%s", id->signed_prefix, rest);
	if (!text)
		return err_sys(e, ENOMEM, "compare names");
	r = parse_full(text, ret, e);
	if (r < 0)
		return r;
	memcpy(ret->tag, intended->tag, sizeof(ret->tag));
	ret->digest = intended->digest;
	return 0;
}

static int fits(const struct policy_identity *id, const struct ctr_reference *intended,
		const struct ctr_reference *signed_as, struct err *e)
{
	struct ctr_reference other;
	int r = 0;

	switch (id->match) {
	case POLICY_MATCH_EXACT:
		return same_image(intended, signed_as);
	case POLICY_MATCH_REPOSITORY:
		return same_repository(intended, signed_as);
	case POLICY_EXACT_REFERENCE:
		r = parse_full(id->reference, &other, e);
		return r < 0 ? r : same_image(&other, signed_as);
	case POLICY_EXACT_REPOSITORY:
		r = parse_full(id->reference, &other, e);
		return r < 0 ? r : same_repository(&other, signed_as);
	case POLICY_REMAP_IDENTITY:
		r = remap(id, intended, &other, e);
		return r < 0 ? r : repo_digest_or_exact(&other, signed_as);
	case POLICY_MATCH_REPO_DIGEST_OR_EXACT:
	case POLICY_MATCH_COUNT_:
		break;
	}
	return repo_digest_or_exact(intended, signed_as);
}

int identity_accepts(const struct policy_identity *id, const struct ctr_reference *intended,
		     const char *signed_as, struct err *e)
{
	bool fixed = id->match == POLICY_EXACT_REFERENCE || id->match == POLICY_EXACT_REPOSITORY;
	struct ctr_reference sig, none = { "", "", "", { "" } };
	char wanted[REF_STR_MAX];
	int r;

	if (!intended && !fixed)
		return err_set(e, ERR_DENIED, "the policy compares names, and an image from here has none (an "
			       "exactReference or exactRepository would do)");
	r = parse_full(signed_as, &sig, e);
	if (r == 0)
		r = fits(id, intended ? intended : &none, &sig, e);
	if (r < 0)
		return err_wrap(e, r, "signature for \"%.300s\"", signed_as);
	if (r)
		return 0;
	return err_set(e, ERR_DENIED, "the signature is for \"%.300s\", which is not accepted for %.300s",
		       signed_as, fixed ? id->reference : ctr_reference_str(intended, wanted));
}
