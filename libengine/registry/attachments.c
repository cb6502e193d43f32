/* Attached signatures, see attachments.h. */
#include "attachments.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "sigstore.h"
#include "str.h"

#define TAG_MAX (7 + DIGEST_HEX_LEN + 4 + 1)	/* sha256-HEX.sig */

struct attached {
	const char *media_type, *digest;
	uint64_t size_bytes;
	const json_t *annotations;
};
#define AT(m) offsetof(struct attached, m)
/* clang-format off */
static const struct json_field layer_fields[] = {
	{ "mediaType",   JSON_KIND_STR,    AT(media_type), JSON_REQUIRED, 256 },
	{ "digest",      JSON_KIND_STR,    AT(digest), JSON_REQUIRED, 0 },
	{ "size",        JSON_KIND_U64,    AT(size_bytes), JSON_REQUIRED, 0 },
	{ "annotations", JSON_KIND_OBJECT, AT(annotations), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};
/* clang-format on */
#undef AT

static const char *tag_of(const struct digest *d, char buf[TAG_MAX])
{
	(void)snprintf(buf, TAG_MAX, "sha256-%s.sig", d->hex);
	return buf;
}

/* One layer: what it says is signed, and by what. */
static int read_layer(struct registry *reg, const json_t *layer, struct image_signatures *ret, struct err *e)
{
	auto_sigstore_signature struct sigstore_signature s = SIGSTORE_SIGNATURE_INIT;
	auto_free char *file = NULL;
	struct attached a = { 0 };
	struct digest d;
	size_t len;
	int r = json_read(layer, layer_fields, &a, JSON_ALLOW_UNKNOWN, "$.layers[]", e);

	if (r < 0 || !streq(a.media_type, SIGSTORE_MEDIA_TYPE))
		return r;
	if (a.size_bytes > SIGNATURE_PAYLOAD_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "what is signed has more than %u bytes", SIGNATURE_PAYLOAD_MAX_BYTES);
	r = digest_parse(a.digest, &d, e);
	if (r == 0)
		r = registry_small_blob(reg, &d, a.size_bytes, &s.payload, e);
	if (r < 0)
		return r;
	s.payload_len = a.size_bytes;
	s.media_type = strdup(a.media_type);
	s.annotations = a.annotations ? json_deep_copy(a.annotations) : json_object();
	file = s.media_type && s.annotations ? sigstore_signature_make(&s, &len) : NULL;
	return file ? image_signatures_add(ret, file, len, e) : err_sys(e, ENOMEM, "read a signature");
}

/* The manifest of the attachments: 1, or 0 when there is none. */
static int get_manifest(struct registry *reg, const struct digest *d, json_t **ret, struct err *e)
{
	auto_free char *buf = NULL;
	char tag[TAG_MAX], type[128];
	struct err one = ERR_INIT;
	struct digest is;
	size_t len;
	int r = registry_manifest(reg, tag_of(d, tag), NULL, &buf, &len, type, &is, &one);

	if (r < 0 && one.kind == ERR_NOT_FOUND)
		return 0;
	if (r < 0 && e)
		*e = one;
	if (r == 0)
		r = json_parse(buf, len, LAYOUT_MANIFEST_MAX_BYTES, tag, ret, e);
	if (r == 0 && !streq(type, MEDIA_OCI_MANIFEST))
		r = err_set(e, ERR_CORRUPT, "it is of the type \"%.80s\", not an OCI manifest", type);
	return r < 0 ? r : 1;
}

int attachments_read(struct registry *reg, const struct digest *d, struct image_signatures *ret,
		     struct err *e)
{
	auto_json json_t *doc = NULL;
	const json_t *layers;
	char tag[TAG_MAX];
	int r = get_manifest(reg, d, &doc, e);

	if (r == 0)
		return 0;
	layers = json_object_get(doc, "layers");
	if (r > 0 && json_array_size(layers) > SIGNATURES_MAX)
		r = err_set(e, ERR_LIMIT, "it has more than %d layers", SIGNATURES_MAX);
	for (size_t i = 0; r >= 0 && i < json_array_size(layers); i++)
		r = read_layer(reg, json_array_get(layers, i), ret, e);
	return r < 0 ? err_wrap(e, r, "read the signatures attached as %s", tag_of(d, tag)) : 0;
}
