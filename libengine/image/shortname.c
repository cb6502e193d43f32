/* Short names. */
#include "shortname.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"

void ctr_candidates_done(struct ctr_candidates *c)
{
	int saved = errno;

	free(c->items);
	*c = (struct ctr_candidates)CTR_CANDIDATES_INIT;
	errno = saved;
}

static int add(struct ctr_candidates *c, const struct ctr_reference *r, struct err *e)
{
	struct ctr_reference *items = reallocarray(c->items, c->n + 1, sizeof(*items));

	if (!items)
		return err_sys(e, ENOMEM, "resolve the name");
	c->items = items;
	c->items[c->n] = *r;
	ctr_reference_default_tag(&c->items[c->n++]);
	return 0;
}

static int add_qualified(struct ctr_candidates *c, const struct ctr_reference *r,
			 const char *registry, struct err *e)
{
	struct ctr_reference full;
	int x = ctr_reference_qualify(r, registry, &full, e);

	return x < 0 ? x : add(c, &full, e);
}

/* 1 when an alias was found and added. */
static int add_alias(struct ctr_candidates *c, const struct registries_conf *conf,
		     const struct ctr_reference *r, struct err *e)
{
	const struct registry_alias *a = registries_conf_alias(conf, r->path);
	struct ctr_reference full;
	int x;

	if (!a)
		return 0;
	x = ctr_reference_parse(a->value, &full, e);
	if (x < 0)
		return err_wrap(e, x, "%s: alias \"%s\"", a->origin, a->name);
	if (ctr_reference_is_short(&full) || full.tag[0] || full.digest.hex[0])
		return err_set(e, ERR_CORRUPT, "%s: alias \"%s\" = \"%s\" must name a registry and have "
			       "neither tag nor digest", a->origin, a->name, a->value);
	memcpy(full.tag, r->tag, sizeof(full.tag));
	full.digest = r->digest;
	c->alias_origin = a->origin;
	x = add(c, &full, e);
	return x < 0 ? x : 1;
}

int ctr_shortname_local(const struct registries_conf *c, const struct ctr_reference *r,
			struct ctr_candidates *ret, struct err *e)
{
	auto_candidates struct ctr_candidates out = CTR_CANDIDATES_INIT;
	int x;

	if (!ctr_reference_is_short(r)) {
		x = add(&out, r, e);
	} else {
		x = add_alias(&out, c, r, e);
		if (x >= 0)
			x = add_qualified(&out, r, "localhost", e);
		for (size_t i = 0; x >= 0 && i < c->search.n; i++)
			x = add_qualified(&out, r, c->search.items[i], e);
		if (x >= 0)
			x = add_qualified(&out, r, "docker.io", e);
	}
	if (x < 0)
		return x;
	*ret = out;
	out = (struct ctr_candidates)CTR_CANDIDATES_INIT;
	return 0;
}

int ctr_shortname_pull(const struct registries_conf *c, const struct ctr_reference *r, bool can_ask,
		       struct ctr_candidates *ret, struct err *e)
{
	auto_candidates struct ctr_candidates out = CTR_CANDIDATES_INIT;
	char name[REF_STR_MAX];
	int x;

	x = ctr_reference_is_short(r) ? add_alias(&out, c, r, e) : add(&out, r, e);
	if (x < 0)
		return x;
	if (out.n == 0 && c->search.n == 0)
		return err_set(e, ERR_NOT_FOUND, "short-name \"%s\" did not resolve to an alias and no "
			       "unqualified-search registries are defined in \"%s\"",
			       ctr_reference_str(r, name), c->search_origin ? c->search_origin : c->path);
	if (out.n == 0) {
		if (c->mode == SHORT_NAME_ENFORCING && c->search.n > 1 && !can_ask)
			return err_set(e, ERR_DENIED, "short-name resolution of \"%s\" is enforced by %s but "
				       "cannot prompt without a terminal: write the registry before the name",
				       ctr_reference_str(r, name), c->path);
		for (size_t i = 0; x >= 0 && i < c->search.n; i++)
			x = add_qualified(&out, r, c->search.items[i], e);
		if (x < 0)
			return x;
	}
	*ret = out;
	out = (struct ctr_candidates)CTR_CANDIDATES_INIT;
	return 0;
}
