/*
 * ctr-lite-transfer unpack DIGEST: unpack an image that is in the layout already, because another
 * tool put it there or because its layers are gone.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image-in.h"
#include "json.h"
#include "layout.h"
#include "platform.h"
#include "str.h"
#include "transfer.h"

#define INDEX_DEPTH_MAX 4

struct unpack_args {
	const char *platform;
};

static int set_platform(void *arg, const char *v, struct err *e)
{
	struct unpack_args *a = arg;

	(void)e;
	a->platform = v;
	return 0;
}

static const struct transfer_opt unpack_opts[] = {
	{ "platform", 0, true, set_platform },
	{ 0 },
};

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* Follow an index to the manifest of a platform. */
static int pick_manifest(struct store *s, struct digest *d, const struct ctr_platform *platform,
			 json_t **ret, struct err *e)
{
	for (int depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
		auto_json json_t *doc = NULL;
		const json_t *list, *best = NULL;
		int r = layout_blob_json(s, d, LAYOUT_MANIFEST_MAX_BYTES, &doc, e);

		if (r < 0)
			return r;
		list = json_object_get(doc, "manifests");
		if (list && json_object_get(doc, "layers"))
			return err_set(e, ERR_CORRUPT, "image %.12s is an index and a manifest at once",
				       d->hex);
		if (!list) {
			*ret = json_incref(doc);
			return 0;
		}
		r = ctr_platform_choose(doc, platform, &best, e);
		if (r == 0)
			r = digest_parse(member(best, "digest"), d, e);
		if (r < 0)
			return err_wrap(e, r, "image %.12s", d->hex);
	}
	return err_set(e, ERR_CORRUPT, "image %.12s: an index in an index in an index", d->hex);
}

static int read_manifest(const json_t *m, struct digest *config, const json_t **layers, struct err *e)
{
	const char *c = member(json_object_get(m, "config"), "digest");
	int r = digest_parse(c, config, e);

	*layers = json_object_get(m, "layers");
	if (r < 0)
		return err_wrap(e, r, "$.config.digest");
	if (!json_is_array(*layers) || json_array_size(*layers) > LAYOUT_LAYERS_MAX)
		return err_set(e, ERR_CORRUPT, "$.layers: expected an array of at most %d",
			       LAYOUT_LAYERS_MAX);
	return 0;
}

static int unpack_layers(struct image_in *in, const json_t *layers, struct err *e)
{
	size_t n = json_array_size(layers);
	auto_free struct image_in_source *src = calloc(n + 1, sizeof(*src));
	int r = src ? 0 : err_sys(e, ENOMEM, "unpack");

	for (size_t i = 0; r == 0 && i < n; i++) {
		const json_t *l = json_array_get(layers, i);
		struct image_in_blob *b;

		src[i].layer = i;
		src[i].media_type = json_string_value(json_object_get(l, "mediaType"));
		r = digest_parse(member(l, "digest"), &src[i].blob, e);
		if (r < 0)
			return err_wrap(e, r, "$.layers[%zu]", i);
		r = image_in_blob(in, &src[i].blob, BLOB_SIZE_UNKNOWN, &b, e);
		if (r == 0)
			return err_set(e, ERR_NOT_FOUND, "layer %.12s is not in the layout: pull the "
				       "image", src[i].blob.hex);
		r = r > 0 ? 0 : r;
	}
	return r < 0 ? r : image_in_unpack_blobs(in, src, n, transfer_interrupted, e);
}

static int unpack_image(struct transfer *t, struct digest *d, const struct ctr_platform *platform,
			struct err *e)
{
	struct image_in in = IMAGE_IN_INIT;
	auto_json json_t *doc = NULL;
	const json_t *layers = NULL;
	struct digest config;
	int r = pick_manifest(&t->store, d, platform, &doc, e);

	if (r == 0)
		r = read_manifest(doc, &config, &layers, e);
	if (r == 0)
		r = image_in_begin(&t->store, t->idmap, &in, e);
	if (r == 0)
		r = image_in_document(&in, d, e);
	if (r == 0)
		r = image_in_document(&in, &config, e);
	if (r == 0)
		r = image_in_config(&in, &config, json_array_size(layers), e);
	if (r == 0)
		r = unpack_layers(&in, layers, e);
	if (r == 0)
		r = image_in_commit(&in, NULL, d, NULL, e);
	image_in_abort(&in);
	if (r == 0)
		printf("%s\n", config.hex);
	return r;
}

int transfer_cmd_unpack(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct unpack_args a = { NULL };
	struct ctr_platform platform;
	struct digest d;
	int n, r = transfer_getopt(argc, argv, unpack_opts, &a, &n, e);

	if (r < 0)
		return r;
	if (n != 1)
		return err_set(e, ERR_INVALID, "unpack: expected one argument, the digest of a manifest");
	r = digest_parse(argv[1], &d, NULL);
	if (r < 0)
		r = digest_parse_hex(argv[1], &d, e);
	if (r < 0)
		return r;
	ctr_platform_host(&platform);
	if (a.platform)
		r = ctr_platform_parse(a.platform, &platform, e);
	if (r < 0)
		return r;
	r = unpack_image(t, &d, &platform, e);
	return r < 0 ? err_wrap(e, r, "unpack image %.12s", d.hex) : 0;
}
