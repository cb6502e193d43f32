/* What the commands about volumes share: filters, and what is shown of one. */
#include "volumes.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"

struct context {
	struct cmd *c;
	const struct strv *uses;
};

void volumes_done(struct volumes *v)
{
	ctr_volume_list_done(&v->list);
	strv_done(&v->uses);
}

static bool match_dangling(void *ctx, const struct filter *f, const void *object)
{
	const struct context *x = ctx;
	const struct ctr_volume *v = object;

	return (ctr_volume_count(x->uses, v->name) == 0) == (f->number != 0);
}

static bool match_driver(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return streq(v->driver, f->value);
}

static bool match_label(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return filter_match_label(f->value, &v->labels);
}

static bool match_name(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return strstr(v->name, f->value) != NULL;
}

static bool match_opt(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return filter_match_label(f->value, &v->options);
}

static bool match_scope(void *ctx, const struct filter *f, const void *object)
{
	(void)ctx;
	(void)object;
	return streq(f->value, "local");
}

static bool match_anonymous(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return v->anonymous == (f->number != 0);
}

/* docker's "all": whether those with a name are meant as well; here they always are */
static bool match_all(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return f->number || v->anonymous;
}

/* since=VOLUME: its time */
static int read_volume(void *ctx, struct filter *f, struct err *e)
{
	const struct context *x = ctx;
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	int r = ctr_volume_get(x->c->eng, f->value, &v, e);

	if (r < 0)
		return r;
	f->number = v.created_ns;
	return 0;
}

static bool match_since(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return v->created_ns > f->number;
}

static bool match_until(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_volume *v = object;

	(void)ctx;
	return v->created_ns < f->number;
}

static const struct filter_key keys[] = {
	{ "after", false, read_volume, match_since },
	{ "all", false, filter_read_bool, match_all },
	{ "anonymous", false, filter_read_bool, match_anonymous },
	{ "dangling", false, filter_read_bool, match_dangling },
	{ "driver", false, NULL, match_driver },
	{ "label", true, NULL, match_label },
	{ "name", false, NULL, match_name },
	{ "opt", true, NULL, match_opt },
	{ "scope", false, NULL, match_scope },
	{ "since", false, read_volume, match_since },
	{ "until", false, filter_read_time, match_until },
	{ NULL, false, NULL, NULL },
};

static const struct filter_words words = {
	.malformed = "invalid filter \"%s\"",
	.unknown = "\"%s\" is an invalid volume filter",
};

static void keep(struct ctr_volume_list *l, bool (*wanted)(void *arg, const struct ctr_volume *v),
		 void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (wanted(arg, &l->items[i]))
			l->items[n++] = l->items[i];
		else
			ctr_volume_done(&l->items[i]);
	}
	l->n = n;
}

struct choice {
	struct context x;
	struct filters f;
};

static bool is_chosen(void *arg, const struct ctr_volume *v)
{
	struct choice *ch = arg;

	return filters_match(&ch->f, &ch->x, v);
}

int volumes_choose(struct cmd *c, const struct strv *filters, struct volumes *ret, struct err *e)
{
	struct choice ch = { .x = { c, &ret->uses }, .f = FILTERS_INIT };
	int r = filters_parse(filters, keys, &words, &ch.x, &ch.f, e);

	if (r >= 0)
		r = ctr_volume_list(c->eng, &ret->list, e);
	/* The list first: a container that is made after it uses none of the list, or one of it. */
	if (r >= 0)
		r = ctr_volume_uses(c->eng, &ret->uses, e);
	if (r >= 0)
		keep(&ret->list, is_chosen, &ch);
	filters_done(&ch.f);
	return r < 0 ? r : 0;
}

static bool is_unused(void *arg, const struct ctr_volume *v)
{
	return ctr_volume_count(arg, v->name) == 0;
}

void volumes_keep_unused(struct volumes *v)
{
	keep(&v->list, is_unused, &v->uses);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* KEY=value strings as an object, in order of the keys as Go prints maps. */
static json_t *map_of(const struct strv *v, const struct strv *more)
{
	size_t n = v->n + (more ? more->n : 0);
	auto_free const char **sorted = calloc(n + 1, sizeof(char *));
	json_t *map = json_object();

	if (!sorted)
		return map;
	for (size_t i = 0; i < v->n; i++)
		sorted[i] = v->items[i];
	for (size_t i = v->n; i < n; i++)
		sorted[i] = more->items[i - v->n];
	qsort(sorted, n, sizeof(char *), by_text);
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchrnul(sorted[i], '=');
		auto_free char *key = strndup(sorted[i], (size_t)(eq - sorted[i]));

		if (key)
			(void)json_object_set_new(map, key, json_string(*eq ? eq + 1 : ""));
	}
	return map;
}

/* podman shows what it read out of o= under names of its own as well. */
static json_t *options_of(const struct ctr_volume *v)
{
	auto_strv struct strv more = STRV_INIT;

	if (v->has_gid)
		(void)strv_addf(&more, "GID=%u", v->gid);
	if (v->size)
		(void)strv_addf(&more, "SIZE=%s", v->size);
	if (v->has_uid)
		(void)strv_addf(&more, "UID=%u", v->uid);
	return map_of(&v->options, &more);
}

json_t *volume_json(struct cmd *c, const struct ctr_volume *v, const struct strv *uses, bool whole)
{
	auto_free char *created = out_rfc3339(v->created_ns, false);
	auto_free char *path = ctr_volume_mountpoint(c->eng, v);
	json_t *j = json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:s, s:o}", "Name", v->name, "Driver",
			      v->driver, "Mountpoint", path, "CreatedAt", created, "Labels",
			      map_of(&v->labels, NULL), "Scope", "local", "Options", options_of(v));

	if (!j)
		return NULL;
	/* podman's JSON leaves out what is zero, its templates do not */
	if (whole || (v->has_uid && v->uid))
		(void)json_object_set_new(j, "UID", json_integer(v->uid));
	if (whole || (v->has_gid && v->gid))
		(void)json_object_set_new(j, "GID", json_integer(v->gid));
	if (whole || v->anonymous)
		(void)json_object_set_new(j, "Anonymous", json_boolean(v->anonymous));
	(void)json_object_set_new(j, "MountCount",
				  json_integer((json_int_t)ctr_volume_count(uses, v->name)));
	if (whole || v->needs_content)
		(void)json_object_set_new(j, "NeedsCopyUp", json_boolean(v->needs_content));
	if (whole || v->needs_owner)
		(void)json_object_set_new(j, "NeedsChown", json_boolean(v->needs_owner));
	if (whole) {
		(void)json_object_set_new(j, "Status", json_object());
		(void)json_object_set_new(j, "StorageID", json_string(""));
		(void)json_object_set_new(j, "Timeout", json_integer(0));
	}
	(void)json_object_set_new(j, "LockNumber", json_integer(0));
	return j;
}

const struct tmpl_field volume_fields[] = {
	{ "CreatedAt", NULL, TMPL_TIME },
	{ "Label", "Labels", TMPL_METHOD },
	{ "Labels", NULL, TMPL_MAP },
	{ "Options", NULL, TMPL_MAP },
	{ "Status", NULL, TMPL_MAP },
	{ NULL, NULL, 0 },
};
