/* oci-archive: as a sink: an image layout, written in order, its index.json last. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "fd.h"
#include "json.h"
#include "layout.h"
#include "str.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define REF_NAME "org.opencontainers.image.ref.name"
#define BLOB_NAME_MAX 80

struct sink_archive {
	struct image_sink base;
	struct tar_out out;
	char *ref;
	struct digest *blobs;	/* those that were written */
	size_t n_blobs;
	bool begun;
	struct digest top;
	char media_type[128];
	size_t len;
};

static bool has(const struct sink_archive *s, const struct digest *d)
{
	for (size_t i = 0; i < s->n_blobs; i++)
		if (digest_eq(&s->blobs[i], d))
			return true;
	return false;
}

static int oci_have(struct image_sink *base, struct image_part *const *parts, size_t n, struct err *e)
{
	const struct sink_archive *s = (const struct sink_archive *)base;

	(void)e;
	for (size_t i = 0; i < n; i++)
		parts[i]->present = has(s, &parts[i]->blob.digest);
	return 0;
}

static int begin_blob(struct sink_archive *s, const struct digest *d, uint64_t size, struct err *e)
{
	char name[BLOB_NAME_MAX];
	struct digest *list;
	int r = 0;

	if (!s->begun) {
		s->begun = true;
		r = tar_out_file(&s->out, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), e);
		if (r == 0)
			r = tar_out_dir(&s->out, "blobs/", e);
		if (r == 0)
			r = tar_out_dir(&s->out, "blobs/sha256/", e);
	}
	list = r == 0 ? reallocarray(s->blobs, s->n_blobs + 1, sizeof(*list)) : NULL;
	if (!list)
		return r < 0 ? r : err_sys(e, ENOMEM, "write the archive");
	s->blobs = list;
	list[s->n_blobs++] = *d;
	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", d->hex);
	return tar_out_begin(&s->out, name, size, e);
}

static int to_out(void *arg, const void *data, size_t len, struct err *e)
{
	return tar_out_data(arg, data, len, e);
}

static int put_part(struct sink_archive *s, const struct image_part *p, struct err *e)
{
	int r;

	if (p->present || has(s, &p->blob.digest))
		return 0;
	r = begin_blob(s, &p->blob.digest, p->blob.size_bytes, e);
	if (r == 0)
		r = image_part_read(p, s->base.ctx->events, to_out, &s->out, e);
	return r < 0 ? r : tar_out_end(&s->out, e);
}

static int put_document(struct sink_archive *s, const struct image_document *d,
			const char *media_type, bool top, struct err *e)
{
	int r = 0;

	if (!has(s, &d->digest)) {
		r = begin_blob(s, &d->digest, d->len, e);
		if (r == 0)
			r = tar_out_data(&s->out, d->data, d->len, e);
		if (r == 0)
			r = tar_out_end(&s->out, e);
	}
	if (top) {
		s->top = d->digest;
		s->len = d->len;
		(void)snprintf(s->media_type, sizeof(s->media_type), "%s", media_type);
	}
	return r;
}

static int oci_put_image(struct image_sink *base, const struct image_parts *p, bool instance,
			 struct err *e)
{
	struct sink_archive *s = (struct sink_archive *)base;
	int r = put_part(s, &p->config, e);

	for (size_t i = 0; r == 0 && i < p->n_layers; i++)
		r = put_part(s, &p->layers[i], e);
	return r < 0 ? r : put_document(s, p->document, p->manifest->media_type, !instance, e);
}

static int oci_put_index(struct image_sink *base, const struct image_document *index, struct err *e)
{
	return put_document((struct sink_archive *)base, index, MEDIA_OCI_INDEX, true, e);
}

static int oci_commit(struct image_sink *base, struct err *e)
{
	struct sink_archive *s = (struct sink_archive *)base;
	char digest[DIGEST_STR_MAX];
	auto_json json_t *entry = json_pack("{s:s, s:s, s:I}", "mediaType", s->media_type, "digest",
					    digest_str(&s->top, digest), "size", (json_int_t)s->len);
	auto_json json_t *index = json_pack("{s:i, s:[O]}", "schemaVersion", 2, "manifests", entry);
	auto_free char *text = NULL;
	int r;

	if (s->ref && json_object_set_new(entry, "annotations", json_pack("{s:s}", REF_NAME, s->ref)) < 0)
		return err_set(e, ERR_INVALID, "the name is not UTF-8");
	text = index ? json_dumps(index, JSON_COMPACT) : NULL;
	r = text ? tar_out_file(&s->out, "index.json", text, strlen(text), e)
		 : err_sys(e, ENOMEM, "write index.json");
	return r < 0 ? r : tar_out_finish(&s->out, e);
}

static void oci_free(struct image_sink *base)
{
	struct sink_archive *s = (struct sink_archive *)base;

	tar_out_done(&s->out);
	free(s->ref);
	free(s->blobs);
	free(s);
}

static const struct image_sink_ops oci_ops = {
	.have = oci_have,
	.put_image = oci_put_image,
	.put_index = oci_put_index,
	.commit = oci_commit,
	.free = oci_free,
};

int sink_oci_archive_new(struct tar_out *out, const char *ref, struct image_sink **ret, struct err *e)
{
	struct sink_archive *s = calloc(1, sizeof(*s));

	if (s)
		s->ref = ref ? strdup(ref) : NULL;
	if (!s || (ref && !s->ref)) {
		tar_out_done(out);
		free(s);
		return err_sys(e, ENOMEM, "write the archive");
	}
	s->base = (struct image_sink){ .ops = &oci_ops, .oci = true, .layers = SINK_LAYERS_COMPRESS };
	s->out = *out;
	*out = (struct tar_out)TAR_OUT_INIT;
	*ret = &s->base;
	return 0;
}

int sink_oci_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			  struct image_sink **ret, struct err *e)
{
	struct tar_out out = TAR_OUT_INIT;
	int r;

	(void)ctx;
	if (l->index >= 0)
		return err_set(e, ERR_INVALID, "@%ld names no image to be written: give a name", l->index);
	r = tar_out_open(l->path, false, &out, e);
	return r < 0 ? r : sink_oci_archive_new(&out, l->ref, ret, e);
}
