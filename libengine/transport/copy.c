/*
 * An image from one place to another: its document is read and judged, then its blobs are brought,
 * changed where the destination wants them otherwise, and put.
 */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "policy.h"
#include "source-trust.h"
#include "str.h"

struct copy {
	const struct ctr_copy_opts *o;
	struct store *store;
	struct image_source *src;
	struct image_sink *dest;
	struct stage spool;		/* for blobs of places without files; open when needed */
	struct digest config;
	size_t slot;
	bool policy_loaded;
	struct policy policy;
};

/* Parts */

static void parts_done(struct image_parts *p)
{
	image_part_done(&p->config);
	for (size_t i = 0; i < p->n_layers; i++)
		image_part_done(&p->layers[i]);
	free(p->layers);
}

static int parts_init(struct image_parts *p, const struct image_document *d,
		      const struct manifest *m, struct err *e)
{
	*p = (struct image_parts){ .document = d, .manifest = m, .config = IMAGE_PART_INIT };
	p->config.blob = m->config;
	p->layers = calloc(m->n_layers + 1, sizeof(*p->layers));
	if (!p->layers)
		return err_sys(e, ENOMEM, "copy the image");
	for (size_t i = 0; i < m->n_layers; i++)
		p->layers[p->n_layers++] = (struct image_part){ .fd = FD_NONE, .blob = m->layers[i] };
	return 0;
}

/* Config and layers, each digest once. */
static size_t list_parts(struct image_parts *p, struct image_part **list)
{
	size_t n = 0;

	list[n++] = &p->config;
	for (size_t i = 0; i < p->n_layers; i++) {
		size_t k = 0;

		while (k < n && !digest_eq(&list[k]->blob.digest, &p->layers[i].blob.digest))
			k++;
		if (k == n)
			list[n++] = &p->layers[i];
	}
	return n;
}

static void announce(struct copy *c, struct image_part *const *list, size_t n)
{
	const struct ctr_pull_events *ev = &c->o->events;

	for (size_t i = 0; i < n; i++) {
		const struct manifest_blob *b = &list[i]->blob;

		list[i]->slot = c->slot++;
		if (ev->blob)
			ev->blob(ev->arg, list[i]->slot, i ? "blob" : "config", &b->digest, b->size_bytes,
				 list[i]->present);
	}
}

static int open_parts(struct copy *c, struct image_part *const *list, size_t n, struct err *e)
{
	int r = 0;

	if (c->src->ops->fetch) {
		if (c->spool.fd < 0)
			r = store_stage_new(c->store, &c->spool, e);
		return r < 0 ? r : c->src->ops->fetch(c->src, list, n, c->spool.fd, e);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!list[i]->present)
			r = c->src->ops->open(c->src, list[i], e);
	return r;
}

/* A blob that occurs twice was opened once. */
static int share_parts(struct image_parts *p, struct image_part *const *list, size_t n, struct err *e)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		struct image_part *l = &p->layers[i];
		size_t k = 0;

		while (k < n && !digest_eq(&list[k]->blob.digest, &l->blob.digest))
			k++;
		if (k == n || list[k] == l)
			continue;
		l->present = list[k]->present;
		l->offset = list[k]->offset;
		l->slot = list[k]->slot;
		l->fd = l->present ? FD_NONE : fd_dup(list[k]->fd);
		if (!l->present && l->fd < 0)
			return err_sys(e, l->fd, "copy the image");
	}
	return 0;
}

static int bring_parts(struct copy *c, struct image_parts *p, struct err *e)
{
	auto_free struct image_part **list = calloc(p->n_layers + 1, sizeof(struct image_part *));
	size_t n;
	int r = 0;

	if (!list)
		return err_sys(e, ENOMEM, "copy the image");
	n = list_parts(p, list);
	if (c->dest->ops->have)
		r = c->dest->ops->have(c->dest, list, n, e);
	if (r < 0)
		return r;
	announce(c, list, n);
	r = open_parts(c, list, n, e);
	return r < 0 ? r : share_parts(p, list, n, e);
}

/* Images */

static bool takes(const struct image_sink *s, const char *media_type)
{
	bool oci = streq(media_type, MEDIA_OCI_MANIFEST) || streq(media_type, MEDIA_OCI_INDEX);

	return oci ? s->oci : s->docker;
}

/* May what the document describes be used at all?  Asked before anything else of it is read. */
static int check_trust(struct copy *c, const struct image_document *d, struct err *e)
{
	int r = c->policy_loaded ? 0 : policy_load(NULL, &c->policy, e);

	if (r < 0)
		return r;
	c->policy_loaded = true;
	return source_trust(c->src, &c->policy, &d->digest, e);
}

static int copy_image(struct copy *c, const struct image_document *d, const struct manifest *m,
		      bool instance, struct err *e)
{
	struct image_parts p;
	int r = check_trust(c, d, e);

	if (r < 0)
		return r;
	if (!takes(c->dest, m->media_type))
		return err_set(e, ERR_UNSUPPORTED, "%s does not take manifests of the type %s",
			       c->dest->where->text, m->media_type);
	r = parts_init(&p, d, m, e);
	if (r == 0)
		r = bring_parts(c, &p, e);
	if (r == 0)
		r = c->dest->ops->put_image(c->dest, &p, instance, e);
	if (r == 0)
		c->config = m->config.digest;
	parts_done(&p);
	return r;
}

static int descriptor_digest(const json_t *descriptor, struct digest *ret, struct err *e)
{
	const char *text = json_string_value(json_object_get(descriptor, "digest"));
	int r = digest_parse(text ? text : "", ret, e);

	return r < 0 ? err_wrap(e, r, "index") : 0;
}

static int read_document(struct copy *c, const struct digest *digest, struct image_document *d,
			 struct manifest *m, struct err *e)
{
	int r = c->src->ops->document(c->src, digest, d, e);

	if (r == 0)
		r = manifest_parse(d->data, d->len, d->media_type, m, e);
	return r < 0 ? err_wrap(e, r, "%s", c->src->where->text) : 0;
}

static int copy_instance(struct copy *c, const json_t *descriptor, bool instance, struct digest *ret,
			 struct err *e)
{
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	int r = descriptor_digest(descriptor, ret, e);

	if (r == 0)
		r = read_document(c, ret, &d, &m, e);
	if (r == 0 && m.is_index)
		r = err_set(e, ERR_UNSUPPORTED, "index in an index: sha256:%s", ret->hex);
	return r < 0 ? r : copy_image(c, &d, &m, instance, e);
}

static int copy_all(struct copy *c, const struct image_document *d, const struct manifest *m,
		    struct err *e)
{
	const json_t *list = json_object_get(m->doc, "manifests");
	int r = check_trust(c, d, e);

	if (r < 0)
		return r;
	if (!c->dest->ops->put_index)
		return err_set(e, ERR_UNSUPPORTED, "%s holds single images only: leave out --all",
			       c->dest->where->text);
	if (!takes(c->dest, m->media_type))
		return err_set(e, ERR_UNSUPPORTED, "%s does not take an index of the type %s",
			       c->dest->where->text, m->media_type);
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		struct digest one;

		r = copy_instance(c, json_array_get(list, i), true, &one, e);
	}
	return r < 0 ? r : c->dest->ops->put_index(c->dest, d, e);
}

static int copy_chosen(struct copy *c, const struct manifest *m, struct digest *ret, struct err *e)
{
	struct ctr_platform want = c->o->platform;
	const json_t *descriptor = NULL;
	int r;

	if (!c->o->have_platform)
		ctr_platform_host(&want);
	r = ctr_platform_choose(m->doc, &want, &descriptor, e);
	if (r < 0)
		return err_wrap(e, r, "%s", c->src->where->text);
	return copy_instance(c, descriptor, false, ret, e);
}

static int copy_top(struct copy *c, struct digest *ret, struct err *e)
{
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	int r = read_document(c, NULL, &d, &m, e);

	if (r < 0)
		return r;
	*ret = d.digest;
	if (m.is_index)
		return c->o->all ? copy_all(c, &d, &m, e) : copy_chosen(c, &m, ret, e);
	return copy_image(c, &d, &m, false, e);
}

int ctr_copy_put(struct store *s, const struct idmap *m, struct image_source *src,
		 struct image_sink *dest, const struct ctr_copy_opts *o, struct ctr_copy_result *ret,
		 struct err *e)
{
	struct copy c = { .o = o, .store = s, .src = src, .dest = dest, .spool = STAGE_INIT };
	int r = copy_top(&c, &ret->manifest, e);

	if (r == 0 && o->events.interrupted)
		r = o->events.interrupted(e);
	if (r == 0)
		ret->config = c.config;
	policy_done(&c.policy);
	if (c.spool.fd >= 0)
		(void)store_stage_drop(s, &c.spool, m, NULL); /* what stays is collected later */
	return r;
}

int ctr_copy_commit(struct image_sink *dest, const struct ctr_pull_events *ev, struct err *e)
{
	if (ev->message)
		ev->message(ev->arg, "Writing manifest to image destination");
	return dest->ops->commit(dest, e);
}

/* From the opened source to @dest. */
static int copy_to(struct image_source *src, const struct ctr_location *dest,
		   const struct transport_ctx *ctx, const struct ctr_copy_opts *o,
		   struct ctr_copy_result *ret, struct err *e)
{
	struct image_sink *sink = NULL;
	int r = image_sink_open(dest, ctx, &sink, e);

	if (r == 0)
		r = ctr_copy_put(ctx->store, ctx->idmap, src, sink, o, ret, e);
	if (r == 0)
		r = ctr_copy_commit(sink, &o->events, e);
	image_sink_free(sink);
	return r;
}

int ctr_copy(struct store *s, const struct idmap *m, const struct ctr_location *src,
	     const struct ctr_location *dest, const struct ctr_copy_opts *o,
	     struct ctr_copy_result *ret, struct err *e)
{
	const struct transport_ctx from = { s, m, &o->src, o->have_platform ? &o->platform : NULL,
					    &o->events };
	const struct transport_ctx to = { s, m, &o->dest, from.platform, &o->events };
	struct image_source *source = NULL;
	int r = image_source_open(src, &from, &source, e);

	if (r == 0)
		r = copy_to(source, dest, &to, o, ret, e);
	image_source_free(source);
	return r;
}

/* What the image is called here: as the user said; archives name their images themselves. */
static int names_of(const struct image_source *src, struct strv *ret, struct err *e)
{
	const struct ctr_location *l = src->where;
	bool archive = l->transport == TRANSPORT_OCI_ARCHIVE ||
		       l->transport == TRANSPORT_DOCKER_ARCHIVE;
	int r = 0;

	if (l->ref)
		r = strv_add(ret, l->ref);
	for (size_t i = 0; r == 0 && !l->ref && archive && i < src->names.n; i++)
		r = strv_add(ret, src->names.items[i]);
	return r < 0 ? err_sys(e, r, "%s", l->text) : 0;
}

/* The names after the first. */
static int tag_more(struct store *s, const struct strv *names, const struct ctr_copy_result *res,
		    struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	const struct layout_entry *entry = NULL;
	int r = names->n > 1 ? layout_read(s, &x, e) : 0;

	for (size_t i = 0; i < x.n && !entry; i++)
		if (digest_eq(&x.entries[i].manifest, &res->manifest))
			entry = &x.entries[i];
	for (size_t i = 1; r == 0 && entry && i < names->n; i++) {
		auto_free char *full = NULL;

		r = sink_store_name(names->items[i], &full, e);
		if (r == 0)
			r = layout_tag(s, full, &res->manifest, entry->size_bytes, entry->media_type, e);
	}
	return r;
}

int ctr_copy_source_in(struct image_source *src, const struct strv *names,
		       const struct ctr_copy_opts *o, struct strv *ret_names,
		       struct ctr_copy_result *ret, struct err *e)
{
	auto_location struct ctr_location dest = { .transport = TRANSPORT_STORAGE, .index = -1 };
	int r;

	dest.text = strdup(names->n ? names->items[0] : "the store");
	dest.ref = names->n ? strdup(names->items[0]) : NULL;
	if (!dest.text || (names->n && !dest.ref))
		return err_sys(e, ENOMEM, "%s", src->where->text);
	r = copy_to(src, &dest, src->ctx, o, ret, e);
	if (r == 0)
		r = tag_more(src->ctx->store, names, ret, e);
	for (size_t i = 0; r == 0 && ret_names && i < names->n; i++) {
		char *full = NULL;

		r = sink_store_name(names->items[i], &full, e);
		if (r == 0 && strv_add_take(ret_names, full) < 0)
			r = err_sys(e, ENOMEM, "%s", src->where->text);
	}
	return r;
}

int ctr_copy_in(struct store *s, const struct idmap *m, const struct ctr_location *src,
		const struct ctr_copy_opts *o, struct strv *ret_names, struct ctr_copy_result *ret,
		struct err *e)
{
	const struct transport_ctx ctx = { s, m, &o->src, o->have_platform ? &o->platform : NULL,
					   &o->events };
	auto_strv struct strv names = STRV_INIT;
	struct image_source *source = NULL;
	int r = image_source_open(src, &ctx, &source, e);

	if (r == 0)
		r = names_of(source, &names, e);
	if (r == 0)
		r = ctr_copy_source_in(source, &names, o, ret_names, ret, e);
	image_source_free(source);
	return r;
}
