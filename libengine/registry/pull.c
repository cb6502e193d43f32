/* Pulling an image. */
#include "pull.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "blob-locations.h"
#include "fd.h"
#include "image-in.h"
#include "json.h"
#include "layer.h"
#include "layout.h"
#include "log.h"
#include "lookup.h"
#include "manifest.h"
#include "policy.h"
#include "pull-layers.h"
#include "registries-conf.h"
#include "registry.h"
#include "signatures.h"
#include "str.h"

#define WAIT_STEP_MS 40		/* so often is looked whether another process is done */

struct pull {
	struct store *store;
	const struct idmap *idmap;
	const struct ctr_pull_opts *opts;
	struct http *http;
	struct policy policy;		/* which images are allowed */
	struct digest manifest;		/* of the image (of an index: of what was chosen) */
	bool rejected;			/* by the policy: no other source will do better */
	struct digest id;		/* of the image, once it is here */
	bool all_anew;			/* parts of other blobs are not taken */
};

__attribute__((format(printf, 2, 3)))
static void say(const struct pull *p, const char *fmt, ...)
{
	const struct ctr_pull_events *ev = &p->opts->events;
	char text[1200];
	va_list ap;

	if (!ev->message)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* a cut message is better than none */
	va_end(ap);
	ev->message(ev->arg, text);
}

/* One manifest */

struct received {
	char *buf;
	size_t len;
	char type[128];
	struct digest digest;
	struct manifest m;
};

static void received_done(struct received *x)
{
	free(x->buf);
	manifest_done(&x->m);
	*x = (struct received){ 0 };
}
#define auto_received __attribute__((cleanup(received_done)))

static int get_manifest(struct registry *reg, const char *tag, const struct digest *digest,
			struct received *x, struct err *e)
{
	int r = registry_manifest(reg, tag, digest, &x->buf, &x->len, x->type, &x->digest, e);

	return r < 0 ? r : manifest_parse(x->buf, x->len, x->type, &x->m, e);
}

/* A blob may be missing where `system check` found it damaged. */
static bool have_blobs(struct store *s, const struct image_record *rec)
{
	auto_json json_t *doc = NULL;
	const json_t *layers;
	bool all = layout_blob_json(s, &rec->manifest, LAYOUT_MANIFEST_MAX_BYTES, &doc, NULL) == 0;
	auto_close int config = all ? layout_blob_open(s, &rec->config, NULL) : FD_NONE;

	layers = json_object_get(doc, "layers");
	all = all && config >= 0;
	for (size_t i = 0; all && !rec->no_blobs && i < json_array_size(layers); i++) {
		const char *text = json_string_value(json_object_get(json_array_get(layers, i), "digest"));
		struct digest d;
		int fd = text && digest_parse(text, &d, NULL) == 0 ? layout_blob_open(s, &d, NULL) : -ENOENT;

		all = fd >= 0;
		(void)fd_close(fd);
	}
	return all;
}

/* Is exactly this manifest here under this name, with all its layers?  Then *@ret_id is set. */
static bool have_it(struct store *s, const char *ref, const struct digest *manifest,
		    struct digest *ret_id)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	struct image_record rec = IMAGE_RECORD_INIT;
	bool named = false, all;

	if (layout_read(s, &x, NULL) < 0)
		return false;
	for (size_t i = 0; i < x.n; i++)
		named |= x.entries[i].ref && streq(x.entries[i].ref, ref) &&
			 digest_eq(&x.entries[i].manifest, manifest);
	if (!named || image_record_read(s, manifest, &rec, NULL) < 0)
		return false;
	all = have_blobs(s, &rec);
	for (size_t i = 0; i < rec.layers.n; i++)
		all = all && layer_exists(s, rec.layers.items[i]) == 1 &&
		      !layer_is_damaged(s, rec.layers.items[i]);
	*ret_id = rec.config;
	image_record_done(&rec);
	return all;
}

static void host_platform(const struct ctr_pull_opts *o, struct ctr_platform *ret)
{
	if (o->have_platform)
		*ret = o->platform;
	else
		ctr_platform_host(ret);
}

/* Replace the index in @x by the manifest of the wanted platform.  1: that one is here already. */
static int choose_from_index(struct pull *p, struct registry *reg, const char *ref,
			     struct received *x, struct err *e)
{
	auto_received struct received chosen = { 0 };
	const json_t *desc = NULL;
	struct ctr_platform want;
	struct digest digest;
	const char *s;
	int r;

	host_platform(p->opts, &want);
	r = ctr_platform_choose(x->m.doc, &want, &desc, e);
	if (r < 0)
		return r;
	s = json_string_value(json_object_get(desc, "digest"));
	r = digest_parse(s ? s : "", &digest, e);
	if (r < 0)
		return err_wrap(e, r, "index");
	p->manifest = digest;
	if (have_it(p->store, ref, &digest, &p->id))
		return 1;
	r = get_manifest(reg, NULL, &digest, &chosen, e);
	if (r < 0)
		return r;
	if (chosen.m.is_index)
		return err_set(e, ERR_UNSUPPORTED, "index sha256:%s: what it has for %s/%s is an index again",
			       x->digest.hex, want.os, want.arch);
	received_done(x);
	*x = chosen;
	chosen = (struct received){ 0 };
	return 0;
}

/* The config */

static void warn_platform(const struct pull *p, const char *config, size_t len)
{
	auto_json json_t *j = json_loadb(config, len, 0, NULL);
	const char *os = json_string_value(json_object_get(j, "os"));
	const char *arch = json_string_value(json_object_get(j, "architecture"));
	struct ctr_platform want;

	host_platform(p->opts, &want);
	if (os && arch && *os && *arch && (!streq(os, want.os) || !streq(arch, want.arch)))
		log_warn("image platform (%.40s/%.40s) does not match the expected platform (%s/%s)", os,
			 arch, want.os, want.arch);
}

static int nap(const struct pull *p, struct err *e)
{
	const struct ctr_pull_events *ev = &p->opts->events;

	(void)poll(NULL, 0, WAIT_STEP_MS);
	if (ev->tick)
		ev->tick(ev->arg);
	return ev->interrupted ? ev->interrupted(e) : 0;
}

/* The bytes of a blob that another process fetched a moment ago. */
static int read_config(struct image_in *in, const struct image_in_blob *b, char **ret, struct err *e)
{
	auto_close int fd = image_in_blob_open(in, &b->digest, e);
	size_t len;
	int r = fd < 0 ? fd : fd_read_file(fd, LAYOUT_CONFIG_MAX_BYTES, ret, &len);

	if (r < 0 && fd >= 0)
		return err_sys(e, r, "read blob %.12s", b->digest.hex);
	return r;
}

static int fetch_config(struct pull *p, struct registry *reg, struct image_in *in,
			struct image_in_blob *blob, struct err *e)
{
	auto_free char *buf = NULL;
	struct digest got;
	int r;

	if (blob->partial.complete) {
		r = read_config(in, blob, &buf, e);
		if (r == 0)
			r = digest_of(buf, blob->size_bytes, &got, e);
		if (r == 0 && !digest_eq(&got, &blob->digest)) {
			image_in_reject(in, blob);
			r = err_set(e, ERR_CORRUPT, "config %.12s has the digest %.12s", blob->digest.hex, got.hex);
		}
	} else {
		r = registry_small_blob(reg, &blob->digest, blob->size_bytes, &buf, e);
		blob->partial.n = 0; /* it is small: whatever is there of it is written again */
		if (r == 0)
			r = partial_add_piece(&blob->partial, 0);
		if (r == 0)
			r = partial_write(&blob->partial, 0, buf, blob->size_bytes, e);
	}
	if (r == 0)
		r = image_in_fetched(in, blob, e);
	if (r == 0)
		warn_platform(p, buf, blob->size_bytes);
	return r;
}

static int get_config(struct pull *p, struct registry *reg, struct image_in *in,
		      const struct manifest *m, struct err *e)
{
	const struct ctr_pull_events *ev = &p->opts->events;
	const struct manifest_blob *d = &m->config;
	struct image_in_blob *blob = NULL;
	int r = image_in_announce(in, &d->digest, d->size_bytes, &blob, e);

	if (r < 0)
		return r;
	if (ev->blob)
		ev->blob(ev->arg, 0, "config", &d->digest, d->size_bytes, r == 1);
	while ((r = image_in_fetch(in, &d->digest, d->size_bytes, &blob, e)) == -EAGAIN) {
		r = nap(p, e);
		if (r < 0)
			return r;
	}
	if (r == 0) {
		r = fetch_config(p, reg, in, blob, e);
		if (r == 0 && ev->progress)
			ev->progress(ev->arg, 0, d->size_bytes);
	}
	return r < 0 ? r : image_in_config(in, &d->digest, m->n_layers, e);
}

/* One source */

/* *@ret_again: something that was here already was to blame, and is gone. */
static int bring_in(struct pull *p, struct registry *reg, const struct received *x, const char *ref,
		    bool *ret_again, struct err *e)
{
	struct image_in in = IMAGE_IN_INIT;
	struct digest manifest;
	int r = image_in_begin(p->store, p->idmap, &in, e);

	if (r == 0)
		r = image_in_json(&in, x->buf, x->len, &x->digest, &manifest, e);
	if (r == 0)
		r = get_config(p, reg, &in, &x->m, e);
	if (r == 0)
		r = pull_layers(reg, &in, &x->m, 1, &p->opts->events, !p->all_anew, e);
	if (r == 0 && p->opts->events.interrupted)
		r = p->opts->events.interrupted(e);
	if (r == 0) {
		say(p, "Writing manifest to image destination");
		r = image_in_commit(&in, ref, &x->digest, x->m.media_type, e);
	}
	if (r == 0) {
		p->id = x->m.config.digest;
		blob_locations_add_image(p->store, reg, &x->m);
	}
	in.no_room = r == -ENOSPC || r == -EDQUOT;
	*ret_again = in.reused && (r == err_kind_errno(ERR_CORRUPT) || r == err_kind_errno(ERR_LIMIT));
	image_in_abort(&in);
	return r < 0 ? r : 0;
}

/* The whole image, by one process at a time: whoever waited finds it here. */
static int bring_in_alone(struct pull *p, struct registry *reg, const struct received *x,
			  const char *ref, struct err *e)
{
	auto_close int dir = partial_dir(p->store, e);
	bool waited = false, again = false;
	int lock, r = 0;

	if (dir < 0)
		return dir;
	while ((lock = partial_image_lock(dir, &x->digest, e)) == -EWOULDBLOCK) {
		if (!waited)
			say(p, "Waiting for another pull of this image");
		waited = true;
		r = nap(p, e);
		if (r < 0)
			return r;
	}
	if (lock < 0)
		return lock;
	if (!waited || !have_it(p->store, ref, &x->digest, &p->id)) {
		r = bring_in(p, reg, x, ref, &again, e);
		if (r < 0 && again) {
			log_info("image %.12s: %s; trying again without what was here", x->digest.hex,
				 e ? e->text : "");
			if (p->opts->events.restart)
				p->opts->events.restart(p->opts->events.arg);
			if (e)
				*e = (struct err)ERR_INIT;
			p->all_anew = true;
			r = bring_in(p, reg, x, ref, &again, e);
			p->all_anew = false;
		}
	}
	partial_image_unlock(dir, &x->digest, lock);
	return r;
}

static int pull_manifest(struct pull *p, struct registry *reg, const struct ctr_reference *src,
			 const char *ref, struct received *x, struct err *e)
{
	bool by_digest = src->digest.hex[0];
	char name[REF_STR_MAX], full[REF_STR_MAX];
	int r = get_manifest(reg, by_digest ? NULL : src->tag, by_digest ? &src->digest : NULL, x, e);

	p->manifest = x->digest;
	if (r == 0 && x->m.is_index)
		r = choose_from_index(p, reg, ref, x, e);
	else if (r == 0 && have_it(p->store, ref, &x->digest, &p->id))
		r = 1;
	if (r < 0)
		return err_wrap(e, r, "initializing source docker://%s: reading manifest %s%s in %s",
				ctr_reference_str(src, full), by_digest ? "sha256:" : "",
				by_digest ? src->digest.hex : src->tag, ctr_reference_name(src, name));
	return r;
}

/* The policy's word on what was found, before anything of it is fetched; also when it is here
 * already, as it may have come under another policy. */
static int check_trust(struct pull *p, struct registry *reg, const struct ctr_reference *src,
		       const char *ref, struct err *e)
{
	struct ctr_reference full;
	int r = ctr_reference_parse(ref, &full, e);

	if (r == 0) {
		r = registry_trust(p->store, &p->policy, reg, src, &full, &p->manifest, e);
		p->rejected = r < 0;
	}
	return r;
}

static int pull_from(struct pull *p, const struct pull_source *source, const char *ref, struct err *e)
{
	const struct ctr_pull_opts *o = p->opts;
	const struct registry_access *a = &o->registry;
	const struct registry_opts ro = {
		.insecure = a->have_tls_verify ? !a->tls_verify : source->insecure,
		.cert_dir = a->cert_dir, .authfile = a->authfile, .creds = a->creds,
		.retries = a->retries, .retry_delay_ms = a->retry_delay_ms,
		.interrupted = o->events.interrupted,
	};
	auto_received struct received x = { 0 };
	struct registry *reg = NULL;
	struct ctr_reference src;
	int r = ctr_reference_parse(source->ref, &src, e);

	if (r == 0 && ctr_reference_is_short(&src))
		r = err_set(e, ERR_INVALID, "registries.conf makes \"%s\" of it, which names no registry",
			    source->ref);
	if (r < 0)
		return r;
	r = registry_new(p->http, &src, &ro, &reg, e);
	if (r == 0)
		r = pull_manifest(p, reg, &src, ref, &x, e);
	if (r >= 0) {
		bool here = r > 0;

		if (!here)
			say(p, "Getting image source signatures");
		r = check_trust(p, reg, &src, ref, e);
		if (r == 0 && !here)
			r = bring_in_alone(p, reg, &x, ref, e);
	}
	registry_free(reg);
	return r < 0 ? r : 0;
}

/* Interrupted, or out of something here: no other source will do better. */
static bool is_final(int r)
{
	return r == -EINTR || r == -ENOSPC || r == -EDQUOT || r == -ENOMEM || r == -EROFS;
}

/* What no signature could mend is refused before the registry is asked. */
static int check_scope(const struct pull *p, const char *ref, struct err *e)
{
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	const struct policy_subject s = { .transport = "docker", .ref = ref };
	int r = policy_find(&p->policy, &s, &l, e);

	return r < 0 ? r : policy_refuses(&p->policy, &s, &l, e);
}

/* The sources of one reference in turn: mirrors, then the registry itself. */
static int pull_reference(struct pull *p, const struct registries_conf *conf,
			  const struct ctr_reference *full, struct err *e)
{
	struct pull_sources sources = PULL_SOURCES_INIT;
	char ref[REF_STR_MAX];
	int r;

	(void)ctr_reference_str(full, ref);
	say(p, "Trying to pull %s...", ref);
	p->rejected = false;
	r = check_scope(p, ref, e);
	if (r == 0)
		r = registries_conf_sources(conf, ref, full->digest.hex[0], &sources, e);
	for (size_t i = 0; r == 0 && i < sources.n; i++) {
		if (e)
			*e = (struct err)ERR_INIT;
		r = pull_from(p, &sources.items[i], ref, e);
		if (r == 0 || is_final(r) || p->rejected || i + 1 == sources.n)
			break;
		log_info("%s: %s; trying the next source", sources.items[i].ref, e ? e->text : "");
		if (p->opts->events.restart)
			p->opts->events.restart(p->opts->events.arg);
		r = 0;
	}
	pull_sources_done(&sources);
	return r;
}

/* Names */

/* What the user's text means here: the name under which it is stored already, if it is. */
static int resolve_name(struct pull *p, const char *name, struct ctr_reference *ret, struct err *e)
{
	auto_image_found struct ctr_image_found local = CTR_IMAGE_FOUND_INIT;
	struct ctr_reference stored;
	const char *rest = str_after(name, "docker://");
	bool hub = rest;
	int r;

	name = rest ? rest : name;
	r = ctr_reference_parse(name, ret, e);
	if (r < 0)
		return r;
	if (ret->digest.hex[0])
		ret->tag[0] = '\0';
	if (!ctr_reference_is_short(ret))
		return 0;
	if (hub)
		return ctr_reference_qualify(ret, "docker.io", ret, e);
	/* localhost/NAME is pulled again from where its name says, not from a search registry */
	if (ctr_image_lookup(p->store, name, &local, NULL) == 0 && !local.by_id &&
	    ctr_reference_parse(local.name, &stored, NULL) == 0 && !ctr_reference_is_short(&stored)) {
		memcpy(ret->domain, stored.domain, sizeof(ret->domain));
		memcpy(ret->path, stored.path, sizeof(ret->path));
	}
	return 0;
}

static int choose(struct pull *p, const struct registries_conf *conf, struct ctr_candidates *c,
		  bool *ret_asked, struct err *e)
{
	const struct ctr_pull_events *ev = &p->opts->events;
	size_t i = 0;
	int r;

	*ret_asked = false;
	if (c->n < 2 || !ev->choose || conf->mode == SHORT_NAME_DISABLED)
		return 0;
	r = ev->choose(ev->arg, c, &i, e);
	if (r < 0)
		return r;
	c->items[0] = c->items[i];
	c->n = 1;
	*ret_asked = true;
	return 0;
}

static int pull_candidates(struct pull *p, const struct registries_conf *conf,
			   const struct ctr_candidates *c, struct err *e)
{
	auto_strbuf struct strbuf all = STRBUF_INIT;
	int r = -ENOENT;

	for (size_t i = 0; i < c->n; i++) {
		struct err one = ERR_INIT;

		r = pull_reference(p, conf, &c->items[i], &one);
		if (r == 0)
			return 0;
		if (e)
			*e = one;
		if (is_final(r) || c->n == 1)
			return r;
		strbuf_addf(&all, "%s%s", i ? "; " : "", one.text);
		if (p->opts->events.restart)
			p->opts->events.restart(p->opts->events.arg);
	}
	if (!all.failed && all.data)
		r = err_set(e, e ? e->kind : ERR_REMOTE, "%zu errors occurred while pulling: %s", c->n,
			    all.data);
	return r;
}

static int pull_name(struct pull *p, const char *name, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	auto_candidates struct ctr_candidates c = CTR_CANDIDATES_INIT;
	struct ctr_reference ref;
	char value[REF_STR_MAX];
	bool asked = false;
	int r = resolve_name(p, name, &ref, e);

	if (r == 0)
		r = registries_conf_load(&conf, e);
	if (r == 0)
		r = ctr_shortname_pull(&conf, &ref, p->opts->events.choose, &c, e);
	if (r == 0 && c.alias_origin)
		say(p, "Resolved \"%s\" as an alias (%s)", ref.path, c.alias_origin);
	if (r == 0)
		r = choose(p, &conf, &c, &asked, e);
	if (r == 0)
		r = pull_candidates(p, &conf, &c, e);
	if (r == 0 && asked) {
		struct err why = ERR_INIT;

		if (registries_conf_record_alias(ref.path, ctr_reference_name(&c.items[0], value), &why) < 0)
			log_warn("the choice is not remembered: %s", why.text);
	}
	return r;
}

int ctr_pull(struct store *s, const struct idmap *m, const char *name, const struct ctr_pull_opts *o,
	     struct digest *ret_id, struct err *e)
{
	struct pull p = { .store = s, .idmap = m, .opts = o };
	struct err old = ERR_INIT;
	int r;

	if (partial_collect(s, false, &old) < 0)
		log_warn("cannot remove what earlier pulls left: %s", old.text);
	r = http_new(&p.http, e);

	if (r < 0)
		return r;
	r = policy_load(NULL, &p.policy, e);
	if (r == 0)
		r = pull_name(&p, name, e);
	policy_done(&p.policy);
	http_free(p.http);
	if (r == 0)
		*ret_id = p.id;
	return r;
}
