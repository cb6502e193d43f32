/* What an image brings into a list. */
#include "gather.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "lookup.h"
#include "reference.h"

void gather_done(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++) {
		json_decref(g->items[i].platform);
		json_decref(g->items[i].annotations);
		free(g->items[i].source);
	}
	free(g->items);
	g->items = NULL;
	g->n = 0;
}

static struct gathered *add_item(struct gather *g)
{
	struct gathered *list = realloc(g->items, (g->n + 1) * sizeof(*list));

	if (!list)
		return NULL;
	g->items = list;
	list[g->n] = (struct gathered){ 0 };
	return &list[g->n++];
}

static int copy_member(json_t *to, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);

	return v ? json_object_set(to, key, v) : 0;
}

/* The members of a descriptor's platform, which a config has as well. */
static json_t *platform_of(const json_t *doc)
{
	static const char *const keys[] = { "architecture", "os", "os.version", "os.features", "variant" };
	json_t *p = json_object();

	for (size_t i = 0; p && i < sizeof(keys) / sizeof(*keys); i++) {
		if (copy_member(p, doc, keys[i]) < 0) {
			json_decref(p);
			p = NULL;
		}
	}
	return p;
}

static int bring(struct gather *g, struct image_source *src, struct image_part *p, struct err *e)
{
	if (src->ops->fetch)
		return src->ops->fetch(src, &p, 1, g->in->stage.fd, e);
	return src->ops->open(src, p, e);
}

static int to_blob(void *arg, const void *data, size_t len, struct err *e)
{
	struct image_in_blob *b = arg;

	return blob_write(&b->writer, data, len, e);
}

/* A blob into the stage, unless the store has it; from then on it is held. */
static int keep_blob(struct gather *g, struct image_source *src, const struct manifest_blob *blob,
		     struct err *e)
{
	struct image_part p = IMAGE_PART_INIT;
	struct image_in_blob *b;
	int r = image_in_blob(g->in, &blob->digest, blob->size_bytes, &b, e);

	if (r != 0)
		return r < 0 ? r : 0;
	p.blob = *blob;
	r = bring(g, src, &p, e);
	if (r == 0)
		r = image_part_read(&p, NULL, to_blob, b, e);
	if (r == 0)
		r = image_in_blob_finish(g->in, b, e);
	image_part_done(&p);
	return r;
}

static int read_config(struct gather *g, const struct manifest *m, json_t **ret, struct err *e)
{
	auto_close int fd = image_in_blob_open(g->in, &m->config.digest, e);
	auto_free char *text = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	r = fd_read_file(fd, LAYOUT_CONFIG_MAX_BYTES, &text, &len);
	if (r < 0)
		return err_sys(e, r, "read the config %.12s", m->config.digest.hex);
	return json_parse(text, len, LAYOUT_CONFIG_MAX_BYTES, "config", ret, e);
}

/* docker://NAME@DIGEST: the tag may point elsewhere tomorrow. */
static int source_of(const struct ctr_location *l, const struct digest *d, char **ret, struct err *e)
{
	struct ctr_reference ref;
	char name[REF_STR_MAX], digest[DIGEST_STR_MAX];
	int r = ctr_reference_parse(l->ref, &ref, e);

	if (r < 0)
		return r;
	r = ctr_reference_qualify(&ref, "docker.io", &ref, e);
	if (r < 0)
		return r;
	*ret = str_printf("docker://%s@%s", ctr_reference_name(&ref, name), digest_str(d, digest));
	return *ret ? 0 : err_sys(e, ENOMEM, "%s", l->text);
}

/* One manifest: its documents are kept, its layers where they come from no registry. */
static int add_instance(struct gather *g, struct image_source *src, const struct image_document *d,
			const struct manifest *m, const json_t *descriptor, struct err *e)
{
	bool remote = src->where->transport == TRANSPORT_DOCKER;
	const json_t *platform = json_object_get(descriptor, "platform");
	json_t *annotations = json_object_get(descriptor, "annotations");
	auto_json json_t *config = NULL;
	struct gathered *item = add_item(g);
	int r = item ? image_in_json(g->in, d->data, d->len, &d->digest, NULL, e)
		     : err_sys(e, ENOMEM, "%s", src->where->text);

	if (r == 0)
		r = keep_blob(g, src, &m->config, e);
	for (size_t i = 0; r == 0 && !remote && i < m->n_layers; i++)
		r = keep_blob(g, src, &m->layers[i], e);
	if (r == 0 && !platform)
		r = read_config(g, m, &config, e);
	if (r == 0 && remote)
		r = source_of(src->where, &d->digest, &item->source, e);
	if (r < 0)
		return r;
	item->digest = d->digest;
	item->size_bytes = d->len;
	item->media_type = m->media_type;
	item->platform = platform_of(platform ? platform : config);
	item->annotations = json_object_size(annotations) ? json_deep_copy(annotations) : NULL;
	return item->platform ? 0 : err_sys(e, ENOMEM, "%s", src->where->text);
}

static int read_document(struct image_source *src, const struct digest *digest, struct image_document *d,
			 struct manifest *m, struct err *e)
{
	int r = src->ops->document(src, digest, d, e);

	if (r == 0)
		r = manifest_parse(d->data, d->len, d->media_type, m, e);
	return r < 0 ? err_wrap(e, r, "%s", src->where->text) : 0;
}

static int add_from_index(struct gather *g, struct image_source *src, const json_t *descriptor,
			  struct err *e)
{
	const char *text = json_string_value(json_object_get(descriptor, "digest"));
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	struct digest digest;
	int r = digest_parse(text ? text : "", &digest, e);

	if (r == 0)
		r = read_document(src, &digest, &d, &m, e);
	if (r == -ENOENT && src->where->transport != TRANSPORT_DOCKER)
		return err_wrap(e, r, "%s: not all of its platforms are here: name it as docker://%s, or leave out "
				"--all", src->where->text, src->where->ref ? src->where->ref : "...");
	if (r == 0 && m.is_index)
		r = err_set(e, ERR_UNSUPPORTED, "%s: an index in an index: sha256:%s", src->where->text, digest.hex);
	return r < 0 ? r : add_instance(g, src, &d, &m, descriptor, e);
}

static int add_index(struct gather *g, struct image_source *src, const struct manifest *m, struct err *e)
{
	const json_t *list = json_object_get(m->doc, "manifests"), *chosen = NULL;
	struct ctr_platform host;
	int r = 0;

	if (!g->all) {
		ctr_platform_host(&host);
		r = ctr_platform_choose(m->doc, g->ctx->platform ? g->ctx->platform : &host, &chosen, e);
		return r < 0 ? err_wrap(e, r, "%s", src->where->text) : add_from_index(g, src, chosen, e);
	}
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = add_from_index(g, src, json_array_get(list, i), e);
	return r;
}

static int add_source(struct gather *g, struct image_source *src, struct err *e)
{
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	int r = read_document(src, NULL, &d, &m, e);

	if (r < 0)
		return r;
	return m.is_index ? add_index(g, src, &m, e) : add_instance(g, src, &d, &m, NULL, e);
}

/* A name is an image of the store, and else one of a registry. */
static int locate(struct gather *g, const char *image, struct ctr_location *ret, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	auto_free char *remote = NULL;
	const struct layout_entry *entry;
	struct err here = ERR_INIT;
	int r = ctr_location_parse(image, ret, e);

	if (r < 0 || ret->transport != TRANSPORT_NAME)
		return r;
	r = layout_read(g->ctx->store, &x, e);
	if (r < 0)
		return r;
	r = ctr_image_lookup_entry(g->ctx->store, &x, image, &entry, NULL, &here);
	if (r == 0 || here.kind != ERR_NOT_FOUND) {
		if (r < 0 && e)
			*e = here;
		return r;
	}
	remote = str_printf("docker://%s", image);
	if (!remote)
		return err_sys(e, ENOMEM, "%s", image);
	ctr_location_done(ret);
	*ret = (struct ctr_location)CTR_LOCATION_INIT;
	return ctr_location_parse(remote, ret, e);
}

int gather_add(struct gather *g, const char *image, struct err *e)
{
	auto_location struct ctr_location l = CTR_LOCATION_INIT;
	struct image_source *src = NULL;
	int r = locate(g, image, &l, e);

	if (r == 0)
		r = image_source_open(&l, g->ctx, &src, e);
	if (r == 0)
		r = add_source(g, src, e);
	image_source_free(src);
	return r < 0 ? err_wrap(e, r, "add %s to the manifest list", image) : 0;
}
