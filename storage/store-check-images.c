/* Checking images: index.json, the documents that it leads to, and the records. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "blob.h"
#include "store-check-priv.h"
#include "json.h"
#include "layer.h"
#include "layout.h"
#include "path.h"
#include "store-internal.h"

#define INDEX_DEPTH_MAX 8
#define LAYOUT_FILE_MAX_BYTES 4096

struct walk {
	struct store_check *c;
	struct strv *reached;	/* hex digests of all that documents name */
	const char *name;	/* of the image that is looked at */
	bool is_list;		/* made here, or of an additional store: what it names may be elsewhere */
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Is the blob here, and as long as its descriptor says?  1, 0 when it is missing or no good. */
static int look_for_blob(struct walk *w, const struct digest *d, uint64_t size_bytes, bool optional,
			 struct err *e)
{
	char path[BLOB_PATH_MAX];
	struct store_damage *known;
	struct stat st;
	int r = 0;

	if (strv_add(w->reached, d->hex) < 0)
		return err_sys(e, ENOMEM, "check the store");
	layout_blob_path(d, path);
	if (fstatat(w->c->store->images_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		int other = layout_blob_open(w->c->store, d, NULL);

		if (other >= 0) /* an additional store has it */
			return fd_close(other) < 0;
		if (!optional)
			r = check_say(w->c, DAMAGE_BLOB, d->hex, w->name, e, "is missing");
		return r;
	}
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size != size_bytes)
		r = check_say(w->c, DAMAGE_BLOB, d->hex, w->name, e, "the size is %llu, the image says %" PRIu64,
			      (unsigned long long)st.st_size, size_bytes);
	known = check_find(w->c, DAMAGE_BLOB, d->hex);
	if (r == 0 && known && !strv_has(&known->images, w->name) && strv_add(&known->images, w->name) < 0)
		r = err_sys(e, ENOMEM, "check the store");
	return r < 0 ? r : !known;
}

/* The same of a descriptor in a document; its digest into *@ret. */
static int look_for_descriptor(struct walk *w, const json_t *desc, bool optional, struct digest *ret,
			       struct err *e)
{
	json_int_t size = json_integer_value(json_object_get(desc, "size"));

	if (digest_parse(text_of(desc, "digest"), ret, NULL) < 0 || size < 0)
		return 0; /* of another algorithm: it is not kept here */
	return look_for_blob(w, ret, (uint64_t)size, optional, e);
}

/* A document whose blob is whole can be read, unless it never was one. */
static int read_document(struct walk *w, const struct digest *d, json_t **ret, struct err *e)
{
	struct err why = ERR_INIT;
	int r = layout_blob_json(w->c->store, d, LAYOUT_MANIFEST_MAX_BYTES, ret, &why);

	if (r >= 0)
		return 1;
	w->c->blind = true;
	return check_say(w->c, DAMAGE_BLOB, d->hex, w->name, e, "cannot be read: %s", why.text);
}

static struct check_image *new_image(struct store_check *c, const char *name, const struct digest *manifest)
{
	struct check_image *grown = reallocarray(c->images, c->n_images + 1, sizeof(*grown)), *img;

	if (!grown)
		return NULL;
	c->images = grown;
	img = &grown[c->n_images];
	*img = (struct check_image){ .name = strdup(name), .manifest = *manifest, .record = IMAGE_RECORD_INIT };
	if (!img->name)
		return NULL;
	c->n_images++;
	return img;
}

static bool was_seen(const struct store_check *c, const struct digest *manifest)
{
	for (size_t i = 0; i < c->n_images; i++)
		if (digest_eq(&c->images[i].manifest, manifest))
			return true;
	return false;
}

/* The layers' diffIDs and chains, and which of them are here. */
static int read_layers(struct walk *w, struct check_image *img, const json_t *config, struct err *e)
{
	const json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
	int r = 0;

	if (!json_is_array(ids) || json_array_size(ids) != img->n_layers)
		return 0; /* no image that can run: an artifact */
	for (size_t i = 0; r == 0 && i < img->n_layers; i++) {
		struct check_layer *l = &img->layers[i];
		const char *id = json_string_value(json_array_get(ids, i));

		if (!id || digest_parse(id, &l->diff_id, NULL) < 0)
			return 0;
		r = digest_chain(i ? &l[-1].chain : NULL, &l->diff_id, &l->chain, e);
		if (r == 0 && layer_find_any(w->c->store, &l->diff_id, &l->chain, l->key, NULL) <= 0 &&
		    layer_exists(w->c->store, l->diff_id.hex) == 1)
			memcpy(l->key, l->diff_id.hex, sizeof(l->key)); /* its layer.json is damaged */
	}
	img->readable = r == 0;
	return r;
}

static int check_config(struct walk *w, struct check_image *img, const json_t *manifest, struct err *e)
{
	auto_json json_t *config = NULL;
	int r = look_for_descriptor(w, json_object_get(manifest, "config"), false, &img->config, e);

	if (r > 0)
		r = read_document(w, &img->config, &config, e);
	return r > 0 && config ? read_layers(w, img, config, e) : r < 0 ? r : 0;
}

static int check_manifest(struct walk *w, const struct digest *d, const json_t *doc, struct err *e)
{
	const json_t *layers = json_object_get(doc, "layers");
	struct check_image *img = new_image(w->c, w->name, d);
	struct err why = ERR_INIT;
	struct digest blob;
	int r;

	if (!img)
		return err_sys(e, ENOMEM, "check the store");
	img->elsewhere = w->is_list;
	img->n_layers = json_array_size(layers);
	img->layers = calloc(img->n_layers + 1, sizeof(*img->layers));
	if (!img->layers)
		return err_sys(e, ENOMEM, "check the store");
	r = image_record_read(w->c->store, d, &img->record, &why);
	img->has_record = r == 0;
	if (r < 0 && r != -ENOENT && check_say(w->c, DAMAGE_RECORD, d->hex, w->name, e, "%s", why.text) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < img->n_layers; i++) {
		const json_t *l = json_array_get(layers, i);

		r = look_for_descriptor(w, l, w->is_list || img->record.no_blobs, &blob, e);
		if (r < 0)
			return r;
		img->layers[i].blob = blob;
		img->layers[i].media_type = strdup(text_of(l, "mediaType"));
		if (!img->layers[i].media_type)
			return err_sys(e, ENOMEM, "check the store");
	}
	return check_config(w, img, doc, e);
}

static int check_document(struct walk *w, const struct digest *d, uint64_t size_bytes, bool optional,
			  int depth, struct err *e);

/* One platform at least must be here. */
static int check_index(struct walk *w, const struct digest *d, const json_t *list, int depth, struct err *e)
{
	size_t here = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < json_array_size(list); i++) {
		const json_t *desc = json_array_get(list, i);
		json_int_t size = json_integer_value(json_object_get(desc, "size"));
		struct digest sub;

		if (digest_parse(text_of(desc, "digest"), &sub, NULL) < 0 || size < 0)
			continue;
		r = check_document(w, &sub, (uint64_t)size, true, depth + 1, e);
		here += r > 0;
	}
	if (r >= 0 && !here && json_array_size(list) && !w->is_list)
		r = check_say(w->c, DAMAGE_BLOB, d->hex, w->name, e, "is an index, and none of its manifests "
			      "is here");
	return r < 0 ? r : 1;
}

/* 1 where the blob is here. */
static int check_document(struct walk *w, const struct digest *d, uint64_t size_bytes, bool optional,
			  int depth, struct err *e)
{
	auto_json json_t *doc = NULL;
	const json_t *list;
	int r = look_for_blob(w, d, size_bytes, optional, e);

	w->c->blind |= r == 0 && !optional;
	if (r <= 0)
		return r < 0 ? r : check_find(w->c, DAMAGE_BLOB, d->hex) ? 1 : 0;
	if (depth > INDEX_DEPTH_MAX || was_seen(w->c, d))
		return 1;
	r = read_document(w, d, &doc, e);
	if (r < 0 || !doc)
		return r < 0 ? r : 1;
	list = json_object_get(doc, "manifests");
	r = json_is_array(list) ? check_index(w, d, list, depth, e) : check_manifest(w, d, doc, e);
	return r < 0 ? r : 1;
}

/* The record against what manifest, config and layers say. */
static int check_record(struct store_check *c, struct check_image *img, struct err *e)
{
	const struct image_record *rec = &img->record;
	size_t n = rec->layers.n, first = img->n_layers - n, root;
	struct layer_info info;
	uint64_t size = 0;
	int r = 0;

	if (!digest_eq(&rec->config, &img->config) || n > img->n_layers || (!n && img->n_layers))
		return check_say(c, DAMAGE_RECORD, img->manifest.hex, img->name, e, "the content has changed");
	root = img->n_layers ? img->n_layers - 1 : 0;
	for (size_t i = 0; i < img->n_layers; i++) {
		const struct check_layer *l = &img->layers[i];
		const char *key = i < first ? l->key : rec->layers.items[i - first];

		if (i >= first && !streq(key, l->diff_id.hex) && !streq(key, l->chain.hex))
			return check_say(c, DAMAGE_RECORD, img->manifest.hex, img->name, e,
					 "the content has changed: layer %.12s is not the image's", key);
		if (i >= first && layer_exists(c->store, key) != 1)
			r = check_say(c, DAMAGE_LAYER, key, img->name, e, "is missing");
		if (r < 0)
			return r;
		if (!key[0] || layer_info(c->store, key, &info, NULL) < 0) {
			if (i < first)
				continue; /* hidden, and not kept */
			return 0; /* the rest cannot be told without it */
		}
		size += i < first ? 0 : info.size_bytes;
		if (info.has_root)
			root = i;
	}
	/* Layers that are hidden count in the size: it is what was unpacked. */
	if (root < first)
		root = first;
	if ((first == 0 && size != rec->size_bytes) || rec->root_layer != root - first)
		return check_say(c, DAMAGE_RECORD, img->manifest.hex, img->name, e, "the content has changed");
	return 0;
}

static bool uses_layer(const struct check_image *img, const char *key)
{
	for (size_t i = 0; i < img->record.layers.n; i++)
		if (streq(img->record.layers.items[i], key))
			return true;
	return false;
}

/* All layers are here: then there was a record, unless another program put the image there. */
static bool is_unpacked(const struct check_image *img)
{
	bool all = img->readable && img->n_layers > 0 && !img->elsewhere;

	for (size_t i = 0; all && i < img->n_layers; i++)
		all = img->layers[i].key[0];
	return all;
}

/* Whose layers are they that are damaged? */
static int name_layers(struct store_check *c, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		struct store_damage *d = &c->damage[i];

		for (size_t k = 0; k < c->n_images; k++) {
			const struct check_image *img = &c->images[k];
			char key[DIGEST_HEX_LEN + 1];

			if (d->kind != DAMAGE_LAYER && d->kind != DAMAGE_COPY)
				continue;
			(void)snprintf(key, sizeof(key), "%.64s", d->id);
			if (uses_layer(img, key) && !strv_has(&d->images, img->name) &&
			    strv_add(&d->images, img->name) < 0)
				return err_sys(e, ENOMEM, "check the store");
		}
	}
	return 0;
}

static int check_layout_file(struct store_check *c, struct err *e)
{
	auto_json json_t *doc = NULL;
	struct err why = ERR_INIT;
	int r = json_parse_file(c->store->images_fd, "oci-layout", LAYOUT_FILE_MAX_BYTES, &doc, &why);

	if (r < 0)
		return check_say(c, DAMAGE_LAYOUT, "oci-layout", NULL, e, "%s", r == -ENOENT ? "is missing" :
				 why.text);
	if (!streq(text_of(doc, "imageLayoutVersion"), "1.0.0"))
		return check_say(c, DAMAGE_LAYOUT, "oci-layout", NULL, e, "the content has changed");
	return 0;
}

static int check_index_file(struct store_check *c, struct layout_index *x, struct err *e)
{
	struct err why = ERR_INIT;
	int r = layout_read(c->store, x, &why);

	if (r < 0 || faccessat(c->store->images_fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return check_say(c, DAMAGE_LAYOUT, "index.json", NULL, e, "%s", r < 0 ? why.text : "is missing");
	r = layout_copy_differs(c->store);
	if (r == -EBADMSG)
		return check_say(c, DAMAGE_LAYOUT, LAYOUT_COPY, NULL, e, "the content has changed");
	if (r > 0 && strv_add(&c->notes, "index.json was changed by another program since ctr-lite wrote it") < 0)
		return err_sys(e, ENOMEM, "check the store");
	return r < 0 ? err_sys(e, r, "read the copy of index.json") : 0;
}

int check_images(struct store_check *c, struct strv *ret_reached, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	struct walk w = { .c = c, .reached = ret_reached };
	int r = check_layout_file(c, e);

	if (r == 0)
		r = check_index_file(c, &x, e);
	for (size_t i = 0; r >= 0 && i < x.n; i++) {
		struct digest id;

		w.is_list = layout_entry_list(&x.entries[i], &id) || x.entries[i].more;
		w.name = x.entries[i].ref ? x.entries[i].ref : x.entries[i].manifest.hex;
		r = check_document(&w, &x.entries[i].manifest, x.entries[i].size_bytes, x.entries[i].more, 0, e);
	}
	for (size_t i = 0; r >= 0 && i < c->n_images; i++) {
		struct check_image *img = &c->images[i];

		if (img->readable && img->has_record)
			r = check_record(c, img, e);
		else if (is_unpacked(img) && !check_find(c, DAMAGE_RECORD, img->manifest.hex))
			r = check_say(c, DAMAGE_RECORD, img->manifest.hex, img->name, e, "is missing");
	}
	return r < 0 ? r : name_layers(c, e);
}

static int compare_str(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static bool has(const struct strv *sorted, const char *s)
{
	return sorted->n && bsearch(&s, sorted->items, sorted->n, sizeof(char *), compare_str);
}

static bool is_old(const struct store_check *c, int dir_fd, const char *name)
{
	struct stat st;

	/* the time of the rename into place: files of images carry times of their own */
	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)(time(NULL) - st.st_ctime) >= c->orphan_age_s;
}

static int orphan_blobs(struct store_check *c, const struct strv *reached, struct err *e)
{
	auto_close int dir = openat(c->store->images_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strv struct strv names = STRV_INIT;
	struct digest d;
	int r = dir < 0 ? 0 : store_list_dir(dir, ".", &names);

	if (r < 0)
		return err_sys(e, r, "list %s/images/blobs", c->store->root);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (digest_parse_hex(names.items[i], &d, NULL) == 0 && !has(reached, d.hex) &&
		    !check_find(c, DAMAGE_BLOB, d.hex) && is_old(c, dir, d.hex))
			r = check_say(c, DAMAGE_ORPHAN_BLOB, d.hex, NULL, e, "belongs to no image");
	return r;
}

/* A layer that a living process has just put there. */
static bool is_new(const struct store_check *c, const char *key)
{
	char path[DIGEST_HEX_LEN + 16], maker[64] = "";

	(void)snprintf(path, sizeof(path), "%.64s/" LAYER_NEW, key);
	return file_peek(c->store->layers_fd, path, maker, sizeof(maker) - 1) > 0 && path_is_component(maker) &&
	       faccessat(c->store->tmp_fd, maker, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A layer without a record, of an image without one: the record is what is missing. */
static int blame_record(struct store_check *c, const char *key, struct err *e)
{
	for (size_t i = 0; i < c->n_images; i++) {
		const struct check_image *img = &c->images[i];

		for (size_t k = 0; !img->has_record && img->readable && k < img->n_layers; k++)
			if (streq(img->layers[k].key, key)) {
				int r = check_find(c, DAMAGE_RECORD, img->manifest.hex) ? 0 :
					check_say(c, DAMAGE_RECORD, img->manifest.hex, img->name, e, "is missing");

				return r < 0 ? r : 1;
			}
	}
	return 0;
}

/* The layers of all records, also of images whose documents cannot be read. */
static int read_records(struct store_check *c, struct strv *kept, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = store_list_dir(c->store->meta_fd, ".", &names);

	if (r < 0)
		return err_sys(e, r, "list %s/meta", c->store->root);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct image_record rec = IMAGE_RECORD_INIT;
		char hex[DIGEST_HEX_LEN + 1];
		struct digest d;

		(void)snprintf(hex, sizeof(hex), "%.64s", names.items[i]);
		if (digest_parse_hex(hex, &d, NULL) < 0 || image_record_read(c->store, &d, &rec, NULL) < 0)
			continue;
		for (size_t k = 0; r == 0 && k < rec.layers.n; k++)
			r = strv_add(kept, rec.layers.items[k]);
		image_record_done(&rec);
	}
	if (r < 0)
		return err_sys(e, r, "check the store");
	if (kept->n)
		qsort(kept->items, kept->n, sizeof(char *), compare_str);
	return 0;
}

static int orphan_layers(struct store_check *c, struct err *e)
{
	auto_strv struct strv names = STRV_INIT, kept = STRV_INIT;
	struct digest d;
	int r = read_records(c, &kept, e);

	if (r == 0 && (r = store_list_dir(c->store->layers_fd, ".", &names)) < 0)
		return err_sys(e, r, "list %s/layers", c->store->root);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		bool used = has(&kept, names.items[i]) || (c->used && strv_has(c->used, names.items[i]));

		if (digest_parse_hex(names.items[i], &d, NULL) < 0 || used || is_new(c, d.hex) ||
		    !is_old(c, c->store->layers_fd, d.hex))
			continue;
		r = blame_record(c, d.hex, e);
		if (r == 0 && !check_find(c, DAMAGE_LAYER, d.hex))
			r = check_say(c, DAMAGE_ORPHAN_LAYER, d.hex, NULL, e, "belongs to no image and no container");
	}
	return r < 0 ? r : 0;
}

static int orphan_records(struct store_check *c, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = store_list_dir(c->store->meta_fd, ".", &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.items[i];
		char hex[DIGEST_HEX_LEN + 1];
		struct digest d;

		(void)snprintf(hex, sizeof(hex), "%.64s", name);
		/* the other one is of the registry client, and a hint only */
		if (streq(name, LAYOUT_COPY_NAME) || streq(name, "blob-locations"))
			continue;
		if (!streq(name + strlen(hex), ".json") || digest_parse_hex(hex, &d, NULL) < 0)
			r = check_say(c, DAMAGE_RECORD, name, NULL, e, "is no record of an image");
		else if (!was_seen(c, &d) && !check_find(c, DAMAGE_BLOB, hex))
			r = check_say(c, DAMAGE_RECORD, hex, NULL, e, "belongs to no image");
	}
	return r;
}

int check_orphans(struct store_check *c, const struct strv *reached, struct err *e)
{
	auto_strv struct strv sorted = STRV_INIT;
	int r = 0;

	/* Without the index nothing is known to be unused. */
	if (check_find(c, DAMAGE_LAYOUT, "index.json"))
		return 0;
	for (size_t i = 0; r == 0 && i < reached->n; i++)
		r = strv_add(&sorted, reached->items[i]);
	if (r < 0)
		return err_sys(e, r, "check the store");
	if (sorted.n)
		qsort(sorted.items, sorted.n, sizeof(char *), compare_str);
	if (!c->blind)
		r = orphan_blobs(c, &sorted, e);
	if (r == 0)
		r = orphan_layers(c, e);
	if (r == 0)
		r = orphan_records(c, e);
	return r;
}
