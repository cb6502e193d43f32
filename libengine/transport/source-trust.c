/* How an image is named to the policy, and where its signatures come from, see source-trust.h. */
#include "source-trust.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "fd.h"

struct question {
	struct image_source *src;
	const struct digest *digest;
};

static int get_signatures(void *arg, struct image_signatures *ret, struct err *e)
{
	const struct question *q = arg;

	return q->src->ops->signatures ? q->src->ops->signatures(q->src, q->digest, ret, e) : 0;
}

/* The name that the place itself knows; only registries and docker's archives have one. */
static int intended(const struct ctr_location *l, struct ctr_reference *ret, bool *ret_known,
		    struct err *e)
{
	int r;

	*ret_known = (l->transport == TRANSPORT_DOCKER || l->transport == TRANSPORT_DOCKER_ARCHIVE) && l->ref;
	if (!*ret_known)
		return 0;
	r = ctr_reference_parse(l->ref, ret, e);
	if (r == 0 && ctr_reference_is_short(ret))
		r = ctr_reference_qualify(ret, "docker.io", ret, e);
	if (r == 0)
		ctr_reference_default_tag(ret);
	return r;
}

static bool has_paths(enum ctr_transport t)
{
	return t == TRANSPORT_OCI || t == TRANSPORT_OCI_ARCHIVE || t == TRANSPORT_DIR;
}

int source_trust(struct image_source *src, const struct policy *p, const struct digest *d,
		 struct err *e)
{
	const struct ctr_location *l = src->where;
	struct question q = { src, d };
	auto_free char *path = has_paths(l->transport) && l->path ? realpath(l->path, NULL) : NULL;
	struct ctr_reference ref;
	char name[REF_STR_MAX];
	bool known;
	struct trust_subject t = { .manifest = *d, .signatures = get_signatures, .arg = &q };
	int r = intended(l, &ref, &known, e);

	if (r < 0)
		return r;
	if (has_paths(l->transport) && !path)
		return err_sys(e, errno, "%s", l->text);
	t.where.transport = l->transport == TRANSPORT_NAME ? ctr_transport_str(TRANSPORT_STORAGE)
							   : ctr_transport_str(l->transport);
	t.where.ref = l->transport == TRANSPORT_DOCKER ? ctr_reference_str(&ref, name) : NULL;
	t.where.path = path;
	t.where.image = path ? l->ref : NULL;
	t.intended = known ? &ref : NULL;
	return trust_check(src->ctx->store, p, &t, e);
}
