/* Lists of this store (layout.h), of whose images some are in registries yet. */
#include <errno.h>
#include <stdlib.h>

#include "layout.h"
#include "source-list.h"

struct source_list {
	struct image_source base;
	struct image_source *here;	/* the store: documents, and what blobs there are; owned */
	json_t *annotations;		/* of the entry; owned */
	struct digest current;		/* the document that was read last, whose parts are asked for then */
	struct ctr_location there_at;	/* where its layers are */
	struct image_source *there;	/* the same, open; NULL: not needed yet */
};

static void leave(struct source_list *s)
{
	image_source_free(s->there);
	s->there = NULL;
	ctr_location_done(&s->there_at);
	s->there_at = (struct ctr_location)CTR_LOCATION_INIT;
}

static int list_document(struct image_source *base, const struct digest *d, struct image_document *ret,
			 struct err *e)
{
	struct source_list *s = (struct source_list *)base;
	int r = s->here->ops->document(s->here, d, ret, e);

	if (r == 0 && !digest_eq(&s->current, &ret->digest)) {
		leave(s);
		s->current = ret->digest;
	}
	return r;
}

/* Where the current document's layers are: 1, or 0 where that is nowhere else. */
static int open_there(struct source_list *s, struct err *e)
{
	char key[sizeof(LAYOUT_LIST_SOURCE) + DIGEST_HEX_LEN];
	const char *where;
	int r;

	if (s->there)
		return 1;
	(void)snprintf(key, sizeof(key), LAYOUT_LIST_SOURCE "%s", s->current.hex);
	where = json_string_value(json_object_get(s->annotations, key));
	if (!where)
		return 0;
	leave(s);
	r = ctr_location_parse(where, &s->there_at, e);
	if (r == 0)
		r = image_source_open(&s->there_at, s->base.ctx, &s->there, e);
	return r < 0 ? err_wrap(e, r, "%s", where) : 1;
}

/* What is here is opened, the rest is fetched together. */
static int list_fetch(struct image_source *base, struct image_part *const *parts, size_t n, int spool_fd,
		      struct err *e)
{
	struct source_list *s = (struct source_list *)base;
	bool missing = false;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		if (parts[i]->present || parts[i]->fd >= 0)
			continue;
		r = s->here->ops->open(s->here, parts[i], &why);
		if (r == 0)
			continue;
		missing = true;
		r = open_there(s, e);
		if (r == 0 && e)
			*e = why;
		if (r <= 0)
			return r < 0 ? r : -ENOENT;
	}
	return missing ? s->there->ops->fetch(s->there, parts, n, spool_fd, e) : 0;
}

static void list_free(struct image_source *base)
{
	struct source_list *s = (struct source_list *)base;

	leave(s);
	image_source_free(s->here);
	json_decref(s->annotations);
	free(s);
}

static const struct image_source_ops list_ops = {
	.document = list_document,
	.fetch = list_fetch,
	.free = list_free,
};

bool source_list_is_needed(const json_t *annotations)
{
	json_t *all = (json_t *)(uintptr_t)annotations;	/* jansson's iterator takes no const */
	const char *key;
	json_t *value;

	json_object_foreach(all, key, value)
		if (str_starts(key, LAYOUT_LIST_SOURCE))
			return true;
	return false;
}

int source_list_open(struct image_source *here, const json_t *annotations, struct image_source **ret,
		     struct err *e)
{
	struct source_list *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(e, ENOMEM, "open the list");
	s->base.ops = &list_ops;
	s->base.names = here->names;
	here->names = (struct strv)STRV_INIT;
	s->here = here;
	s->there_at = (struct ctr_location)CTR_LOCATION_INIT;
	s->annotations = json_deep_copy(annotations);
	*ret = &s->base;
	return 0;
}
