/*
 * docker: a repository of a registry as a sink.  Blobs and the manifests of an index's images can
 * be put at any time, as nothing refers to them; what the location names is put by the commit.
 */
#include <errno.h>
#include <stdlib.h>

#include "blob-locations.h"
#include "fd.h"
#include "reference.h"
#include "registries-conf.h"
#include "registry.h"
#include "signatures.h"
#include "str.h"
#include "transport.h"
#include "upload.h"

#define MOUNT_SOURCES_MAX 8	/* repositories for which a token is to be good */

struct sink_registry {
	struct image_sink base;
	struct store *store;
	struct ctr_reference ref;
	struct http *http;
	struct registry *reg;
	struct blob_locations known;	/* once it is loaded */
	bool known_loaded;
	struct strv mount_from;		/* repositories in the token's scopes */
	bool asked;			/* the scopes are fixed: the first request was made */
	struct uploads uploads;
	struct upload **list;		/* a digest once; owned */
	size_t n;
	struct image_document top;	/* what the location is to name */
};

/* Uploads */

static struct upload *find_upload(struct sink_registry *s, const struct digest *d)
{
	for (size_t i = 0; i < s->n; i++)
		if (digest_eq(&s->list[i]->digest, d))
			return s->list[i];
	return NULL;
}

/* The repository to mount @d from; NULL where none is known, or the token would not be good for it.
 * Looked up late: a source that is of the same registry has told by now what it has. */
static const char *mount_source(struct sink_registry *s, const struct digest *d)
{
	auto_free char *repo = NULL;

	if (!s->known_loaded)
		s->known_loaded = blob_locations_load(s->store, s->reg, &s->known) == 0;
	repo = s->known_loaded ? blob_locations_get(&s->known, d) : NULL;
	if (!repo)
		return NULL;
	if (!strv_has(&s->mount_from, repo) && !s->asked && s->mount_from.n < MOUNT_SOURCES_MAX)
		(void)strv_add(&s->mount_from, repo); /* without it the blob is sent */
	for (size_t i = 0; i < s->mount_from.n; i++)
		if (streq(s->mount_from.items[i], repo))
			return s->mount_from.items[i];
	return NULL;
}

static int add_upload(struct sink_registry *s, const struct image_part *p, struct upload **ret,
		      struct err *e)
{
	struct upload **list, *u = find_upload(s, &p->blob.digest);

	if (!u) {
		list = reallocarray(s->list, s->n + 1, sizeof(struct upload *));
		if (list)
			s->list = list;
		u = calloc(1, sizeof(*u));
		if (!list || !u) {
			free(u);
			return err_sys(e, ENOMEM, "upload a blob");
		}
		s->list[s->n++] = u;
		u->digest = p->blob.digest;
		u->size_bytes = p->blob.size_bytes;
		u->mount_from = mount_source(s, &p->blob.digest);
	}
	u->fd = p->fd;
	u->offset = p->offset;
	u->slot = p->slot;
	*ret = u;
	return 0;
}

/* Before the first request: what its token is to be good for. */
static int fix_scopes(struct sink_registry *s, struct err *e)
{
	if (!s->asked && registry_for_push(s->reg, &s->mount_from) < 0)
		return err_sys(e, ENOMEM, "upload the blobs");
	s->asked = true;
	return 0;
}

static int registry_have(struct image_sink *base, struct image_part *const *parts, size_t n,
			 struct err *e)
{
	struct sink_registry *s = (struct sink_registry *)base;
	auto_free struct upload **list = calloc(n + 1, sizeof(struct upload *));
	int r = list ? 0 : err_sys(e, ENOMEM, "upload the blobs");

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_upload(s, parts[i], &list[i], e);
	if (r == 0)
		r = fix_scopes(s, e);
	if (r == 0)
		r = uploads_find(&s->uploads, list, n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		parts[i]->present = list[i]->state == UPLOAD_THERE;
	return r;
}

/* Documents */

/* The document lives on until the commit. */
static int copy_document(const struct image_document *d, const char *type, struct image_document *ret,
			 struct err *e)
{
	char *data = calloc(1, d->len + 1);

	if (!data)
		return err_sys(e, ENOMEM, "push the manifest");
	memcpy(data, d->data, d->len);
	image_document_done(ret);
	*ret = *d;
	ret->data = data;
	(void)snprintf(ret->media_type, sizeof(ret->media_type), "%s", type);
	return 0;
}

static int put_document(struct sink_registry *s, const struct image_document *d, const char *type,
			bool instance, struct err *e)
{
	if (instance)
		return registry_put_manifest(s->reg, NULL, &d->digest, type, d->data, d->len, e);
	return copy_document(d, type, &s->top, e);
}

static int registry_put_image(struct image_sink *base, const struct image_parts *p, bool instance,
			      struct err *e)
{
	struct sink_registry *s = (struct sink_registry *)base;
	auto_free struct upload **list = calloc(p->n_layers + 1, sizeof(struct upload *));
	int r = list ? 0 : err_sys(e, ENOMEM, "upload the blobs");

	/* the config is short and goes first, so that its connection is free for a layer */
	if (r == 0)
		r = add_upload(s, &p->config, &list[0], e);
	for (size_t i = 0; r == 0 && i < p->n_layers; i++)
		r = add_upload(s, &p->layers[i], &list[i + 1], e);
	if (r == 0)
		r = fix_scopes(s, e);
	if (r == 0)
		r = uploads_send(&s->uploads, list, p->n_layers + 1, e);
	return r < 0 ? r : put_document(s, p->document, p->manifest->media_type, instance, e);
}

static int registry_put_index(struct image_sink *base, const struct image_document *index,
			      struct err *e)
{
	auto_manifest struct manifest m = MANIFEST_INIT;
	int r = manifest_parse(index->data, index->len, index->media_type, &m, e);

	return r < 0 ? r : put_document((struct sink_registry *)base, index, m.media_type, false, e);
}

static int put_signatures(struct image_sink *base, const struct digest *manifest,
			  const struct image_signatures *sigs, struct err *e)
{
	struct sink_registry *s = (struct sink_registry *)base;
	int r = fix_scopes(s, e);

	return r < 0 ? r : registry_put_signatures(s->reg, &s->ref, manifest, sigs, e);
}

static int registry_commit(struct image_sink *base, struct err *e)
{
	struct sink_registry *s = (struct sink_registry *)base;
	const struct image_document *d = &s->top;
	auto_free struct digest *blobs = calloc(s->n + 1, sizeof(*blobs));
	bool by_digest = s->ref.digest.hex[0];
	int r;

	if (!d->data || !blobs)
		return err_sys(e, d->data ? ENOMEM : EINVAL, "push the manifest");
	if (by_digest && !digest_eq(&s->ref.digest, &d->digest))
		return err_set(e, ERR_INVALID, "%s: the image has the digest sha256:%s", base->where->text,
			       d->digest.hex);
	r = registry_put_manifest(s->reg, by_digest ? NULL : s->ref.tag, &d->digest, d->media_type, d->data,
				  d->len, e);
	if (r < 0)
		return err_wrap(e, r, "%s", base->where->text);
	for (size_t i = 0; i < s->n; i++)
		blobs[i] = s->list[i]->digest;
	blob_locations_add(s->store, s->reg, blobs, s->n);
	return 0;
}

static void registry_sink_free(struct image_sink *base)
{
	struct sink_registry *s = (struct sink_registry *)base;

	for (size_t i = 0; i < s->n; i++) {
		upload_done(s->list[i]);
		free(s->list[i]);
	}
	free(s->list);
	image_document_done(&s->top);
	strv_done(&s->mount_from);
	blob_locations_done(&s->known);
	registry_free(s->reg);
	http_free(s->http);
	free(s);
}

static const struct image_sink_ops registry_ops = {
	.have = registry_have,
	.put_image = registry_put_image,
	.put_index = registry_put_index,
	.put_signatures = put_signatures,
	.commit = registry_commit,
	.free = registry_sink_free,
};

/* Opening */

static int parse_ref(const char *text, struct ctr_reference *ret, struct err *e)
{
	struct ctr_reference parsed;
	int r = ctr_reference_parse(text, &parsed, e);

	if (r == 0)
		r = ctr_reference_qualify(&parsed, "docker.io", ret, e);
	if (r == 0)
		ctr_reference_default_tag(ret);
	return r;
}

/* Where registries.conf says that the repository really is.  Mirrors are for pulling. */
static int locate(struct ctr_reference *ref, bool *ret_insecure, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	struct pull_sources sources = PULL_SOURCES_INIT;
	char text[REF_STR_MAX];
	int r = registries_conf_load(&conf, e);

	if (r == 0)
		r = registries_conf_sources(&conf, ctr_reference_str(ref, text), ref->digest.hex[0],
					    &sources, e);
	if (r == 0 && sources.n > 0) {
		const struct pull_source *own = &sources.items[sources.n - 1];

		*ret_insecure = own->insecure;
		r = ctr_reference_parse(own->ref, ref, e);
		if (r == 0 && ctr_reference_is_short(ref))
			r = err_set(e, ERR_INVALID, "registries.conf makes \"%s\" of it, which names no "
				    "registry", own->ref);
	}
	pull_sources_done(&sources);
	return r;
}

static int open_registry(struct sink_registry *s, const struct transport_ctx *ctx, struct err *e)
{
	const struct registry_access *a = ctx->registry;
	struct registry_opts o = {
		.cert_dir = a->cert_dir, .authfile = a->authfile, .creds = a->creds,
		.retries = a->retries, .retry_delay_ms = a->retry_delay_ms,
		.interrupted = ctx->events->interrupted,
	};
	int r = locate(&s->ref, &o.insecure, e);

	if (r < 0)
		return r;
	if (a->have_tls_verify)
		o.insecure = !a->tls_verify;
	r = http_new(&s->http, e);
	return r < 0 ? r : registry_new(s->http, &s->ref, &o, &s->reg, e);
}

int sink_registry_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		       struct image_sink **ret, struct err *e)
{
	struct sink_registry *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_sys(e, ENOMEM, "open the registry");
	s->base = (struct image_sink){ .ops = &registry_ops, .oci = true, .docker = true,
				       .layers = SINK_LAYERS_COMPRESS };
	s->store = ctx->store;
	r = parse_ref(l->ref, &s->ref, e);
	if (r == 0)
		r = open_registry(s, ctx, e);
	if (r < 0) {
		registry_sink_free(&s->base);
		return r;
	}
	s->uploads = (struct uploads){ .reg = s->reg, .events = ctx->events };
	*ret = &s->base;
	return 0;
}
