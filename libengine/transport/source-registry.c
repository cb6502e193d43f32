/*
 * docker://REF as a source: the sources that registries.conf has for it in turn, the first that
 * answers is kept; blobs are fetched side by side into files without names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "blob-locations.h"
#include "blob.h"
#include "fd.h"
#include "layout.h"
#include "log.h"
#include "path.h"
#include "reference.h"
#include "registries-conf.h"
#include "registry.h"
#include "signatures.h"
#include "transport.h"

#define AT_ONCE 6
#define STEP_MS 250	/* so often is a signal noticed at the latest */

struct source_registry {
	struct image_source base;
	struct http *http;
	struct registry *reg;		/* NULL until one has answered */
	struct ctr_reference ref;	/* as the user means it */
	struct ctr_reference from;	/* where @reg has it */
	struct pull_sources sources;
};

static int connect_to(struct source_registry *s, const struct pull_source *from, struct registry **ret,
		      struct ctr_reference *ret_ref, struct err *e)
{
	const struct registry_access *a = s->base.ctx->registry;
	const struct registry_opts o = {
		.insecure = a->have_tls_verify ? !a->tls_verify : from->insecure,
		.cert_dir = a->cert_dir, .authfile = a->authfile, .creds = a->creds,
		.retries = a->retries, .retry_delay_ms = a->retry_delay_ms,
		.interrupted = s->base.ctx->events->interrupted,
	};
	int r = ctr_reference_parse(from->ref, ret_ref, e);

	if (r == 0 && ctr_reference_is_short(ret_ref))
		r = err_set(e, ERR_INVALID, "registries.conf makes \"%s\" of it, which names no registry",
			    from->ref);
	return r < 0 ? r : registry_new(s->http, ret_ref, &o, ret, e);
}

static int get_document(struct registry *reg, const char *tag, const struct digest *d,
			struct image_document *ret, struct err *e)
{
	char type[128], *buf = NULL;
	struct digest digest;
	size_t len;
	int r = registry_manifest(reg, tag, d, &buf, &len, type, &digest, e);

	return r < 0 ? r : image_document_take(buf, len, type, &digest, ret, e);
}

/* The document that the location names, from the first source that has it. */
static int top_document(struct source_registry *s, struct image_document *ret, struct err *e)
{
	int r = -ENOENT;

	for (size_t i = 0; r < 0 && i < s->sources.n; i++) {
		struct registry *reg = NULL;
		struct ctr_reference ref;
		bool by_digest;

		if (e)
			*e = (struct err)ERR_INIT;
		r = connect_to(s, &s->sources.items[i], &reg, &ref, e);
		by_digest = r == 0 && ref.digest.hex[0];
		if (r == 0)
			r = get_document(reg, by_digest ? NULL : ref.tag, by_digest ? &ref.digest : NULL, ret,
					 e);
		if (r == 0) {
			s->reg = reg;
			s->from = ref;
			break;
		}
		registry_free(reg);
		if (r == -EINTR)
			break;
		if (i + 1 < s->sources.n)
			log_info("%s: %s; trying the next source", s->sources.items[i].ref, e ? e->text : "");
	}
	return r;
}

/* So that a sink of the same registry can have the blobs mounted. */
static void tell_locations(const struct source_registry *s, const struct image_document *d)
{
	auto_manifest struct manifest m = MANIFEST_INIT;

	if (manifest_parse(d->data, d->len, d->media_type, &m, NULL) == 0)
		blob_locations_add_image(s->base.ctx->store, s->reg, &m);
}

static int registry_document(struct image_source *base, const struct digest *d,
			     struct image_document *ret, struct err *e)
{
	struct source_registry *s = (struct source_registry *)base;
	int r = d ? get_document(s->reg, NULL, d, ret, e) : top_document(s, ret, e);

	if (r == 0)
		tell_locations(s, ret);
	return r;
}

/* Blobs */

struct fetch {
	struct source_registry *s;
	size_t n_running;
	int result;		/* of the first that failed */
	struct err err;
};

struct item {
	struct registry_get get;
	struct blob_writer writer;
	struct image_part *part;
	struct fetch *f;
};

static int on_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct item *it = arg;
	const struct ctr_pull_events *ev = it->f->s->base.ctx->events;
	int r = blob_write(&it->writer, data, len, e);

	if (r == 0 && ev->progress)
		ev->progress(ev->arg, it->part->slot, it->writer.written);
	return r;
}

/* Whole and verified: it lives on as a descriptor. */
static int keep(struct item *it, int spool_fd, struct err *e)
{
	int r = blob_finish(&it->writer, e);

	if (r < 0)
		return r;
	it->part->fd = path_open_beneath(spool_fd, it->writer.name, O_RDONLY);
	(void)unlinkat(spool_fd, it->writer.name, 0); /* the spool goes at the end, with what is in it */
	return it->part->fd < 0 ? err_sys(e, it->part->fd, "open what was fetched") : 0;
}

static void on_done(struct registry_get *g, int r)
{
	struct item *it = g->arg;
	struct fetch *f = it->f;

	f->n_running--;
	if (r == 0)
		r = keep(it, it->writer.dir_fd, &g->err);
	if (r < 0 && f->result == 0) {
		f->result = err_wrap(&g->err, r, "blob sha256:%s", it->part->blob.digest.hex);
		f->err = g->err;
	}
}

static int start(struct fetch *f, struct item *it, struct image_part *p, int spool_fd, struct err *e)
{
	char path[DIGEST_STR_MAX + 10];
	int r;

	*it = (struct item){ .writer = BLOB_WRITER_INIT, .part = p, .f = f };
	it->get = (struct registry_get){
		.max_bytes = p->blob.size_bytes, .expect_bytes = p->blob.size_bytes,
		.body = on_body, .done = on_done, .arg = it,
	};
	r = blob_new(spool_fd, &p->blob.digest, p->blob.size_bytes, &it->writer, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "blobs/sha256:%s", p->blob.digest.hex);
	f->n_running++;
	return registry_get_start(f->s->reg, &it->get, path, e);
}

static int step(struct fetch *f, struct err *e)
{
	const struct ctr_pull_events *ev = f->s->base.ctx->events;
	int r = http_step(f->s->http, NULL, 0, STEP_MS, e);

	if (r == 0 && ev->interrupted)
		r = ev->interrupted(e);
	if (r == 0 && ev->tick)
		ev->tick(ev->arg);
	return r;
}

static int registry_fetch(struct image_source *base, struct image_part *const *parts, size_t n,
			  int spool_fd, struct err *e)
{
	struct fetch f = { .s = (struct source_registry *)base, .err = ERR_INIT };
	struct item *items = calloc(n + 1, sizeof(*items));
	size_t begun = 0, next = 0;
	int r = items ? 0 : err_sys(e, ENOMEM, "fetch the blobs");

	while (r == 0 && f.result == 0 && (f.n_running || next < n)) {
		while (r == 0 && next < n && f.n_running < AT_ONCE) {
			struct image_part *p = parts[next++];

			if (!p->present && p->fd < 0)
				r = start(&f, &items[begun++], p, spool_fd, e);
		}
		if (r == 0 && f.n_running)
			r = step(&f, e);
	}
	for (size_t i = 0; i < begun; i++) {
		registry_get_done(&items[i].get);
		blob_done(&items[i].writer);
	}
	free(items);
	if (r == 0 && f.result < 0) {
		r = f.result;
		if (e)
			*e = f.err;
	}
	return r;
}

static void registry_source_free(struct image_source *base)
{
	struct source_registry *s = (struct source_registry *)base;

	registry_free(s->reg);
	http_free(s->http);
	pull_sources_done(&s->sources);
	free(s);
}

static int get_signatures(struct image_source *base, const struct digest *manifest,
			  struct image_signatures *ret, struct err *e)
{
	struct source_registry *s = (struct source_registry *)base;

	return registry_signatures(s->reg, &s->from, manifest, ret, e);
}

static const struct image_source_ops registry_ops = {
	.signatures = get_signatures,
	.document = registry_document,
	.fetch = registry_fetch,
	.free = registry_source_free,
};

static int read_name(struct source_registry *s, const char *text, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	char full[REF_STR_MAX];
	int r = ctr_reference_parse(text, &s->ref, e);

	if (r == 0)
		r = ctr_reference_qualify(&s->ref, "docker.io", &s->ref, e);
	if (r < 0)
		return r;
	ctr_reference_default_tag(&s->ref);
	if (s->ref.digest.hex[0])
		s->ref.tag[0] = '\0';
	r = registries_conf_load(&conf, e);
	if (r == 0)
		r = registries_conf_sources(&conf, ctr_reference_str(&s->ref, full),
					    s->ref.digest.hex[0], &s->sources, e);
	if (r == 0 && strv_add(&s->base.names, full) < 0)
		r = err_sys(e, ENOMEM, "read the name %s", text);
	return r;
}

int source_registry_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			 struct image_source **ret, struct err *e)
{
	struct source_registry *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_sys(e, ENOMEM, "open the registry");
	(void)ctx;
	s->base.ops = &registry_ops;
	r = read_name(s, l->ref, e);
	if (r == 0)
		r = http_new(&s->http, e);
	if (r < 0) {
		image_source_free(&s->base);
		return r;
	}
	*ret = &s->base;
	return 0;
}
