/* Lists of the store, changed under the layout lock once all that it takes is here. */
#include "edit.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "fd.h"
#include "gather.h"
#include "image-in.h"
#include "json.h"
#include "layout.h"
#include "lookup.h"

/* A list on its way from one state to the next. */
struct editing {
	struct store *store;
	const struct list_change *change;
	struct image_in in;
	struct layout_index index;	/* read under the lock */
	const struct layout_entry *entry;	/* of the list; NULL: a new one */
	struct digest id;
	json_t *doc, *annotations;	/* the index; what stands at its entry */
};

static void editing_done(struct editing *x)
{
	json_decref(x->doc);
	json_decref(x->annotations);
	layout_index_done(&x->index);
	image_in_abort(&x->in);
}

static int nomem(const struct editing *x, struct err *e)
{
	return err_sys(e, ENOMEM, "edit the list %s", x->change->list);
}

static int new_list(struct editing *x, struct err *e)
{
	char now[sizeof("2006-01-02T15:04:05Z")];
	time_t t = time(NULL);
	struct tm tm;
	int r;

	(void)gmtime_r(&t, &tm);
	(void)strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &tm);
	r = str_random_hex(DIGEST_HEX_LEN / 2, x->id.hex);
	if (r < 0)
		return err_sys(e, r, "make an ID");
	x->doc = manifest_list_new();
	x->annotations = json_pack("{s:s, s:s}", LAYOUT_LIST_ID, x->id.hex, LAYOUT_LIST_CREATED, now);
	return x->doc && x->annotations ? 0 : nomem(x, e);
}

static int load_list(struct editing *x, struct err *e)
{
	if (!layout_entry_list(x->entry, &x->id))
		return err_set(e, ERR_INVALID, "%s: image is not a manifest list",
			       x->entry->ref ? x->entry->ref : x->change->list);
	x->annotations = json_deep_copy(x->entry->annotations);
	if (!x->annotations)
		return nomem(x, e);
	return layout_blob_json(x->store, &x->entry->manifest, LAYOUT_MANIFEST_MAX_BYTES, &x->doc, e);
}

static const struct layout_entry *entry_named(const struct layout_index *index, const char *ref)
{
	for (size_t i = 0; i < index->n; i++)
		if (index->entries[i].ref && streq(index->entries[i].ref, ref))
			return &index->entries[i];
	return NULL;
}

/* The list as it is now; the lock is held. */
static int open_list(struct editing *x, struct err *e)
{
	const struct list_change *c = x->change;
	int r = layout_read(x->store, &x->index, e);

	if (r < 0)
		return r;
	if (c->op != LIST_CREATE) {
		r = ctr_image_lookup_entry(x->store, &x->index, c->list, &x->entry, NULL, e);
		return r < 0 ? r : load_list(x, e);
	}
	x->entry = entry_named(&x->index, c->list);
	if (!x->entry)
		return new_list(x, e);
	if (!c->amend)
		return err_set(e, ERR_EXISTS, "image name \"%s\" is already in use: --amend changes the list of "
			       "that name, another name makes a new one", c->list);
	return load_list(x, e);
}

/* Instances */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void set_source(struct editing *x, const struct digest *d, const char *source)
{
	char key[sizeof(LAYOUT_LIST_SOURCE) + DIGEST_HEX_LEN];

	(void)snprintf(key, sizeof(key), LAYOUT_LIST_SOURCE "%s", d->hex);
	if (source)
		(void)json_object_set_new(x->annotations, key, json_string(source)); /* checked by nomem at the end */
	else
		(void)json_object_del(x->annotations, key);
}

static int put_instance(struct editing *x, const struct gathered *g, struct err *e)
{
	const struct list_platform *said = &x->change->platform;
	struct list_instance i = { .digest = g->digest, .size_bytes = g->size_bytes,
				   .media_type = g->media_type, .annotations = g->annotations,
				   .platform = { text_of(g->platform, "os"), text_of(g->platform, "architecture"),
						 text_of(g->platform, "variant"), text_of(g->platform, "os.version"),
						 NULL, NULL } };
	auto_strv struct strv features = STRV_INIT;
	const json_t *list = json_object_get(g->platform, "os.features");
	int r = list ? json_read_strv(list, &features, LIST_INSTANCES_MAX, "os.features", e) : 0;

	i.platform.os_features = &features;
	if (r == 0)
		r = manifest_list_add(x->doc, &i, e);
	/* what is said of one image is not said of all that an index has */
	if (r == 0 && !x->change->all)
		r = manifest_list_annotate(x->doc, &g->digest, said, e);
	if (r == 0 && !x->change->of_index)
		r = manifest_list_set_annotations(x->doc, &g->digest, x->change->annotations, e);
	set_source(x, &g->digest, g->source);
	return r;
}

/* The instance that @text means: a digest, or an image of the store. */
static int find_instance(struct editing *x, const char *text, struct digest *ret, struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	int r;

	if (digest_parse(text, ret, NULL) == 0)
		return 0;
	r = ctr_image_lookup_in(x->store, &x->index, text, &f, e);
	if (r < 0)
		return err_wrap(e, r, "neither a digest nor an image of the store");
	*ret = manifest_list_find(x->doc, &f.manifest) ? f.manifest : f.entry;
	return 0;
}

/* What an instance kept goes, unless something else keeps it. */
static int drop_blobs(struct editing *x, const struct digest *d, struct err *e)
{
	auto_json json_t *doc = NULL;
	const json_t *layers;
	int r = strv_add(&x->in.dropped, d->hex);

	if (layout_blob_json(x->store, d, LAYOUT_MANIFEST_MAX_BYTES, &doc, NULL) < 0)
		return r < 0 ? nomem(x, e) : 0;	/* damaged: it keeps nothing */
	layers = json_object_get(doc, "layers");
	for (size_t i = 0; r >= 0 && i <= json_array_size(layers); i++) {
		const json_t *blob = i ? json_array_get(layers, i - 1) : json_object_get(doc, "config");
		const char *text = text_of(blob, "digest");
		struct digest digest;

		if (text && digest_parse(text, &digest, NULL) == 0)
			r = strv_add(&x->in.dropped, digest.hex);
	}
	return r < 0 ? nomem(x, e) : 0;
}

static int remove_instances(struct editing *x, struct err *e)
{
	int r = 0;

	for (const char *const *i = x->change->images; r == 0 && *i; i++) {
		struct digest d;

		r = find_instance(x, *i, &d, e);
		if (r == 0)
			r = manifest_list_remove(x->doc, &d, e);
		if (r == 0)
			r = drop_blobs(x, &d, e);
		if (r == 0)
			set_source(x, &d, NULL);
		else
			r = err_wrap(e, r, "removing from manifest list %s: %s", x->change->list, *i);
	}
	return r;
}

static int set_subject(struct editing *x, struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	const char *type = MEDIA_OCI_MANIFEST;
	int r = ctr_image_lookup_in(x->store, &x->index, x->change->subject, &f, e);

	for (size_t i = 0; r == 0 && i < x->index.n; i++) {
		if (!digest_eq(&x->index.entries[i].manifest, &f.entry))
			continue;
		type = x->index.entries[i].media_type;
		return manifest_list_set_subject(x->doc, type, &f.entry, x->index.entries[i].size_bytes, e);
	}
	return r;
}

static int annotate(struct editing *x, struct err *e)
{
	const struct list_change *c = x->change;
	struct digest d;
	int r = c->subject ? set_subject(x, e) : 0;

	if (r == 0 && c->of_index)
		return manifest_list_set_annotations(x->doc, NULL, c->annotations, e);
	for (const char *const *i = c->images; r == 0 && *i; i++) {
		r = find_instance(x, *i, &d, e);
		if (r == 0)
			r = manifest_list_annotate(x->doc, &d, &c->platform, e);
		if (r == 0)
			r = manifest_list_set_annotations(x->doc, &d, c->annotations, e);
		if (r < 0)
			r = err_wrap(e, r, "annotate %s in %s", *i, c->list);
	}
	return r;
}

static int apply(struct editing *x, const struct gather *g, struct err *e)
{
	const struct list_change *c = x->change;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n; i++)
		r = put_instance(x, &g->items[i], e);
	if (r == 0 && c->op == LIST_CREATE && c->of_index)
		r = manifest_list_set_annotations(x->doc, NULL, c->annotations, e);
	if (r == 0 && c->op == LIST_ANNOTATE)
		r = annotate(x, e);
	if (r == 0 && c->op == LIST_REMOVE)
		r = remove_instances(x, e);
	return r;
}

static int save(struct editing *x, struct err *e)
{
	auto_free char *text = NULL;
	const char *type = NULL;
	struct digest d;
	int r = manifest_list_text(x->doc, &text, &type, e);

	if (r == 0)
		r = image_in_json(&x->in, text, strlen(text), NULL, &d, e);
	if (r == 0 && x->entry && strv_add(&x->in.dropped, x->entry->manifest.hex) < 0)
		r = nomem(x, e);
	return r < 0 ? r : image_in_commit_list(&x->in, x->entry ? NULL : x->change->list, &d, type,
						x->annotations, e);
}

/* The user's words of a platform choose from an index, too. */
static void wanted_platform(const struct list_platform *p, struct ctr_platform *ret)
{
	ctr_platform_host(ret);
	if (p->os)
		(void)snprintf(ret->os, sizeof(ret->os), "%s", p->os);
	if (p->arch) {
		(void)snprintf(ret->arch, sizeof(ret->arch), "%s", p->arch);
		ret->variant[0] = '\0';
	}
	if (p->variant)
		(void)snprintf(ret->variant, sizeof(ret->variant), "%s", p->variant);
}

static int change(struct editing *x, const struct gather *g, struct err *e)
{
	auto_close int lock = layout_lock(x->store, e);
	int r = lock < 0 ? lock : open_list(x, e);

	if (r == 0)
		r = apply(x, g, e);
	return r < 0 ? r : save(x, e);
}

int manifest_list_change(struct store *s, const struct idmap *m, const struct list_change *c,
			 const struct registry_access *registry, const struct ctr_pull_events *events,
			 struct digest *ret, struct err *e)
{
	struct ctr_platform want;
	const struct transport_ctx ctx = { s, m, registry, &want, events };
	struct editing x = { .store = s, .change = c, .in = IMAGE_IN_INIT };
	struct gather g = { .in = &x.in, .ctx = &ctx, .all = c->all };
	bool adds = c->op == LIST_CREATE || c->op == LIST_ADD;
	int r = image_in_begin(s, m, &x.in, e);

	wanted_platform(&c->platform, &want);
	for (const char *const *i = c->images; r == 0 && adds && *i; i++)
		r = gather_add(&g, *i, e);
	if (r == 0)
		r = change(&x, &g, e);
	if (r == 0)
		*ret = x.id;
	gather_done(&g);
	editing_done(&x);
	return r;
}
