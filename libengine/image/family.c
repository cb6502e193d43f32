/* Which images were made from which: told by their layers and their history. */
#include <ctrlite/image.h>

#include "str.h"

static const json_t *history_of(const struct ctr_image *i)
{
	return json_object_get(i->config, "history");
}

static const json_t *diff_ids_of(const struct ctr_image *i)
{
	return json_object_get(json_object_get(i->config, "rootfs"), "diff_ids");
}

static bool is_empty_layer(const json_t *entry)
{
	return json_is_true(json_object_get(entry, "empty_layer"));
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_value(json_object_get(a, key));
	const char *y = json_string_value(json_object_get(b, key));

	return streq(x ? x : "", y ? y : "");
}

/* The fields of image-spec's history one by one: another tool may write what is empty or leave it out. */
static bool same_step(const json_t *a, const json_t *b)
{
	static const char *const texts[] = { "created", "created_by", "author", "comment" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!same_text(a, b, texts[i]))
			return false;
	return is_empty_layer(a) == is_empty_layer(b);
}

bool ctr_image_descends(const struct ctr_image *young, const struct ctr_image *old)
{
	const json_t *yd = diff_ids_of(young), *od = diff_ids_of(old);
	const json_t *yh = history_of(young), *oh = history_of(old);

	if (!yd || !od || !json_array_size(oh) || json_array_size(od) > json_array_size(yd) ||
	    json_array_size(oh) >= json_array_size(yh))
		return false;
	/* from the end, where images that share a beginning differ */
	for (size_t i = json_array_size(od); i-- > 0;)
		if (!json_equal(json_array_get(od, i), json_array_get(yd, i)))
			return false;
	for (size_t i = json_array_size(oh); i-- > 0;)
		if (!same_step(json_array_get(oh, i), json_array_get(yh, i)))
			return false;
	return true;
}

/* One step more, which made a layer if the step says that it did. */
static bool is_child(const struct ctr_image *young, const struct ctr_image *old)
{
	const json_t *h = history_of(young);
	size_t n = json_array_size(h);
	bool empty = n && is_empty_layer(json_array_get(h, n - 1));

	return n == json_array_size(history_of(old)) + 1 &&
	       (json_array_size(diff_ids_of(young)) == json_array_size(diff_ids_of(old))) == empty &&
	       ctr_image_descends(young, old);
}

const struct ctr_image *ctr_image_parent(const struct ctr_image_list *l, const struct ctr_image *i)
{
	for (size_t k = 0; k < l->n; k++)
		if (is_child(i, &l->items[k]))
			return &l->items[k];
	return NULL;
}

bool ctr_image_has_children(const struct ctr_image_list *l, const struct ctr_image *i)
{
	for (size_t k = 0; k < l->n; k++)
		if (is_child(&l->items[k], i))
			return true;
	return false;
}
