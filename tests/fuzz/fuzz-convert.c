/* Manifests changed from one format into the other: what comes out is a manifest of that format, with
 * the same layers in their order; and back again. */
#include <string.h>

#include "convert.h"
#include "fuzz.h"
#include "layout.h"

static int change(const struct manifest *m, const char *type, struct image_document *d,
		  struct manifest *ret, struct err *e)
{
	struct image_parts p = { .manifest = m, .config = IMAGE_PART_INIT, .n_layers = m->n_layers };
	struct conversion c = { .media_type = type, .n_layers = m->n_layers, .changes = true };
	int r;

	p.config.blob = m->config;
	p.layers = calloc(m->n_layers + 1, sizeof(*p.layers));
	c.layers = calloc(m->n_layers + 1, sizeof(*c.layers));
	FUZZ_CHECK(p.layers && c.layers);
	for (size_t i = 0; i < m->n_layers; i++) {
		p.layers[i] = (struct image_part){ .fd = -1, .blob = m->layers[i] };
		c.layers[i].to = i % 2 ? COMPRESSION_GZIP : COMPRESSION_NONE;
		c.layers[i].changes = i % 3;
	}
	r = convert_manifest(m, &c, &p, d, ret, e);
	free(p.layers);
	conversion_done(&c);
	return r;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_manifest struct manifest m = MANIFEST_INIT, docker = MANIFEST_INIT, oci = MANIFEST_INIT;
	auto_image_document struct image_document d1 = IMAGE_DOCUMENT_INIT, d2 = IMAGE_DOCUMENT_INIT;
	struct err e = ERR_INIT;

	if (manifest_parse((const char *)data, len, "", &m, &e) < 0 || m.is_index)
		return 0;
	FUZZ_CHECK(change(&m, MEDIA_DOCKER_MANIFEST, &d1, &docker, &e) == 0);
	FUZZ_CHECK(strcmp(docker.media_type, MEDIA_DOCKER_MANIFEST) == 0);
	FUZZ_CHECK(change(&docker, MEDIA_OCI_MANIFEST, &d2, &oci, &e) == 0);
	FUZZ_CHECK(strcmp(oci.media_type, MEDIA_OCI_MANIFEST) == 0);
	FUZZ_CHECK(oci.n_layers == m.n_layers && digest_eq(&oci.config.digest, &m.config.digest));
	for (size_t i = 0; i < m.n_layers; i++)
		FUZZ_CHECK(digest_eq(&oci.layers[i].digest, &m.layers[i].digest) &&
			   oci.layers[i].size_bytes == m.layers[i].size_bytes);
	return 1;
}
