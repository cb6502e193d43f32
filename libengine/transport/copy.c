/*
 * An image from one place to another: its document is read and judged, then its blobs are brought,
 * changed where the destination wants them otherwise, and put.
 */
#include "convert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "copy-sign.h"
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

static int need_spool(struct copy *c, struct err *e)
{
	return c->spool.fd >= 0 ? 0 : store_stage_new(c->store, &c->spool, e);
}

static int open_parts(struct copy *c, struct image_part *const *list, size_t n, struct err *e)
{
	int r = 0;

	if (c->src->ops->fetch) {
		r = need_spool(c, e);
		return r < 0 ? r : c->src->ops->fetch(c->src, list, n, c->spool.fd, e);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!list[i]->present)
			r = c->src->ops->open(c->src, list[i], e);
	return r;
}

/* As the source has it: the part itself may have been converted since. */
static const struct digest *digest_before(const struct image_parts *p, const struct image_part *part)
{
	return part == &p->config ? &p->manifest->config.digest
				  : &p->manifest->layers[part - p->layers].digest;
}

/* A blob that occurs twice was opened once. */
static int share_parts(struct image_parts *p, struct image_part *const *list, struct err *e)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		struct image_part *l = &p->layers[i];
		size_t k = 0;

		while (!digest_eq(digest_before(p, list[k]), digest_before(p, l)))
			k++;
		if (list[k] == l)
			continue;
		l->blob = list[k]->blob;
		l->present = list[k]->present;
		l->offset = list[k]->offset;
		l->slot = list[k]->slot;
		l->fd = l->present ? FD_NONE : fd_dup(list[k]->fd);
		if (!l->present && l->fd < 0)
			return err_sys(e, l->fd, "copy the image");
	}
	return 0;
}

static bool is_changed(const struct image_parts *p, const struct conversion *cv,
		       const struct image_part *part)
{
	return part != &p->config && cv->layers[part - p->layers].changes;
}

/* Which of them has the destination already?  What will be changed on its way has another digest
 * there, which nobody knows yet. */
static int ask_sink(struct copy *c, const struct image_parts *p, const struct conversion *cv,
		    struct image_part *const *list, size_t n, struct err *e)
{
	auto_free struct image_part **same = calloc(n + 1, sizeof(struct image_part *));
	size_t n_same = 0;

	if (!c->dest->ops->have)
		return 0;
	if (!same)
		return err_sys(e, ENOMEM, "copy the image");
	for (size_t i = 0; i < n; i++)
		if (!is_changed(p, cv, list[i]))
			same[n_same++] = list[i];
	return c->dest->ops->have(c->dest, same, n_same, e);
}

static int convert_layers(struct copy *c, struct image_parts *p, const struct conversion *cv,
			  struct image_part *const *list, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!is_changed(p, cv, list[i]))
			continue;
		r = need_spool(c, e);
		if (r == 0)
			r = convert_layer(list[i], c->o, cv->layers[list[i] - p->layers].to, &c->spool,
					  c->src->ctx, e);
	}
	return r;
}

static int bring_parts(struct copy *c, struct image_parts *p, const struct conversion *cv,
		       struct err *e)
{
	auto_free struct image_part **list = calloc(p->n_layers + 1, sizeof(struct image_part *));
	size_t n;
	int r;

	if (!list)
		return err_sys(e, ENOMEM, "copy the image");
	n = list_parts(p, list);
	r = ask_sink(c, p, cv, list, n, e);
	if (r < 0)
		return r;
	announce(c, list, n);
	r = open_parts(c, list, n, e);
	if (r == 0)
		r = convert_layers(c, p, cv, list, n, e);
	return r < 0 ? r : share_parts(p, list, e);
}

/* Images */

/* @p is there, still with the source's manifest: put it as @cv says.  *@ret tells what was put. */
static int put_converted(struct copy *c, struct image_parts *p, const struct conversion *cv,
			 bool instance, struct converted *ret, struct err *e)
{
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	int r = cv->changes ? convert_manifest(p->manifest, cv, p, &d, &m, e) : 0;

	if (r < 0)
		return r;
	if (cv->changes) {
		p->document = &d;
		p->manifest = &m;
		p->config.blob.media_type = m.config.media_type;
		for (size_t i = 0; i < p->n_layers; i++)
			p->layers[i].blob.media_type = m.layers[i].media_type;
	}
	*ret = (struct converted){ p->document->digest, p->document->len, p->manifest->media_type };
	return c->dest->ops->put_image(c->dest, p, instance, e);
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

/* What signs the document @d; @changed: it does not get there as it is. */
static int copy_signatures(struct copy *c, const struct image_document *d, bool changed, struct err *e)
{
	auto_image_signatures struct image_signatures sigs = IMAGE_SIGNATURES_INIT;
	enum ctr_transport to = c->dest->where->transport;
	int r;

	/* the store keeps none: the policy has judged them already */
	if (c->o->remove_signatures || !c->src->ops->signatures || to == TRANSPORT_NAME ||
	    to == TRANSPORT_STORAGE)
		return 0;
	r = c->src->ops->signatures(c->src, &d->digest, &sigs, e);
	if (r < 0 || sigs.n == 0)
		return r;
	if (changed)
		return err_set(e, ERR_UNSUPPORTED, "the image is signed, and the signatures do not fit a changed "
			       "manifest: leave out what changes it, or give --remove-signatures");
	if (!c->dest->ops->put_signatures)
		return err_set(e, ERR_UNSUPPORTED, "the image is signed, and %s cannot keep signatures: give "
			       "--remove-signatures", c->dest->where->text);
	return c->dest->ops->put_signatures(c->dest, &d->digest, &sigs, e);
}

static int copy_image(struct copy *c, const struct image_document *d, const struct manifest *m,
		      bool instance, struct converted *ret, struct err *e)
{
	auto_conversion struct conversion cv = { 0 };
	struct image_parts p = { .config = IMAGE_PART_INIT };
	int r = check_trust(c, d, e);

	if (r == 0)
		r = conversion_plan(c->o, c->dest, m, &cv, e);
	if (r == 0)
		r = parts_init(&p, d, m, e);
	if (r == 0)
		r = bring_parts(c, &p, &cv, e);
	if (r == 0)
		r = put_converted(c, &p, &cv, instance, ret, e);
	if (r == 0)
		r = copy_signatures(c, d, cv.changes, e);
	if (r == 0)
		r = copy_sign(c->dest, &c->o->signers, &ret->digest, e);
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
		r = manifest_parse_any(d->data, d->len, d->media_type, m, e);
	/* not every place says it, but every destination may want it */
	if (r == 0)
		(void)snprintf(d->media_type, sizeof(d->media_type), "%s", m->media_type);
	return r < 0 ? err_wrap(e, r, "%s", c->src->where->text) : 0;
}

static int copy_instance(struct copy *c, const json_t *descriptor, bool instance,
			 struct converted *ret, struct err *e)
{
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	struct digest digest;
	int r = descriptor_digest(descriptor, &digest, e);

	if (r == 0)
		r = read_document(c, &digest, &d, &m, e);
	if (r == 0 && m.is_index)
		r = err_set(e, ERR_UNSUPPORTED, "index in an index: sha256:%s", digest.hex);
	return r < 0 ? r : copy_image(c, &d, &m, instance, ret, e);
}

/* One that the destination has already, as the index says. */
static int keep_instance(const json_t *descriptor, struct converted *ret, struct err *e)
{
	const char *type = json_string_value(json_object_get(descriptor, "mediaType"));

	ret->size_bytes = (uint64_t)json_integer_value(json_object_get(descriptor, "size"));
	ret->media_type = type ? type : MEDIA_OCI_MANIFEST;
	return descriptor_digest(descriptor, &ret->digest, e);
}

/* The index over @now: as it is, if nothing in it has changed. */
static int put_index(struct copy *c, const struct image_document *d, const struct manifest *m,
		     const struct converted *now, size_t n, struct digest *ret, struct err *e)
{
	auto_image_document struct image_document anew = IMAGE_DOCUMENT_INIT;
	const json_t *list = json_object_get(m->doc, "manifests");
	const char *type = convert_index_type(c->o, c->dest, m->media_type);
	bool changed = !streq(type, m->media_type);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct digest was;

		r = descriptor_digest(json_array_get(list, i), &was, e);
		changed |= r == 0 && !digest_eq(&was, &now[i].digest);
	}
	if (r == 0 && changed && c->o->preserve_digests)
		r = err_set(e, ERR_UNSUPPORTED, "the digest cannot be preserved: the index would be another");
	if (r == 0 && changed)
		r = convert_index(m->doc, now, n, type, &anew, e);
	if (r == 0)
		*ret = changed ? anew.digest : d->digest;
	if (r == 0)
		r = c->dest->ops->put_index(c->dest, changed ? &anew : d, e);
	return r < 0 ? r : copy_signatures(c, d, changed, e);
}

static int copy_all(struct copy *c, const struct image_document *d, const struct manifest *m,
		    struct digest *ret, struct err *e)
{
	const json_t *list = json_object_get(m->doc, "manifests");
	size_t n = json_array_size(list);
	auto_free struct converted *now = calloc(n + 1, sizeof(*now));
	int r = now ? check_trust(c, d, e) : err_sys(e, ENOMEM, "copy the images");

	if (r < 0)
		return r;
	if (!c->dest->ops->put_index)
		return err_set(e, ERR_UNSUPPORTED, "%s holds single images only: leave out --all",
			       c->dest->where->text);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = c->o->index_only ? keep_instance(json_array_get(list, i), &now[i], e)
				     : copy_instance(c, json_array_get(list, i), true, &now[i], e);
	if (r == 0)
		r = put_index(c, d, m, now, n, ret, e);
	return r < 0 ? r : copy_sign(c->dest, &c->o->signers, ret, e);
}

static int copy_chosen(struct copy *c, const struct manifest *m, struct converted *ret, struct err *e)
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
	struct converted one = { .digest = { "" } };
	int r = read_document(c, NULL, &d, &m, e);

	if (r < 0)
		return r;
	if (m.is_index && c->o->all)
		return copy_all(c, &d, &m, ret, e);
	r = m.is_index ? copy_chosen(c, &m, &one, e) : copy_image(c, &d, &m, false, &one, e);
	if (r == 0)
		*ret = one.digest;
	return r;
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
	bool into_store = dest->transport == TRANSPORT_NAME || dest->transport == TRANSPORT_STORAGE;
	struct image_sink *sink = NULL;
	int r = image_sink_open(dest, ctx, &sink, e);

	/* The store keeps what it gets; a manifest that was made for the way may as well say less. */
	if (r == 0 && into_store && src->no_digests)
		sink->layers = SINK_LAYERS_COMPRESS;
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
	bool podman = l->transport == TRANSPORT_STORAGE && src->no_digests;
	int r = 0;

	if (l->ref && !podman)
		r = strv_add(ret, l->ref);
	/* podman's store knows the full name of what was found by a short one, and none by an ID */
	for (size_t i = 0; r == 0 && podman && i < src->names.n; i++)
		r = strv_add(ret, src->names.items[i]);
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
					   &o->events, .into_store = true };
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
