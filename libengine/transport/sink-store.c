/* This store as a sink: blobs are kept and layers unpacked, all made visible together. */
#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "image-in.h"
#include "json.h"
#include "reference.h"
#include "sink-store-feed.h"
#include "str.h"
#include "transport.h"

struct sink_store {
	struct image_sink base;
	struct store *store;
	char *ref;		/* the full name it gets; NULL: none */
	struct image_in in;
	bool begun;
	struct digest manifest;
	const char *media_type;
};

static int store_have(struct image_sink *base, struct image_part *const *parts, size_t n,
		      struct err *e)
{
	struct sink_store *s = (struct sink_store *)base;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct image_in_blob *b;

		r = image_in_announce(&s->in, &parts[i]->blob.digest, parts[i]->blob.size_bytes, &b, e);
		parts[i]->present = r == 1;
	}
	return r < 0 ? r : 0;
}

static int to_blob(void *arg, const void *data, size_t len, struct err *e)
{
	struct image_in_blob *b = arg;

	return blob_write(&b->writer, data, len, e);
}

static int put_blob(struct sink_store *s, const struct image_part *p, struct err *e)
{
	struct image_in_blob *b;
	int r = image_in_blob(&s->in, &p->blob.digest, p->blob.size_bytes, &b, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = image_part_read(p, s->base.ctx->events, to_blob, b, e);
	return r < 0 ? r : image_in_blob_finish(&s->in, b, e);
}

/* Layers whose blobs were here already. */
static int unpack_layers(struct sink_store *s, const struct image_parts *p, struct err *e)
{
	auto_free struct image_in_source *src = calloc(p->n_layers + 1, sizeof(*src));

	if (!src)
		return err_sys(e, ENOMEM, "unpack the layers");
	for (size_t i = 0; i < p->n_layers; i++)
		src[i] = (struct image_in_source){ .layer = i, .blob = p->layers[i].blob.digest,
						   .media_type = p->layers[i].blob.media_type };
	return image_in_unpack_blobs(&s->in, src, p->n_layers, s->base.ctx->events->interrupted, e);
}

static int store_put_image(struct image_sink *base, const struct image_parts *p, bool instance,
			   struct err *e)
{
	struct sink_store *s = (struct sink_store *)base;
	int r = put_blob(s, &p->config, e);

	(void)instance;	/* there is no put_index() */
	if (r == 0)
		r = image_in_json(&s->in, p->document->data, p->document->len, &p->document->digest,
				  &s->manifest, e);
	if (r == 0)
		r = image_in_config(&s->in, &p->config.blob.digest, p->n_layers, e);
	if (r == 0)
		r = sink_store_feed(&s->in, p, s->base.ctx->events, e);
	if (r == 0)
		r = unpack_layers(s, p, e);
	s->media_type = p->manifest->media_type;
	return r;
}

static int store_commit(struct image_sink *base, struct err *e)
{
	struct sink_store *s = (struct sink_store *)base;

	return image_in_commit(&s->in, s->ref, &s->manifest, s->media_type, e);
}

static void store_free(struct image_sink *base)
{
	struct sink_store *s = (struct sink_store *)base;

	if (s->begun)
		image_in_abort(&s->in);
	free(s->ref);
	free(s);
}

static const struct image_sink_ops store_ops = {
	.have = store_have,
	.put_image = store_put_image,
	.commit = store_commit,
	.free = store_free,
};

int sink_store_name(const char *name, char **ret, struct err *e)
{
	struct ctr_reference parsed, full;
	char buf[REF_STR_MAX];
	int r = ctr_reference_parse(name, &parsed, e);

	if (r == 0 && parsed.digest.hex[0])
		r = err_set(e, ERR_INVALID, "%s: an image cannot be given a name with a digest", name);
	if (r == 0)
		r = ctr_reference_qualify(&parsed, "localhost", &full, e);
	if (r < 0)
		return r;
	ctr_reference_default_tag(&full);
	*ret = strdup(ctr_reference_str(&full, buf));
	return *ret ? 0 : err_sys(e, ENOMEM, "read the name %s", name);
}

int sink_store_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_sink **ret, struct err *e)
{
	struct sink_store *s;
	int r = 0;

	if (l->root)
		return err_set(e, ERR_UNSUPPORTED, "the store of another engine can only be read");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "open the store");
	s->base = (struct image_sink){ .ops = &store_ops, .oci = true, .docker = true,
					.images_only = true };
	s->store = ctx->store;
	if (l->ref)
		r = sink_store_name(l->ref, &s->ref, e);
	if (r == 0) {
		r = image_in_begin(ctx->store, ctx->idmap, &s->in, e);
		s->begun = r == 0;
	}
	if (r < 0) {
		store_free(&s->base);
		return r;
	}
	*ret = &s->base;
	return 0;
}
