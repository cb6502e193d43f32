/* Which blobs of the store are which layers. */
#include "known-layers.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "str.h"

void known_layers_done(struct known_layers *k)
{
	free(k->items);
	free(k->images);
	*k = (struct known_layers)KNOWN_LAYERS_INIT;
}

/* The media type as one of ours, or NULL. */
static const char *static_type(const char *type)
{
	static const char *const types[] = { MEDIA_OCI_LAYER, MEDIA_OCI_LAYER "+gzip", MEDIA_OCI_LAYER "+zstd",
					     MEDIA_DOCKER_LAYER, MEDIA_DOCKER_LAYER_GZ };

	for (size_t i = 0; type && i < sizeof(types) / sizeof(*types); i++)
		if (streq(types[i], type))
			return types[i];
	return NULL;
}

static int add(struct known_layers *k, const struct known_layer *l)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 64;
		struct known_layer *items = reallocarray(k->items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		k->items = items;
		k->cap = cap;
	}
	k->items[k->n++] = *l;
	return 0;
}

/* The layers of one manifest; what is not as it should be is another's worry. */
static int add_layers(struct known_layers *k, const json_t *layers, const json_t *diff_ids)
{
	size_t n = json_array_size(layers);
	int r = 0;

	if (n != json_array_size(diff_ids))
		return 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const json_t *d = json_array_get(layers, i);
		const char *digest = json_string_value(json_object_get(d, "digest"));
		const char *diff_id = json_string_value(json_array_get(diff_ids, i));
		const json_int_t size = json_integer_value(json_object_get(d, "size"));
		struct known_layer l = {
			.blob.media_type = static_type(json_string_value(json_object_get(d, "mediaType"))),
			.blob.size_bytes = size > 0 ? (uint64_t)size : 0,
		};

		if (l.blob.media_type && size > 0 && digest_parse(digest ? digest : "", &l.blob.digest, NULL) == 0 &&
		    digest_parse(diff_id ? diff_id : "", &l.diff_id, NULL) == 0)
			r = add(k, &l);
	}
	return r;
}

/* There is room for it. */
static int add_image(struct known_layers *k, struct store *s, const struct digest *manifest)
{
	struct known_image *im = &k->images[k->n_images];
	auto_json json_t *doc = NULL, *config = NULL;
	const json_t *layers;
	const char *text;

	if (layout_blob_json(s, manifest, LAYOUT_MANIFEST_MAX_BYTES, &doc, NULL) < 0)
		return 0;
	text = json_string_value(json_object_get(json_object_get(doc, "config"), "digest"));
	if (!text || digest_parse(text, &im->config, NULL) < 0 ||
	    layout_blob_json(s, &im->config, LAYOUT_CONFIG_MAX_BYTES, &config, NULL) < 0)
		return 0;
	layers = json_object_get(doc, "layers");
	im->manifest = *manifest;
	im->first = k->n;
	im->n_layers = json_array_size(layers);
	k->n_images++;
	return add_layers(k, layers, json_object_get(json_object_get(config, "rootfs"), "diff_ids"));
}

int known_layers_read(struct store *s, struct known_layers *ret, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	auto_known_layers struct known_layers k = KNOWN_LAYERS_INIT;
	int r = layout_read(s, &x, e);

	k.images = r == 0 ? calloc(x.n + 1, sizeof(*k.images)) : NULL;
	if (r == 0 && !k.images)
		r = err_sys(e, ENOMEM, "read the store's images");
	for (size_t i = 0; r == 0 && i < x.n; i++)
		if (add_image(&k, s, &x.entries[i].manifest) < 0)
			r = err_sys(e, ENOMEM, "read the store's images");
	if (r < 0)
		return r;
	*ret = k;
	k = (struct known_layers)KNOWN_LAYERS_INIT;
	return 0;
}

const struct manifest_blob *known_layers_hold(const struct known_layers *k, struct store *s,
					      const struct digest *diff_id, int *ret_fd)
{
	for (size_t i = 0; i < k->n; i++) {
		int fd;

		if (!digest_eq(&k->items[i].diff_id, diff_id))
			continue;
		fd = layout_blob_hold(s, &k->items[i].blob.digest, NULL);
		if (fd < 0)
			continue;
		*ret_fd = fd;
		return &k->items[i].blob;
	}
	return NULL;
}

/* Each of its layers has a place in the table, in order, and its blob in the store. */
static bool is_whole(const struct known_layers *k, struct store *s, const struct known_image *im,
		     size_t end)
{
	if (end - im->first != im->n_layers)
		return false;
	for (size_t i = im->first; i < end; i++) {
		int fd = layout_blob_open(s, &k->items[i].blob.digest, NULL);

		if (fd < 0)
			return false;
		(void)fd_close(fd);
	}
	return true;
}

const struct digest *known_layers_image(const struct known_layers *k, struct store *s,
					const struct digest *config)
{
	for (size_t i = 0; i < k->n_images; i++) {
		const struct known_image *im = &k->images[i];
		size_t end = i + 1 < k->n_images ? im[1].first : k->n;

		if (digest_eq(&im->config, config) && is_whole(k, s, im, end))
			return &im->manifest;
	}
	return NULL;
}
