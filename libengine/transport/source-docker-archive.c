/*
 * docker-archive:FILE as a source.  Such an archive has no manifest in the registry's sense: one is
 * made here of what the archive has, in Docker's form, as podman does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "blob.h"
#include "fd.h"
#include "json.h"
#include "known-layers.h"
#include "layer-bytes.h"
#include "layout.h"
#include "reference.h"
#include "str.h"

#define BLOBS "blobs/sha256/"	/* where Docker 25 and later has what is named by its digest */

struct source_docker {
	struct image_source base;
	struct archive *archive;
	const struct docker_archive_image *image;
	const struct tar_member *config;
	struct digest config_digest;
	struct layer {
		const struct tar_member *member;
		struct manifest_blob blob;
		int store_fd;		/* the store has it, as @blob: FD_NONE, or its file, held */
	} *layers;
	struct image_document document;
	bool known;			/* the store has the image: @document is its manifest there */
};

static int docker_document(struct image_source *base, const struct digest *d,
			   struct image_document *ret, struct err *e)
{
	struct source_docker *s = (struct source_docker *)base;
	char *copy;

	if (d && !digest_eq(d, &s->document.digest))
		return err_set(e, ERR_NOT_FOUND, "manifest sha256:%s is not in the archive", d->hex);
	copy = strdup(s->document.data);
	if (!copy)
		return err_sys(e, ENOMEM, "read the archive");
	return image_document_take(copy, s->document.len, s->document.media_type, NULL, ret, e);
}

/* Of an image that the store has: nothing of the archive is used. */
static int open_known(struct source_docker *s, struct image_part *p, struct err *e)
{
	p->fd = layout_blob_hold(s->archive->store, &p->blob.digest, e);
	return p->fd < 0 ? p->fd : 0;
}

static int docker_open(struct image_source *base, struct image_part *p, struct err *e)
{
	struct source_docker *s = (struct source_docker *)base;
	const struct tar_member *m = digest_eq(&p->blob.digest, &s->config_digest) ? s->config : NULL;
	int fd = s->archive->fd;

	if (s->known)
		return open_known(s, p, e);
	for (size_t i = 0; !m && i < s->image->layers.n; i++) {
		const struct layer *l = &s->layers[i];

		if (!digest_eq(&p->blob.digest, &l->blob.digest))
			continue;
		m = l->member;
		if (l->store_fd >= 0)
			fd = l->store_fd;
	}
	if (!m)
		return err_set(e, ERR_NOT_FOUND, "blob %.12s is not in the archive", p->blob.digest.hex);
	p->fd = fd_dup(fd);
	p->offset = fd == s->archive->fd ? m->offset : 0;
	return p->fd < 0 ? err_sys(e, p->fd, "read the archive") : 0;
}

static void docker_free(struct image_source *base)
{
	struct source_docker *s = (struct source_docker *)base;

	image_document_done(&s->document);
	for (size_t i = 0; s->layers && i < s->image->layers.n; i++)
		(void)fd_close(s->layers[i].store_fd);
	free(s->layers);
	archive_unref(s->archive);
	free(s);
}

static const struct image_source_ops docker_ops = {
	.document = docker_document,
	.open = docker_open,
	.free = docker_free,
};

/* Making the manifest */

static struct image_part part_of(const struct source_docker *s, const struct tar_member *m)
{
	return (struct image_part){ .blob.size_bytes = m->size_bytes, .fd = s->archive->fd,
				    .offset = m->offset };
}

/* A compressed layer: its name may tell its digest (which is checked when it is read). */
static int compressed_digest(const struct source_docker *s, const struct tar_member *m,
			     struct digest *ret, struct err *e)
{
	const char *hex = str_after(m->name, BLOBS);
	const struct image_part p = part_of(s, m);
	int r;

	if (hex && digest_parse_hex(hex, ret, NULL) == 0)
		return 0;
	r = image_part_digest(&p, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", m->name) : 0;
}

/* What the layer @l is in the archive. */
static int describe_layer(struct source_docker *s, size_t i, const struct digest *diff_id,
			  struct layer *l, struct err *e)
{
	const struct image_part p = part_of(s, l->member);
	enum compression c;
	int r = layer_bytes_compression(&p, &c, e);

	if (r < 0)
		return r;
	l->blob.size_bytes = l->member->size_bytes;
	switch (c) {
	case COMPRESSION_NONE: /* its bytes are what the config's diffID is of */
		l->blob.digest = *diff_id;
		l->blob.media_type = MEDIA_DOCKER_LAYER;
		return 0;
	case COMPRESSION_GZIP:
		l->blob.media_type = MEDIA_DOCKER_LAYER_GZ;
		return compressed_digest(s, l->member, &l->blob.digest, e);
	case COMPRESSION_ZSTD:
		l->blob.media_type = MEDIA_OCI_LAYER "+zstd";
		return compressed_digest(s, l->member, &l->blob.digest, e);
	case COMPRESSION_XZ:
	case COMPRESSION_BZIP2:
	case COMPRESSION_COUNT_:
		break;
	}
	return err_set(e, ERR_UNSUPPORTED, "layer %zu is compressed by %s: only gzip, zstd and plain tar "
		       "are layers", i + 1, compression_str(c));
}

static int find_layer(struct source_docker *s, const struct known_layers *known, size_t i,
		      const char *diff_id, struct err *e)
{
	const struct manifest_blob *have;
	struct layer *l = &s->layers[i];
	struct digest d;
	int r = digest_parse(diff_id ? diff_id : "", &d, e);

	if (r < 0)
		return err_wrap(e, r, "$.rootfs.diff_ids[%zu]", i);
	r = tar_index_find(&s->archive->index, s->image->layers.items[i], &l->member, e);
	if (r < 0)
		return r;
	have = known_layers_hold(known, s->archive->store, &d, &l->store_fd);
	if (have)
		l->blob = *have;
	return have ? 0 : describe_layer(s, i, &d, l, e);
}

/* "<digest>.json" and blobs/sha256/<digest> say what the config is: nothing else can be meant. */
static int check_config_name(const struct source_docker *s, struct err *e)
{
	const char *base = strrchr(s->image->config, '/'), *rest;
	char hex[DIGEST_HEX_LEN + 1];
	struct digest named;

	base = base ? base + 1 : s->image->config;
	rest = str_after(base, "sha256:");
	(void)snprintf(hex, sizeof(hex), "%s", rest ? rest : base);
	if (digest_parse_hex(hex, &named, NULL) < 0 || digest_eq(&named, &s->config_digest))
		return 0;
	return err_set(e, ERR_CORRUPT, "the image config %s has the digest sha256:%s", s->image->config,
		       s->config_digest.hex);
}

static int read_config(struct source_docker *s, json_t **ret, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len;
	int r = tar_index_find(&s->archive->index, s->image->config, &s->config, e);

	if (r == 0)
		r = tar_index_load(s->archive->fd, s->config, LAYOUT_CONFIG_MAX_BYTES, &buf, &len, e);
	if (r == 0)
		r = digest_of(buf, len, &s->config_digest, e);
	if (r == 0)
		r = check_config_name(s, e);
	return r < 0 ? r : json_parse(buf, len, LAYOUT_CONFIG_MAX_BYTES, "the image config", ret, e);
}

/* In the OCI's words, for a manifest of the OCI's. */
static const char *oci_type(const char *type)
{
	return streq(type, MEDIA_DOCKER_LAYER) ? MEDIA_OCI_LAYER :
	       streq(type, MEDIA_DOCKER_LAYER_GZ) ? MEDIA_OCI_LAYER "+gzip" : type;
}

static const char *docker_type(const char *type)
{
	return streq(type, MEDIA_OCI_LAYER "+gzip") ? MEDIA_DOCKER_LAYER_GZ : type;
}

static json_t *descriptor(const char *type, const struct digest *d, uint64_t size_bytes)
{
	char text[DIGEST_STR_MAX];

	return json_pack("{s:s, s:I, s:s}", "mediaType", type, "size", (json_int_t)size_bytes, "digest",
			 digest_str(d, text));
}

/* Docker's form, unless a layer is of a kind that it does not have. */
static json_t *make_manifest(const struct source_docker *s)
{
	auto_json json_t *layers = json_array();
	bool oci = false;

	for (size_t i = 0; i < s->image->layers.n; i++)
		oci |= str_ends(s->layers[i].blob.media_type, "+zstd");
	for (size_t i = 0; i < s->image->layers.n; i++) {
		const struct manifest_blob *b = &s->layers[i].blob;
		const char *type = oci ? oci_type(b->media_type) : docker_type(b->media_type);

		if (json_array_append_new(layers, descriptor(type, &b->digest, b->size_bytes)) < 0)
			return NULL;
	}
	return json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType",
			 oci ? MEDIA_OCI_MANIFEST : MEDIA_DOCKER_MANIFEST, "config",
			 descriptor(oci ? MEDIA_OCI_CONFIG : MEDIA_DOCKER_CONFIG, &s->config_digest,
				    s->config->size_bytes),
			 "layers", layers);
}

static int take_known(struct source_docker *s, const struct digest *manifest, struct err *e)
{
	auto_close int fd = layout_blob_hold(s->archive->store, manifest, e);
	char *data = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	r = fd_read_file(fd, LAYOUT_MANIFEST_MAX_BYTES, &data, &len);
	if (r < 0)
		return err_sys(e, r, "read manifest %.12s", manifest->hex);
	s->known = true;
	s->base.no_digests = false;
	return image_document_take(data, len, "", manifest, &s->document, e);
}

static int read_image(struct source_docker *s, bool into_store, struct err *e)
{
	auto_known_layers struct known_layers known = KNOWN_LAYERS_INIT;
	size_t n = s->image->layers.n;
	auto_json json_t *config = NULL, *doc = NULL;
	const struct digest *there;
	const json_t *ids;
	char *text;
	int r;

	s->layers = calloc(n + 1, sizeof(*s->layers));
	if (!s->layers)
		return err_sys(e, ENOMEM, "read the archive");
	for (size_t i = 0; i < n; i++)
		s->layers[i].store_fd = FD_NONE;
	r = read_config(s, &config, e);
	if (r == 0 && into_store)
		r = known_layers_read(s->archive->store, &known, e);
	if (r < 0)
		return r;
	there = known_layers_image(&known, s->archive->store, &s->config_digest);
	if (there)
		return take_known(s, there, e);
	ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
	if (json_array_size(ids) != n)
		return err_set(e, ERR_CORRUPT, "the image config has %zu diff_ids, manifest.json has %zu layers",
			       json_array_size(ids), n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = find_layer(s, &known, i, json_string_value(json_array_get(ids, i)), e);
	if (r < 0)
		return r;
	doc = make_manifest(s);
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	if (!text)
		return err_sys(e, ENOMEM, "read the archive");
	return image_document_take(text, strlen(text),
				   json_string_value(json_object_get(doc, "mediaType")), NULL,
				   &s->document, e);
}

int source_docker_archive_new(struct archive *a, size_t i, bool into_store,
			      struct image_source **ret, struct err *e)
{
	struct source_docker *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return err_sys(e, ENOMEM, "read the archive");
	s->base = (struct image_source){ .ops = &docker_ops, .no_digests = true };
	s->archive = archive_ref(a);
	s->image = &a->docker.images[i];
	for (size_t k = 0; r == 0 && k < s->image->names.n; k++)
		if (strv_add(&s->base.names, s->image->names.items[k]) < 0)
			r = err_sys(e, ENOMEM, "read the archive");
	if (r == 0)
		r = read_image(s, into_store, e);
	if (r < 0) {
		image_source_free(&s->base);
		return a->docker.n > 1 ? err_wrap(e, r, "image @%zu", i) : r;
	}
	*ret = &s->base;
	return 0;
}

/* Does @name, as the archive has it, satisfy what was asked for?  A short name in either may be of
 * docker.io, as Docker has it, or of localhost, as podman has it. */
static bool is_named(const char *name, const struct ctr_reference *want)
{
	static const char *const registries[] = { "docker.io", "localhost" };
	char text[REF_STR_MAX];
	struct ctr_reference full;

	for (size_t i = 0; i < sizeof(registries) / sizeof(*registries); i++)
		if (ctr_reference_qualify(want, registries[i], &full, NULL) == 0 &&
		    streq(ctr_reference_str(&full, text), name))
			return true;
	return false;
}

static int find_name(const struct docker_archive *d, const char *ref, size_t *ret, struct err *e)
{
	struct ctr_reference want;
	int r = ctr_reference_parse(ref, &want, e);

	if (r < 0)
		return r;
	ctr_reference_default_tag(&want);
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->images[i].names.n; k++)
			if (is_named(d->images[i].names.items[k], &want)) {
				*ret = i;
				return 0;
			}
	return err_set(e, ERR_NOT_FOUND, "the archive has no image of the name %s", ref);
}

static int choose(const struct docker_archive *d, const struct ctr_location *l, size_t *ret,
		  struct err *e)
{
	if (l->ref)
		return find_name(d, l->ref, ret, e);
	if (l->index < 0 && d->n > 1)
		return err_set(e, ERR_INVALID, "there are %zu images, name one of them or write @0 to @%zu "
			       "behind the path", d->n, d->n - 1);
	if (l->index >= 0 && (size_t)l->index >= d->n)
		return err_set(e, ERR_NOT_FOUND, "there is no image @%ld: there are %zu", l->index, d->n);
	*ret = l->index < 0 ? 0 : (size_t)l->index;
	return 0;
}

int source_docker_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			       struct image_source **ret, struct err *e)
{
	struct archive *a = NULL;
	size_t i = 0;
	int r = archive_open(l->path, FD_NONE, ctx, &a, e);

	if (r == 0)
		r = archive_docker(a, e);
	if (r == 0)
		r = choose(&a->docker, l, &i, e);
	if (r == 0)
		r = source_docker_archive_new(a, i, ctx->into_store, ret, e);
	archive_unref(a);
	return r;
}
