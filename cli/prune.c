/* Removing what nobody uses. */
#include "prune.h"

#include <errno.h>

#include <ctrlite/container.h>
#include <ctrlite/image.h>
#include <ctrlite/volume.h>

#include "fd.h"

/* What filters look at, of any kind of thing. */
struct thing {
	const struct strv *labels;
	int64_t created_ns;
	bool dangling;		/* of images: no name, and nothing was made from it */
};

static bool match_label(void *ctx, const struct filter *f, const void *o)
{
	const struct thing *t = o;

	(void)ctx;
	return filter_match_label(f->value, t->labels);
}

static bool match_until(void *ctx, const struct filter *f, const void *o)
{
	const struct thing *t = o;

	(void)ctx;
	return t->created_ns < f->number;
}

static bool match_dangling(void *ctx, const struct filter *f, const void *o)
{
	const struct thing *t = o;

	(void)ctx;
	return t->dangling == (f->number != 0);
}

static const struct filter_key image_keys[] = {
	{ "dangling", false, filter_read_bool, match_dangling },
	{ "label", true, NULL, match_label },
	{ "until", false, filter_read_time, match_until },
	{ NULL, false, NULL, NULL },
};

static const struct filter_key keys[] = {
	{ "label", true, NULL, match_label },
	{ "until", false, filter_read_time, match_until },
	{ NULL, false, NULL, NULL },
};

static const struct filter_words words = {
	.malformed = "filter input must be in the form of filter=value: %s is invalid",
	.unknown = "%s is an invalid filter",
};

int prune_filters_parse(const struct strv *texts, struct prune_filters *ret, struct err *e)
{
	return filters_parse(texts, keys, &words, NULL, &ret->f, e);
}

int prune_image_filters_parse(const struct strv *texts, struct prune_filters *ret, struct err *e)
{
	return filters_parse(texts, image_keys, &words, NULL, &ret->f, e);
}

void prune_filters_done(struct prune_filters *f)
{
	filters_done(&f->f);
}

/* What others use (ERR_EXISTS: a container that others depend on), or what is gone since it was looked
 * at, is no failure. */
static void report_failure(struct cmd *c, int r, struct err *e)
{
	if (r < 0 && (e->kind == ERR_BUSY || e->kind == ERR_NOT_FOUND || e->kind == ERR_EXISTS))
		*e = (struct err)ERR_INIT;
	else if (r < 0)
		cmd_fail(c, e);
}

/* Print what was removed. */
static void report(struct cmd *c, int r, const char *name, const char **heading, struct err *e)
{
	if (r < 0) {
		report_failure(c, r, e);
		return;
	}
	if (*heading)
		printf("%s\n", *heading);
	*heading = NULL;
	printf("%s\n", name);
}

int prune_containers(struct cmd *c, const struct prune_filters *f, const char *heading, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	int r = ctr_container_list(c->eng, &l, e);

	/* The newest first: a container is younger than those that it depends on. */
	for (size_t i = l.n; r == 0 && i-- > 0;) {
		const struct ctr_request *req = &l.items[i].req;
		const struct thing t = { &req->labels, req->created_ns };

		/* without force: one that has been started meanwhile stays */
		if (l.items[i].status.state != CTR_RUNNING && filters_match(&f->f, NULL, &t))
			report(c, ctr_container_remove(c->eng, req->id, false, false, 0, e), req->id,
			       &heading, e);
	}
	ctr_container_list_done(&l);
	return r;
}

int prune_volumes(struct cmd *c, const struct prune_filters *f, const char *heading, struct err *e)
{
	struct ctr_volume_list l = CTR_VOLUME_LIST_INIT;
	auto_strv struct strv uses = STRV_INIT;
	int r = ctr_volume_list(c->eng, &l, e);

	if (r == 0)
		r = ctr_volume_uses(c->eng, &uses, e);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		const struct ctr_volume *v = &l.items[i];
		const struct thing t = { &v->labels, v->created_ns };

		if (ctr_volume_count(&uses, v->name) == 0 && filters_match(&f->f, NULL, &t)) {
			int removed = ctr_volume_remove(c->eng, v->name, false, 0, e);

			if (removed == 0)
				ctr_volume_event(c->eng, "prune", v->name);
			report(c, removed, v->name, &heading, e);
		}
	}
	ctr_volume_list_done(&l);
	return r;
}

static int labels_of(const struct ctr_image *i, struct strv *ret)
{
	json_t *labels = json_object_get(json_object_get(i->config, "config"), "Labels"), *v;
	const char *key;

	json_object_foreach(labels, key, v)
		if (strv_addf(ret, "%s=%s", key, json_string_value(v) ? json_string_value(v) : "") < 0)
			return -ENOMEM;
	return 0;
}

static bool has_users(const struct ctr_image *i, const struct strv *users)
{
	for (size_t k = 0; k < users->n; k++)
		if (str_starts(users->items[k], i->manifest.hex) ||
		    str_starts(users->items[k], i->digest.hex))
			return true;
	return false;
}

/* Name by name: never by force, which would take the containers that are made meanwhile. */
static int remove_image(struct cmd *c, const struct ctr_image *i, const char **heading, struct err *e)
{
	const struct ctr_image_remove_opts o = { 0 };
	int r = 0;

	for (size_t k = 0; r == 0 && k < (i->names.n ? i->names.n : 1); k++) {
		struct ctr_image_removed removed = CTR_IMAGE_REMOVED_INIT;

		r = ctr_image_remove(c->eng, i->names.n ? i->names.items[k] : i->id.hex, &o, &removed, e);
		r = r < 0 ? r : 0;
		for (size_t n = 0; n < removed.deleted.n; n++)
			report(c, 0, removed.deleted.items[n], heading, e);
		ctr_image_removed_done(&removed);
	}
	return r;
}

int prune_images(struct cmd *c, bool all, const struct prune_filters *f, const char *heading,
		 struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	auto_strv struct strv layers = STRV_INIT, users = STRV_INIT;
	int r = ctr_image_list(c->eng, &l, e);

	if (r == 0)
		r = ctr_container_uses(c->eng, &layers, &users, e);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		const struct ctr_image *image = &l.items[i];
		auto_strv struct strv labels = STRV_INIT;
		const struct thing t = { &labels, image->created_ns,
					 !image->names.n && !ctr_image_has_children(&l, image) };

		/* the filter says itself what is looked at */
		if (image->read_only || !(all || t.dangling || filters_ask(&f->f, "dangling")) || has_users(image, &users))
			continue;
		if (labels_of(image, &labels) < 0)
			r = err_sys(e, ENOMEM, "prune images");
		else if (filters_match(&f->f, NULL, &t))
			report_failure(c, remove_image(c, image, &heading, e), e);
	}
	ctr_image_list_done(&l);
	if (r == 0 && !f->f.n)
		r = ctr_image_drop_unfinished(c->eng, e);
	return r;
}
