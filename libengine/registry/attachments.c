/* Attached signatures, see attachments.h. */
#include "attachments.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blob.h"
#include "fd.h"
#include "json.h"
#include "layout.h"
#include "sigstore.h"
#include "str.h"
#include "upload.h"

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

/* Attaching */

static int memory_file(const void *data, size_t len)
{
	auto_close int fd = memfd_create("signature", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, len);

	return r < 0 ? r : take_fd(&fd);
}

/* Bring the bytes to the registry; *@ret is their descriptor. */
static int send_blob(struct registry *reg, const char *type, const void *data, size_t len, json_t **ret,
		     struct err *e)
{
	static const struct ctr_pull_events silent = { NULL };
	struct uploads all = { .reg = reg, .events = &silent };
	auto_close int fd = memory_file(data, len);
	struct upload u = { .size_bytes = len, .fd = fd }, *list = &u;
	char digest[DIGEST_STR_MAX];
	int r = fd < 0 ? err_sys(e, fd, "send a signature") : digest_of(data, len, &u.digest, e);

	if (r == 0)
		r = uploads_find(&all, &list, 1, e);
	if (r == 0)
		r = uploads_send(&all, &list, 1, e);
	upload_done(&u);
	if (r < 0)
		return r;
	*ret = json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest_str(&u.digest, digest), "size",
			 (json_int_t)len);
	return *ret ? 0 : err_sys(e, ENOMEM, "send a signature");
}

/* An image's config whose layers are those of @layers, as every image must have one. */
static char *make_config(const json_t *layers)
{
	auto_json json_t *ids = json_array(), *j = NULL;

	for (size_t i = 0; i < json_array_size(layers); i++)
		if (json_array_append(ids, json_object_get(json_array_get(layers, i), "digest")) < 0)
			return NULL;
	j = json_pack("{s:s, s:s, s:{}, s:{s:s, s:O}}", "architecture", "", "os", "", "config", "rootfs",
		      "type", "layers", "diff_ids", ids);
	return j ? json_dumps(j, JSON_COMPACT) : NULL;
}

static bool has_layer(const json_t *layers, const json_t *layer)
{
	for (size_t i = 0; i < json_array_size(layers); i++)
		if (json_equal(json_array_get(layers, i), layer))
			return true;
	return false;
}

static int put_attachments(struct registry *reg, const char *tag, const json_t *layers, struct err *e)
{
	auto_free char *config = make_config(layers), *text = NULL;
	auto_json json_t *descriptor = NULL, *doc = NULL;
	struct digest d;
	int r = config ? send_blob(reg, MEDIA_OCI_CONFIG, config, strlen(config), &descriptor, e)
		       : err_sys(e, ENOMEM, "attach a signature");

	if (r < 0)
		return r;
	doc = json_pack("{s:i, s:s, s:O, s:O}", "schemaVersion", 2, "mediaType", MEDIA_OCI_MANIFEST, "config",
			descriptor, "layers", layers);
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	if (!text)
		return err_sys(e, ENOMEM, "attach a signature");
	r = digest_of(text, strlen(text), &d, e);
	return r < 0 ? r : registry_put_manifest(reg, tag, &d, MEDIA_OCI_MANIFEST, text, strlen(text), e);
}

int attachments_add(struct registry *reg, const struct digest *d, const struct image_signature *sig,
		    struct err *e)
{
	auto_sigstore_signature struct sigstore_signature s = SIGSTORE_SIGNATURE_INIT;
	auto_json json_t *doc = NULL, *layer = NULL, *layers = NULL;
	char tag[TAG_MAX];
	int r = sigstore_signature_parse(sig->data, sig->len, &s, e);

	if (r == 0)
		r = get_manifest(reg, d, &doc, e);
	if (r >= 0) {
		const json_t *there = json_object_get(doc, "layers");

		layers = there ? json_deep_copy(there) : json_array();
		r = send_blob(reg, s.media_type, s.payload, s.payload_len, &layer, e);
	}
	if (r < 0)
		return err_wrap(e, r, "attach a signature as %s", tag_of(d, tag));
	if (json_object_set(layer, "annotations", s.annotations) < 0 || !layers)
		return err_sys(e, ENOMEM, "attach a signature");
	if (has_layer(layers, layer))
		return 0;
	if (json_array_append(layers, layer) < 0)
		return err_sys(e, ENOMEM, "attach a signature");
	r = put_attachments(reg, tag_of(d, tag), layers, e);
	return r < 0 ? err_wrap(e, r, "attach a signature as %s", tag) : 0;
}
