/* Signing images in registries, see sign-image.h. */
#include "sign-image.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "lookaside.h"
#include "path.h"
#include "registries-d.h"

struct job {
	const struct ctr_sign_opts *o;
	struct image_source *src;
	char reference[REF_STR_MAX];	/* what is signed for */
	char *base;			/* of the signatures */
};

static int sign_one(struct job *j, const struct digest *d, struct err *e)
{
	auto_image_signatures struct image_signatures sigs = IMAGE_SIGNATURES_INIT;
	int r = trust_sign(&j->o->signers, j->reference, d, &sigs, e);

	for (size_t i = 0; r == 0 && i < sigs.n; i++)
		r = lookaside_add(j->base, d, &sigs.items[i], e);
	return r;
}

static int entry_digest(const json_t *descriptor, struct digest *ret, struct err *e)
{
	const char *text = json_string_value(json_object_get(descriptor, "digest"));
	int r = digest_parse(text ? text : "", ret, e);

	return r < 0 ? err_wrap(e, r, "index") : 0;
}

static int sign_index(struct job *j, const struct image_document *d, const struct manifest *m,
		      struct err *e)
{
	const json_t *list = json_object_get(m->doc, "manifests"), *descriptor = NULL;
	struct ctr_platform host;
	struct digest one;
	int r = 0;

	if (!j->o->all) {
		ctr_platform_host(&host);
		r = ctr_platform_choose(m->doc, &host, &descriptor, e);
		if (r == 0)
			r = entry_digest(descriptor, &one, e);
		return r < 0 ? r : sign_one(j, &one, e);
	}
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		r = entry_digest(json_array_get(list, i), &one, e);
		if (r == 0)
			r = sign_one(j, &one, e);
	}
	return r < 0 ? r : sign_one(j, &d->digest, e);
}

static int sign_source(struct job *j, struct err *e)
{
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	int r = j->src->ops->document(j->src, NULL, &d, e);

	if (r == 0)
		r = manifest_parse(d.data, d.len, d.media_type, &m, e);
	if (r < 0)
		return r;
	return m.is_index ? sign_index(j, &d, &m, e) : sign_one(j, &d.digest, e);
}

/* The full name, and where its signatures go. */
static int find_places(struct job *j, const struct ctr_location *l, struct err *e)
{
	auto_registries_d struct registries_d conf = REGISTRIES_D_INIT;
	auto_free char *dir = NULL;
	struct ctr_reference ref;
	int r = ctr_reference_parse(l->ref, &ref, e);

	if (r == 0 && ctr_reference_is_short(&ref))
		r = ctr_reference_qualify(&ref, "docker.io", &ref, e);
	if (r < 0)
		return r;
	ctr_reference_default_tag(&ref);
	(void)ctr_reference_str(&ref, j->reference);
	if (!j->o->directory) {
		r = registries_d_load(NULL, &conf, e);
		return r < 0 ? r : registries_d_lookaside(&conf, &ref, true, &j->base, e);
	}
	r = path_mkdirs(j->o->directory, 0755);
	if (r == 0)
		dir = realpath(j->o->directory, NULL);
	if (!dir)
		return err_sys(e, r < 0 ? r : errno, "make the directory %s for signatures", j->o->directory);
	j->base = lookaside_base_of_dir(dir, ref.path);
	return j->base ? 0 : err_sys(e, ENOMEM, "sign %s", l->text);
}

int ctr_sign_location(struct store *s, const struct ctr_location *l, const struct ctr_sign_opts *o,
		      struct err *e)
{
	const struct transport_ctx ctx = { s, NULL, &o->access, NULL, &o->events };
	struct job j = { .o = o };
	int r = 0;

	if (l->transport != TRANSPORT_DOCKER)
		r = err_set(e, ERR_INVALID, "only images in registries are signed: docker://NAME");
	if (r == 0)
		r = find_places(&j, l, e);
	if (r == 0)
		r = image_source_open(l, &ctx, &j.src, e);
	if (r == 0)
		r = sign_source(&j, e);
	image_source_free(j.src);
	free(j.base);
	return r < 0 ? err_wrap(e, r, "sign %s", l->text) : 0;
}
