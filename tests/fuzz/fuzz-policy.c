/* Requirement lists of policy.json: what is accepted says for each requirement all that judging needs. */
#include "conf/policy.h"
#include "fuzz.h"
#include "json.h"

static void check(const struct policy_requirement *q)
{
	bool by_keys = q->type == POLICY_SIGNED_BY || q->type == POLICY_SIGSTORE_SIGNED;

	FUZZ_CHECK(q->type < POLICY_TYPE_COUNT_ && q->identity.match < POLICY_MATCH_COUNT_);
	FUZZ_CHECK(!by_keys || q->unverifiable || q->key_paths.n + q->key_data.n > 0);
	FUZZ_CHECK(q->type != POLICY_SIGNED_BASE_LAYER || q->unverifiable);
	if (q->identity.match >= POLICY_EXACT_REFERENCE)
		FUZZ_CHECK(q->identity.reference != NULL);
	FUZZ_CHECK((q->identity.match == POLICY_REMAP_IDENTITY) == (q->identity.signed_prefix != NULL));
}

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	auto_json json_t *j = NULL;
	struct err e = ERR_INIT;

	if (json_parse((const char *)data, len, POLICY_MAX_BYTES, "input", &j, &e) < 0)
		return 0;
	if (policy_requirements_parse(j, "input", &l, &e) < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0] && l.n == 0);
		return 0;
	}
	FUZZ_CHECK(l.n > 0);
	for (size_t i = 0; i < l.n; i++)
		check(&l.items[i]);
	return 1;
}
