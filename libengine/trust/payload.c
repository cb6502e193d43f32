/* The signed document, see payload.h. */
#include "payload.h"

#include "fd.h"
#include "json.h"
#include "signature.h"

#include "config.h"

#define SIMPLE_TYPE "atomic container signature"
#define SIGSTORE_TYPE "cosign container image signature"

struct document {
	const json_t *critical, *optional, *image, *identity, *timestamp;
	const char *type, *digest, *reference, *creator;
};
#define AT(m) offsetof(struct document, m)
/* clang-format off */
static const struct json_field top_fields[] = {
	{ "critical", JSON_KIND_OBJECT, AT(critical), JSON_REQUIRED, 0 },
	{ "optional", JSON_KIND_OBJECT, AT(optional), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field critical_fields[] = {
	{ "type",     JSON_KIND_STR,    AT(type), JSON_REQUIRED, 0 },
	{ "image",    JSON_KIND_OBJECT, AT(image), JSON_REQUIRED, 0 },
	{ "identity", JSON_KIND_OBJECT, AT(identity), JSON_REQUIRED, 0 },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field image_fields[] = {
	{ "docker-manifest-digest", JSON_KIND_STR, AT(digest), JSON_REQUIRED, 0 },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field identity_fields[] = {
	{ "docker-reference", JSON_KIND_STR, AT(reference), JSON_REQUIRED, PAYLOAD_REFERENCE_MAX },
	{ NULL, 0, 0, 0, 0 },
};
static const struct json_field optional_fields[] = {
	{ "creator",   JSON_KIND_STR, AT(creator), 0, 0 },
	{ "timestamp", JSON_KIND_ANY, AT(timestamp), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

static int read_document(const json_t *j, struct document *d, struct err *e)
{
	int r = json_read(j, top_fields, d, 0, "$", e);

	if (r == 0)
		r = json_read(d->critical, critical_fields, d, 0, "$.critical", e);
	if (r == 0)
		r = json_read(d->image, image_fields, d, 0, "$.critical.image", e);
	if (r == 0)
		r = json_read(d->identity, identity_fields, d, 0, "$.critical.identity", e);
	if (r == 0 && d->optional)
		r = json_read(d->optional, optional_fields, d, JSON_ALLOW_UNKNOWN, "$.optional", e);
	return r;
}

int payload_parse(const char *buf, size_t len, bool sigstore, struct payload *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	struct document d = { 0 };
	struct payload p;
	int r = json_parse(buf, len, SIGNATURE_PAYLOAD_MAX_BYTES, "signed document", &j, e);

	if (r == 0)
		r = read_document(j, &d, e);
	if (r == 0 && !streq(d.type, sigstore ? SIGSTORE_TYPE : SIMPLE_TYPE))
		r = err_set(e, ERR_CORRUPT, "unknown type \"%.60s\"", d.type);
	if (r == 0)
		r = digest_parse(d.digest, &p.manifest, e);
	if (r < 0)
		return err_wrap(e, r, "what was signed is not understood");
	(void)snprintf(p.reference, sizeof(p.reference), "%s", d.reference); /* json_read() limits it */
	*ret = p;
	return 0;
}

char *payload_make(const char *reference, const struct digest *manifest, bool sigstore, int64_t now)
{
	char digest[DIGEST_STR_MAX];
	auto_json json_t *j = json_pack(
		"{s:{s:{s:s}, s:{s:s}, s:s}, s:{s:s, s:I}}", "critical", "identity", "docker-reference",
		reference, "image", "docker-manifest-digest", digest_str(manifest, digest), "type",
		sigstore ? SIGSTORE_TYPE : SIMPLE_TYPE, "optional", "creator", "ctr-lite " CTR_VERSION,
		"timestamp", (json_int_t)now);

	return j ? json_dumps(j, JSON_COMPACT) : NULL;
}
