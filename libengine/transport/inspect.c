/* An image's documents, summed up. */
#include "inspect.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "log.h"
#include "registry-host.h"
#include "str.h"

struct look {
	struct store *store;
	const struct ctr_inspect_opts *o;
	struct image_source *src;
	struct image_document top, chosen;	/* the latter is empty where the former is an image */
	struct manifest m;			/* of the image */
	char *config;
};

static int choose(struct look *k, const json_t *index, struct err *e)
{
	struct ctr_platform want = k->o->platform;
	const json_t *descriptor = NULL;
	const char *text;
	struct digest d;
	int r;

	if (!k->o->have_platform)
		ctr_platform_host(&want);
	r = ctr_platform_choose(index, &want, &descriptor, e);
	if (r < 0)
		return r;
	text = json_string_value(json_object_get(descriptor, "digest"));
	r = digest_parse(text ? text : "", &d, e);
	return r < 0 ? err_wrap(e, r, "index") : k->src->ops->document(k->src, &d, &k->chosen, e);
}

/* The image's manifest, behind an index if there is one. */
static int read_manifest(struct look *k, struct err *e)
{
	auto_manifest struct manifest m = MANIFEST_INIT;
	int r = manifest_parse(k->top.data, k->top.len, k->top.media_type, &m, e);

	if (r == 0 && m.is_index) {
		r = choose(k, m.doc, e);
		manifest_done(&m);
		m = (struct manifest)MANIFEST_INIT;
		if (r == 0)
			r = manifest_parse(k->chosen.data, k->chosen.len, k->chosen.media_type, &m, e);
		if (r == 0 && m.is_index)
			r = err_set(e, ERR_UNSUPPORTED, "an index in an index");
	}
	if (r < 0)
		return r;
	k->m = m;
	m = (struct manifest)MANIFEST_INIT;
	return 0;
}

static int read_config(struct look *k, struct err *e)
{
	struct image_part part = IMAGE_PART_INIT, *list[] = { &part };
	struct stage spool = STAGE_INIT;
	size_t len;
	int r = 0;

	part.blob = k->m.config;
	if (k->src->ops->fetch)
		r = store_stage_new(k->store, &spool, e);
	if (r == 0)
		r = k->src->ops->fetch ? k->src->ops->fetch(k->src, list, 1, spool.fd, e)
				       : k->src->ops->open(k->src, &part, e);
	if (r == 0)
		r = image_part_read_all(&part, LAYOUT_CONFIG_MAX_BYTES, &k->config, &len, e);
	image_part_done(&part);
	if (spool.fd >= 0)
		(void)store_stage_drop(k->store, &spool, NULL, NULL); /* what stays is collected later */
	return r;
}

/* The summary */

static json_t *repo_tags(struct look *k, const struct ctr_reference *ref)
{
	auto_strv struct strv tags = STRV_INIT;
	struct err why = ERR_INIT;

	/* some let images be pulled, but tags be listed by members only */
	if (ref && !k->o->no_tags &&
	    registry_tags(ref, REGISTRY_TAGS_MAX, &k->o->access, k->o->events.interrupted, &tags, &why) < 0)
		log_warn("%s", why.text);
	return json_from_strv(&tags);
}

static int add_layers(struct look *k, json_t *out)
{
	json_t *digests = json_array(), *data = json_array();
	const json_t *layers = json_object_get(k->m.doc, "layers");
	int r = 0;

	for (size_t i = 0; i < k->m.n_layers; i++) {
		const struct manifest_blob *b = &k->m.layers[i];
		const json_t *notes = json_object_get(json_array_get(layers, i), "annotations");
		auto_free char *digest = str_printf("sha256:%s", b->digest.hex);

		if (!digest || json_array_append_new(digests, json_string(digest)) < 0 ||
		    json_array_append_new(data, json_pack("{s:s?, s:s, s:I, s:O?}", "MIMEType", b->media_type,
							  "Digest", digest, "Size", (json_int_t)b->size_bytes,
							  "Annotations", notes)) < 0)
			r = -ENOMEM;
	}
	if (json_object_set_new(out, "Layers", digests) < 0)
		r = -ENOMEM;
	return json_object_set_new(out, "LayersData", data) < 0 ? -ENOMEM : r;
}

/* @value of the config under @key: what is not there is null, or "" for strings. */
static int add_member(json_t *out, const char *key, const json_t *value, bool string)
{
	json_t *v = json_incref((json_t *)(uintptr_t)value);

	if (!v)
		v = string ? json_string("") : json_null();
	return json_object_set_new(out, key, v) < 0 ? -ENOMEM : 0;
}

static int add_config(json_t *out, const json_t *config)
{
	const json_t *run = json_object_get(config, "config"), *created = json_object_get(config, "created");
	int r = json_is_string(created) ? add_member(out, "Created", created, true) : 0;

	if (r == 0)
		r = add_member(out, "DockerVersion", json_object_get(config, "docker_version"), true);
	if (r == 0)
		r = add_member(out, "Labels", json_object_get(run, "Labels"), false);
	if (r == 0)
		r = add_member(out, "Architecture", json_object_get(config, "architecture"), true);
	if (r == 0 && json_object_get(config, "variant"))
		r = add_member(out, "Variant", json_object_get(config, "variant"), true);
	return r < 0 ? r : add_member(out, "Os", json_object_get(config, "os"), true);
}

static int sum_up(struct look *k, const struct ctr_reference *ref, char **ret, struct err *e)
{
	auto_json json_t *config = NULL, *out = json_object();
	char name[REF_STR_MAX], digest[DIGEST_STR_MAX];
	int r = json_parse(k->config, strlen(k->config), LAYOUT_CONFIG_MAX_BYTES, "config", &config, e);

	if (r < 0)
		return r;
	(void)snprintf(digest, sizeof(digest), "sha256:%s", k->top.digest.hex);
	if (ref)
		r = json_object_set_new(out, "Name", json_string(ctr_reference_name(ref, name)));
	if (r == 0)
		r = json_object_set_new(out, "Digest", json_string(digest));
	if (r == 0)
		r = json_object_set_new(out, "RepoTags", repo_tags(k, ref));
	if (r == 0)
		r = add_config(out, config);
	if (r == 0)
		r = add_layers(k, out);
	if (r == 0)
		r = add_member(out, "Env", json_object_get(json_object_get(config, "config"), "Env"), false);
	*ret = r == 0 ? json_dumps(out, JSON_INDENT(4)) : NULL;
	return *ret ? 0 : err_sys(e, ENOMEM, "inspect");
}

/* All */

static int copy_text(const char *data, size_t len, char **ret, struct err *e)
{
	*ret = strndup(data, len);
	return *ret ? 0 : err_sys(e, ENOMEM, "inspect");
}

static int look_at(struct look *k, const struct ctr_location *l, char **ret, struct err *e)
{
	struct ctr_reference ref;
	bool named = false;
	int r = k->src->ops->document(k->src, NULL, &k->top, e);

	if (r == 0 && k->o->what == INSPECT_MANIFEST)
		return copy_text(k->top.data, k->top.len, ret, e);
	if (r == 0 && l->transport == TRANSPORT_DOCKER) {
		r = ctr_reference_parse(l->ref, &ref, e);
		if (r == 0 && ctr_reference_is_short(&ref))
			r = ctr_reference_qualify(&ref, "docker.io", &ref, e);
		named = true;
	}
	if (r == 0)
		r = read_manifest(k, e);
	if (r == 0)
		r = read_config(k, e);
	if (r < 0)
		return r;
	if (k->o->what == INSPECT_CONFIG)
		return copy_text(k->config, strlen(k->config), ret, e);
	return sum_up(k, named ? &ref : NULL, ret, e);
}

int ctr_inspect_location(struct store *s, const struct ctr_location *l, const struct ctr_inspect_opts *o,
			 char **ret, struct err *e)
{
	const struct transport_ctx ctx = { .store = s, .registry = &o->access, .events = &o->events,
					   .platform = o->have_platform ? &o->platform : NULL };
	struct look k = { .store = s, .o = o, .top = IMAGE_DOCUMENT_INIT, .chosen = IMAGE_DOCUMENT_INIT,
			  .m = MANIFEST_INIT };
	int r = image_source_open(l, &ctx, &k.src, e);

	if (r == 0)
		r = look_at(&k, l, ret, e);
	image_source_free(k.src);
	image_document_done(&k.top);
	image_document_done(&k.chosen);
	manifest_done(&k.m);
	free(k.config);
	return r < 0 ? err_wrap(e, r, "inspect %s", l->text) : 0;
}
