/*
 * docker-archive: as a sink.  The layers are in it as plain tars, named by their diffIDs, each once
 * however many images have it; manifest.json comes last.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "fd.h"
#include "inflate.h"
#include "json.h"
#include "layer-bytes.h"
#include "layout.h"
#include "reference.h"
#include "str.h"

struct digests {
	struct digest *items;
	size_t n;
};

struct sink_docker {
	struct image_sink base;
	struct tar_out out;
	struct stage stage;		/* for the decompressing workers */
	struct store *store;
	const struct idmap *idmap;
	struct strv names;
	struct digests layers, blobs;	/* what was written: diffIDs, and the blobs they came from */
	json_t *images;			/* manifest.json */
};

static bool has(const struct digests *l, const struct digest *d)
{
	for (size_t i = 0; i < l->n; i++)
		if (digest_eq(&l->items[i], d))
			return true;
	return false;
}

static int add(struct digests *l, const struct digest *d, struct err *e)
{
	struct digest *items = reallocarray(l->items, l->n + 1, sizeof(*items));

	if (!items)
		return err_sys(e, ENOMEM, "write the archive");
	l->items = items;
	items[l->n++] = *d;
	return 0;
}

static int docker_have(struct image_sink *base, struct image_part *const *parts, size_t n,
		       struct err *e)
{
	const struct sink_docker *s = (const struct sink_docker *)base;

	(void)e;
	for (size_t i = 0; i < n; i++)
		parts[i]->present = has(&s->blobs, &parts[i]->blob.digest);
	return 0;
}

/* Layers */

static int to_out(void *arg, const void *data, size_t len, struct err *e)
{
	return tar_out_data(arg, data, len, e);
}

static int wrong_layer(const struct image_part *p, const struct digest *want, const struct digest *got,
		       struct err *e)
{
	return err_set(e, ERR_CORRUPT, "layer %.12s has the diffID sha256:%s, the image config says sha256:%s",
		       p->blob.digest.hex, got->hex, want->hex);
}

static int put_plain(struct sink_docker *s, const char *name, const struct image_part *p,
		     const struct digest *diff_id, struct err *e)
{
	int r = digest_eq(&p->blob.digest, diff_id) ? 0 : wrong_layer(p, diff_id, &p->blob.digest, e);

	if (r == 0)
		r = tar_out_begin(&s->out, name, p->blob.size_bytes, e);
	if (r == 0)
		r = image_part_read(p, s->base.ctx->events, to_out, &s->out, e);
	return r < 0 ? r : tar_out_end(&s->out, e);
}

/* Where the header cannot be written behind the data, the layer is decompressed twice. */
static int put_compressed(struct sink_docker *s, const char *name, const struct image_part *p,
			  const struct digest *diff_id, struct err *e)
{
	struct layer_bytes got;
	int r = 0;

	if (s->out.seekable) {
		r = tar_out_begin_unsized(&s->out, e);
	} else {
		r = layer_bytes_read(p, &s->stage, s->base.ctx, NULL, NULL, &got, e);
		if (r == 0 && !digest_eq(&got.diff_id, diff_id))
			r = wrong_layer(p, diff_id, &got.diff_id, e);
		if (r == 0)
			r = tar_out_begin(&s->out, name, got.size_bytes, e);
	}
	if (r == 0)
		r = layer_bytes_read(p, &s->stage, s->base.ctx, to_out, &s->out, &got, e);
	if (r == 0 && !digest_eq(&got.diff_id, diff_id))
		r = wrong_layer(p, diff_id, &got.diff_id, e);
	if (r < 0)
		return r;
	return s->out.seekable ? tar_out_end_unsized(&s->out, name, e) : tar_out_end(&s->out, e);
}

static int put_layer(struct sink_docker *s, const struct image_part *p, const struct digest *diff_id,
		     struct err *e)
{
	char name[DIGEST_HEX_LEN + sizeof(".tar")];
	enum compression c;
	int r;

	if (has(&s->layers, diff_id))
		return 0;
	if (p->present)
		return err_set(e, ERR_CORRUPT, "layer %.12s has two diffIDs", p->blob.digest.hex);
	(void)snprintf(name, sizeof(name), "%s.tar", diff_id->hex);
	r = layer_bytes_compression(p, &c, e);
	if (r == 0)
		r = c == COMPRESSION_NONE ? put_plain(s, name, p, diff_id, e)
					  : put_compressed(s, name, p, diff_id, e);
	if (r == 0)
		r = add(&s->layers, diff_id, e);
	return r < 0 ? r : add(&s->blobs, &p->blob.digest, e);
}

/* Images */

static int add_names(struct sink_docker *s, json_t *tags, struct err *e)
{
	for (size_t i = 0; i < s->names.n; i++) {
		bool there = false;

		for (size_t k = 0; k < json_array_size(tags); k++)
			there |= streq(json_string_value(json_array_get(tags, k)), s->names.items[i]);
		if (!there && json_array_append_new(tags, json_string(s->names.items[i])) < 0)
			return err_sys(e, ENOMEM, "write manifest.json");
	}
	return 0;
}

static int put_layers(struct sink_docker *s, const struct image_parts *p, const json_t *ids,
		      json_t *ret_names, struct err *e)
{
	struct digest diff_id;
	int r = 0;

	if (json_array_size(ids) != p->n_layers)
		return err_set(e, ERR_CORRUPT, "the image config has %zu diff_ids, the manifest has %zu layers",
			       json_array_size(ids), p->n_layers);
	for (size_t i = 0; r == 0 && i < p->n_layers; i++) {
		const char *text = json_string_value(json_array_get(ids, i));

		r = digest_parse(text ? text : "", &diff_id, e);
		if (r == 0)
			r = put_layer(s, &p->layers[i], &diff_id, e);
		if (r == 0 && json_array_append_new(ret_names, json_sprintf("%s.tar", diff_id.hex)) < 0)
			r = err_sys(e, ENOMEM, "write manifest.json");
	}
	return r;
}

static json_t *find_image(const struct sink_docker *s, const char *config_name)
{
	size_t i;
	json_t *item;

	json_array_foreach(s->images, i, item)
		if (streq(json_string_value(json_object_get(item, "Config")), config_name))
			return item;
	return NULL;
}

static int put_new_image(struct sink_docker *s, const struct image_parts *p, const char *name,
			 struct err *e)
{
	auto_json json_t *config = NULL, *layers = json_array();
	auto_free char *buf = NULL;
	json_t *item;
	size_t len;
	int r = image_part_read_all(&p->config, LAYOUT_CONFIG_MAX_BYTES, &buf, &len, e);

	if (r == 0)
		r = json_parse(buf, len, LAYOUT_CONFIG_MAX_BYTES, "the image config", &config, e);
	if (r == 0)
		r = put_layers(s, p, json_object_get(json_object_get(config, "rootfs"), "diff_ids"), layers,
			       e);
	if (r == 0)
		r = tar_out_file(&s->out, name, buf, len, e);
	if (r < 0)
		return r;
	item = json_pack("{s:s, s:[], s:O}", "Config", name, "RepoTags", "Layers", layers);
	if (!item || json_array_append_new(s->images, item) < 0)
		return err_sys(e, ENOMEM, "write manifest.json");
	return add_names(s, json_object_get(item, "RepoTags"), e);
}

static int docker_put_image(struct image_sink *base, const struct image_parts *p, bool instance,
			    struct err *e)
{
	struct sink_docker *s = (struct sink_docker *)base;
	char name[DIGEST_HEX_LEN + sizeof(".json")];
	json_t *there;

	(void)instance; /* there is no put_index() */
	(void)snprintf(name, sizeof(name), "%s.json", p->config.blob.digest.hex);
	there = find_image(s, name);
	return there ? add_names(s, json_object_get(there, "RepoTags"), e) : put_new_image(s, p, name, e);
}

static int docker_commit(struct image_sink *base, struct err *e)
{
	struct sink_docker *s = (struct sink_docker *)base;
	auto_free char *text = json_dumps(s->images, JSON_COMPACT);
	int r = text ? tar_out_file(&s->out, "manifest.json", text, strlen(text), e)
		     : err_sys(e, ENOMEM, "write manifest.json");

	return r < 0 ? r : tar_out_finish(&s->out, e);
}

static void docker_free(struct image_sink *base)
{
	struct sink_docker *s = (struct sink_docker *)base;

	tar_out_done(&s->out);
	if (s->stage.fd >= 0)
		(void)store_stage_drop(s->store, &s->stage, s->idmap, NULL); /* else collected later */
	strv_done(&s->names);
	free(s->layers.items);
	free(s->blobs.items);
	json_decref(s->images);
	free(s);
}

static const struct image_sink_ops docker_ops = {
	.have = docker_have,
	.put_image = docker_put_image,
	.commit = docker_commit,
	.free = docker_free,
};

int sink_docker_archive_names(struct image_sink *sink, const struct strv *names, struct err *e)
{
	struct sink_docker *s = (struct sink_docker *)sink;

	strv_done(&s->names);
	for (size_t i = 0; i < names->n; i++)
		if (strv_add(&s->names, names->items[i]) < 0)
			return err_sys(e, ENOMEM, "write the archive");
	return 0;
}

int sink_docker_archive_new(struct tar_out *out, const struct transport_ctx *ctx,
			    struct image_sink **ret, struct err *e)
{
	struct sink_docker *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		tar_out_done(out);
		return err_sys(e, ENOMEM, "write the archive");
	}
	s->base = (struct image_sink){ .ops = &docker_ops, .oci = true, .docker = true,
				       .no_digests = true, .images_only = true };
	s->out = *out;
	*out = (struct tar_out)TAR_OUT_INIT;
	s->stage = (struct stage)STAGE_INIT;
	s->store = ctx->store;
	s->idmap = ctx->idmap;
	s->images = json_array();
	r = s->images ? store_stage_new(s->store, &s->stage, e) : err_sys(e, ENOMEM, "write the archive");
	if (r < 0) {
		docker_free(&s->base);
		return r;
	}
	*ret = &s->base;
	return 0;
}

/* The name of the image in the archive: as Docker reads it. */
static int full_name(const char *ref, struct strv *ret, struct err *e)
{
	struct ctr_reference parsed, full;
	char text[REF_STR_MAX];
	int r = ctr_reference_parse(ref, &parsed, e);

	if (r == 0 && parsed.digest.hex[0])
		r = err_set(e, ERR_INVALID, "%s: an image in an archive has a tag, no digest", ref);
	if (r == 0)
		r = ctr_reference_qualify(&parsed, "docker.io", &full, e);
	if (r < 0)
		return r;
	ctr_reference_default_tag(&full);
	r = strv_add(ret, ctr_reference_str(&full, text));
	return r < 0 ? err_sys(e, r, "write the archive") : 0;
}

int sink_docker_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			     struct image_sink **ret, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	struct tar_out out = TAR_OUT_INIT;
	int r = 0;

	if (l->index >= 0)
		return err_set(e, ERR_INVALID, "@%ld names no image to be written: give a name", l->index);
	if (l->ref)
		r = full_name(l->ref, &names, e);
	if (r == 0)
		r = tar_out_open(l->path, true, &out, e);
	if (r == 0)
		r = sink_docker_archive_new(&out, ctx, ret, e);
	return r < 0 ? r : sink_docker_archive_names(*ret, &names, e);
}
