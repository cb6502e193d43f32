/* Image records: meta/<manifest hex>.json. */
#include "image-record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "json.h"
#include "layout.h"
#include "store-internal.h"

#define RECORD_MAX_BYTES (LAYOUT_LAYERS_MAX * 80u + 4096u)

struct record_json {
	uint64_t version;
	const char *config;
	const json_t *layers;
	uint64_t size_bytes;
	uint32_t root_layer;
	bool no_blobs;
};

#define FIELD(member) offsetof(struct record_json, member)
static const struct json_field record_fields[] = {
	{ "version", JSON_KIND_U64, FIELD(version), JSON_REQUIRED, 1 },
	{ "config", JSON_KIND_STR, FIELD(config), JSON_REQUIRED, DIGEST_STR_MAX },
	{ "layers", JSON_KIND_ARRAY, FIELD(layers), JSON_REQUIRED, LAYOUT_LAYERS_MAX },
	{ "size", JSON_KIND_U64, FIELD(size_bytes), JSON_REQUIRED, 0 },
	{ "root_layer", JSON_KIND_U32, FIELD(root_layer), JSON_REQUIRED, LAYOUT_LAYERS_MAX },
	{ "no_blobs", JSON_KIND_BOOL, FIELD(no_blobs), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};

void image_record_done(struct image_record *r)
{
	strv_done(&r->layers);
}

void image_record_name(const struct digest *manifest, char buf[IMAGE_RECORD_NAME_MAX])
{
	(void)snprintf(buf, IMAGE_RECORD_NAME_MAX, "%s.json", manifest->hex);
}

static int check_record(const struct record_json *j, struct image_record *rec, struct err *e)
{
	struct digest key;
	int r = digest_parse(j->config, &rec->config, e);

	if (r == 0)
		r = json_read_strv(j->layers, &rec->layers, LAYOUT_LAYERS_MAX, "$.layers", e);
	for (size_t i = 0; r == 0 && i < rec->layers.n; i++)
		r = digest_parse_hex(rec->layers.items[i], &key, e);
	if (r == 0 && rec->layers.n && j->root_layer >= rec->layers.n)
		r = err_set(e, ERR_CORRUPT, "$.root_layer: no such layer");
	rec->size_bytes = j->size_bytes;
	rec->root_layer = j->root_layer;
	rec->no_blobs = j->no_blobs;
	return r;
}

int image_record_read(struct store *s, const struct digest *manifest, struct image_record *ret,
		      struct err *e)
{
	struct image_record rec = IMAGE_RECORD_INIT;
	struct record_json j = { 0 };
	char name[IMAGE_RECORD_NAME_MAX];
	auto_json json_t *doc = NULL;
	int r;

	image_record_name(manifest, name);
	r = json_parse_file(s->meta_fd, name, RECORD_MAX_BYTES, &doc, e);
	if (r == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "image %.12s is not unpacked", manifest->hex);
	if (r == 0)
		r = json_read(doc, record_fields, &j, 0, "$", e);
	if (r == 0)
		r = check_record(&j, &rec, e);
	if (r < 0) {
		image_record_done(&rec);
		return err_wrap(e, r, "record of image %.12s", manifest->hex);
	}
	rec.manifest = *manifest;
	*ret = rec;
	return 0;
}

char *image_record_text(const struct image_record *rec)
{
	char config[DIGEST_STR_MAX];
	json_t *layers = json_from_strv(&rec->layers);
	auto_json json_t *doc = json_pack("{s:i, s:s, s:o, s:I, s:i}", "version", 1, "config",
		digest_str(&rec->config, config), "layers", layers, "size",
		(json_int_t)rec->size_bytes, "root_layer", (int)rec->root_layer);

	if (!doc || (rec->no_blobs && json_object_set_new(doc, "no_blobs", json_true()) < 0))
		return NULL;
	return json_dumps(doc, JSON_COMPACT);
}

int image_record_write(struct store *s, const struct image_record *rec, struct err *e)
{
	auto_free char *text = image_record_text(rec);
	char name[IMAGE_RECORD_NAME_MAX];
	int r;

	image_record_name(&rec->manifest, name);
	r = text ? store_put_file(s, s->meta_fd, name, text, strlen(text), 0600, FILE_SYNC_FULL, true) :
	    -ENOMEM;
	return r < 0 ? err_sys(e, r, "write the record of image %.12s", rec->manifest.hex) : 0;
}

void image_record_remove(struct store *s, const struct digest *manifest)
{
	char name[IMAGE_RECORD_NAME_MAX];

	image_record_name(manifest, name);
	(void)unlinkat(s->meta_fd, name, 0); /* derived data: one that stays does no harm */
}
