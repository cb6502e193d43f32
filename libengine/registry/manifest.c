/* Manifests and indexes. */
#include "manifest.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "layout.h"

#define MEDIA_MAX 256
#define MEDIA_DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+json"
#define MEDIA_DOCKER_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"

static const struct {
	const char *media_type;
	bool is_index;
} kinds[] = {
	{ MEDIA_OCI_MANIFEST, false },
	{ MEDIA_OCI_INDEX, true },
	{ MEDIA_DOCKER_MANIFEST, false },
	{ MEDIA_DOCKER_LIST, true },
};

static const char *const layer_types[] = {
	MEDIA_OCI_LAYER,
	MEDIA_OCI_LAYER "+gzip",
	MEDIA_OCI_LAYER "+zstd",
	MEDIA_DOCKER_LAYER_GZ,
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
};

static const char *const foreign_types[] = {
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.foreign.diff.tar",
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

static const char *const config_types[] = { MEDIA_OCI_CONFIG, MEDIA_DOCKER_CONFIG };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

void manifest_done(struct manifest *m)
{
	int saved = errno;

	free(m->layers);
	json_decref(m->doc);
	*m = (struct manifest)MANIFEST_INIT;
	errno = saved;
}

static bool among(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(s, list[i]))
			return true;
	return false;
}

static int kind_of(const char *media_type)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (streq(media_type, kinds[i].media_type))
			return (int)i;
	return -1;
}

/* Which kind is it?  Header, mediaType and members must agree. */
static int classify(const json_t *doc, const char *header, const char *body, int *ret, struct err *e)
{
	bool looks_index = json_object_get(doc, "manifests");
	bool looks_manifest = json_object_get(doc, "config") || json_object_get(doc, "layers");
	int by_header = kind_of(header), by_body = kind_of(body);
	json_int_t version = json_integer_value(json_object_get(doc, "schemaVersion"));

	if (version == 1 || streq(body, MEDIA_DOCKER_SCHEMA1) ||
	    streq(body, MEDIA_DOCKER_SCHEMA1_SIGNED) || streq(header, MEDIA_DOCKER_SCHEMA1) ||
	    streq(header, MEDIA_DOCKER_SCHEMA1_SIGNED) || json_object_get(doc, "fsLayers"))
		return err_set(e, ERR_UNSUPPORTED, "manifest of the obsolete schema 1: push the image anew "
			       "with a tool of this decade");
	if (version != 2)
		return err_set(e, ERR_CORRUPT, "manifest: schemaVersion is not 2");
	if (looks_index && looks_manifest)
		return err_set(e, ERR_CORRUPT, "manifest is index and image at once");
	if (*body && by_body < 0)
		return err_set(e, ERR_UNSUPPORTED, "manifest of the unknown type \"%.100s\"", body);
	if (by_header >= 0 && by_body >= 0 && by_header != by_body)
		return err_set(e, ERR_CORRUPT, "manifest: the header says %s, the body %s", header, body);
	*ret = by_body >= 0 ? by_body : by_header;
	if (*ret < 0)
		*ret = looks_index ? 1 : 0; /* a server that says application/json: OCI's default */
	if (kinds[*ret].is_index ? !looks_index : !looks_manifest)
		return err_set(e, ERR_CORRUPT, "manifest of type %s lacks \"%s\"", kinds[*ret].media_type,
			       kinds[*ret].is_index ? "manifests" : "layers");
	return 0;
}

/* Descriptors */

struct descriptor {
	const char *media_type, *digest;
	uint64_t size_bytes;
	const json_t *urls;
};

static const struct json_field descriptor_fields[] = {
	{ "mediaType", JSON_KIND_STR, offsetof(struct descriptor, media_type), 0, MEDIA_MAX },
	{ "digest", JSON_KIND_STR, offsetof(struct descriptor, digest), JSON_REQUIRED, 256 },
	{ "size", JSON_KIND_U64, offsetof(struct descriptor, size_bytes), JSON_REQUIRED,
	  MANIFEST_LAYER_MAX_BYTES },
	{ "urls", JSON_KIND_ARRAY, offsetof(struct descriptor, urls), 0, 1000 },
	{ 0 },
};

static int read_descriptor(const json_t *j, const char *where, struct manifest_blob *ret,
			   struct err *e)
{
	struct descriptor d = { .media_type = "" };
	int r = json_read(j, descriptor_fields, &d, JSON_ALLOW_UNKNOWN, where, e);

	if (r == 0)
		r = digest_parse(d.digest, &ret->digest, e);
	if (r < 0)
		return r;
	ret->size_bytes = d.size_bytes;
	ret->media_type = d.media_type;
	if (json_array_size(d.urls) > 0 || among(d.media_type, foreign_types, COUNT(foreign_types)))
		return err_set(e, ERR_UNSUPPORTED, "%s: foreign layer sha256:%s: layers that are to be fetched "
			       "from elsewhere are refused", where, ret->digest.hex);
	return 0;
}

static int read_config(const json_t *j, bool any, struct manifest *m, struct err *e)
{
	struct manifest_blob *ret = &m->config;
	int r = read_descriptor(j, "$.config", ret, e);

	if (r < 0)
		return r;
	if (among(ret->media_type, layer_types, COUNT(layer_types)))
		return err_set(e, ERR_CORRUPT, "$.config: a layer (%s) stands as the config", ret->media_type);
	m->is_artifact = !among(ret->media_type, config_types, COUNT(config_types));
	if (m->is_artifact && !any)
		return err_set(e, ERR_UNSUPPORTED, "this is no container image but an artifact: its config is "
			       "of the type \"%.100s\"", ret->media_type);
	if (ret->size_bytes > LAYOUT_CONFIG_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "$.config: larger than %u bytes", LAYOUT_CONFIG_MAX_BYTES);
	return 0;
}

static int read_layer(const json_t *j, size_t i, bool any, struct manifest *m, struct err *e)
{
	struct manifest_blob *ret = &m->layers[m->n_layers++];
	char where[40];
	int r;

	(void)snprintf(where, sizeof(where), "$.layers[%zu]", i);
	r = read_descriptor(j, where, ret, e);
	if (r < 0)
		return r;
	if (among(ret->media_type, config_types, COUNT(config_types)))
		return err_set(e, ERR_CORRUPT, "%s: a config (%s) stands as a layer", where, ret->media_type);
	if (among(ret->media_type, layer_types, COUNT(layer_types)))
		return 0;
	m->is_artifact = true;
	if (!any)
		return err_set(e, ERR_UNSUPPORTED, "%s: layer of the unknown type \"%.100s\"", where,
			       ret->media_type);
	return 0;
}

static int read_image(struct manifest *m, bool any, struct err *e)
{
	const json_t *layers = json_object_get(m->doc, "layers");
	size_t n = json_array_size(layers);
	int r = read_config(json_object_get(m->doc, "config"), any, m, e);

	if (r < 0)
		return r;
	if (!json_is_array(layers))
		return err_set(e, ERR_CORRUPT, "$.layers: expected an array");
	if (n > LAYOUT_LAYERS_MAX)
		return err_set(e, ERR_LIMIT, "$.layers: %zu layers, at most %d are possible", n,
			       LAYOUT_LAYERS_MAX);
	m->layers = calloc(n ? n : 1, sizeof(*m->layers));
	if (!m->layers)
		return err_sys(e, ENOMEM, "read the manifest");
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_layer(json_array_get(layers, i), i, any, m, e);
	return r;
}

static int parse(const char *buf, size_t len, const char *content_type, bool any,
		 struct manifest *ret, struct err *e)
{
	auto_manifest struct manifest m = MANIFEST_INIT;
	const char *body = "";
	int kind = 0, r;

	r = json_parse(buf, len, LAYOUT_MANIFEST_MAX_BYTES, "manifest", &m.doc, e);
	if (r < 0)
		return r;
	if (!json_is_object(m.doc))
		return err_set(e, ERR_CORRUPT, "manifest: expected an object");
	r = json_read(m.doc, (const struct json_field[]){
		{ "mediaType", JSON_KIND_STR, 0, 0, MEDIA_MAX }, { 0 } }, &body, JSON_ALLOW_UNKNOWN, "$", e);
	if (r < 0)
		return r;
	r = classify(m.doc, content_type, body, &kind, e);
	if (r < 0)
		return r;
	m.media_type = kinds[kind].media_type;
	m.is_index = kinds[kind].is_index;
	r = m.is_index ? 0 : read_image(&m, any, e);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct manifest)MANIFEST_INIT;
	return 0;
}

int manifest_parse(const char *buf, size_t len, const char *content_type, struct manifest *ret,
		   struct err *e)
{
	return parse(buf, len, content_type, false, ret, e);
}

int manifest_parse_any(const char *buf, size_t len, const char *content_type, struct manifest *ret,
		       struct err *e)
{
	return parse(buf, len, content_type, true, ret, e);
}
