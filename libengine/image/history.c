/* The steps that an image was made in, and how large they are. */
#include <ctrlite/image.h>

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "layer.h"

static uint64_t blob_size(const struct ctr_image *i, size_t layer)
{
	const json_t *layers = json_object_get(i->manifest_doc, "layers");
	json_int_t n = json_integer_value(json_object_get(json_array_get(layers, layer), "size"));

	return n > 0 ? (uint64_t)n : 0;
}

int ctr_image_layer_sizes(struct ctr_engine *eng, const struct ctr_image *i, uint64_t **ret, size_t *ret_n,
			  struct err *e)
{
	const json_t *ids = json_object_get(json_object_get(i->config, "rootfs"), "diff_ids");
	size_t n = json_array_size(ids);
	/* what the topmost opaque root hides is not unpacked */
	size_t hidden = i->layers.n && i->layers.n <= n ? n - i->layers.n : 0;
	uint64_t *sizes = calloc(n + 1, sizeof(*sizes));

	if (!sizes)
		return err_sys(e, ENOMEM, "image %s", i->id.hex);
	for (size_t k = 0; k < n; k++) {
		struct layer_info info = { .size_bytes = 0 };

		if (k >= hidden && k - hidden < i->layers.n &&
		    layer_info(&eng->store, i->layers.items[k - hidden], &info, NULL) == 0)
			sizes[k] = info.size_bytes;
		else
			sizes[k] = blob_size(i, k);
	}
	*ret = sizes;
	*ret_n = n;
	return 0;
}

static size_t steps_of(const struct ctr_image *i)
{
	return json_array_size(json_object_get(i->config, "history"));
}

/* The image that the first @n steps of @i led to. */
static const struct ctr_image *made_by(const struct ctr_image_list *l, const struct ctr_image *i, size_t n)
{
	for (size_t k = 0; k < l->n; k++)
		if (steps_of(&l->items[k]) == n && ctr_image_descends(i, &l->items[k]))
			return &l->items[k];
	return NULL;
}

static const char *text_of(const json_t *step, const char *key)
{
	const char *s = json_string_value(json_object_get(step, key));

	return s ? s : "";
}

int ctr_image_history(struct ctr_engine *eng, const struct ctr_image_list *l, const struct ctr_image *i,
		      struct ctr_history_step **ret, size_t *ret_n, struct err *e)
{
	const json_t *history = json_object_get(i->config, "history");
	size_t n = json_array_size(history), n_layers = 0, layer = 0;
	struct ctr_history_step *steps = calloc(n + 1, sizeof(*steps));
	auto_free uint64_t *sizes = NULL;
	int r = steps ? ctr_image_layer_sizes(eng, i, &sizes, &n_layers, e)
		      : err_sys(e, ENOMEM, "image %s", i->id.hex);

	for (size_t k = 0; r == 0 && k < n; k++) {
		const json_t *step = json_array_get(history, k);
		bool made_layer = !json_is_true(json_object_get(step, "empty_layer"));

		steps[n - 1 - k] = (struct ctr_history_step){
			.image = k + 1 == n ? i : made_by(l, i, k + 1),
			.created_ns = ctr_image_time(text_of(step, "created")),
			.created_by = text_of(step, "created_by"),
			.comment = text_of(step, "comment"),
			.size_bytes = made_layer && layer < n_layers ? sizes[layer] : 0,
		};
		layer += made_layer;
	}
	if (r < 0) {
		free(steps);
		return r;
	}
	*ret = steps;
	*ret_n = n;
	return 0;
}
