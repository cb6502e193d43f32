/* The image layout: index.json, its lock, and reading blobs. */
#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "json.h"
#include "log.h"
#include "path.h"
#include "store-internal.h"

#define REF_NAME "org.opencontainers.image.ref.name"

struct descriptor {
	const char *media_type, *digest;
	uint64_t size_bytes;
	const json_t *annotations;
};

#define FIELD(member) offsetof(struct descriptor, member)
static const struct json_field descriptor_fields[] = {
	{ "mediaType", JSON_KIND_STR, FIELD(media_type), 0, 256 },
	{ "digest", JSON_KIND_STR, FIELD(digest), JSON_REQUIRED, 256 },
	{ "size", JSON_KIND_U64, FIELD(size_bytes), JSON_REQUIRED, 0 },
	{ "annotations", JSON_KIND_OBJECT, FIELD(annotations), 0, 0 },
	{ NULL, 0, 0, 0, 0 },
};

void layout_index_done(struct layout_index *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->entries[i].ref);
		free(x->entries[i].media_type);
		json_decref(x->entries[i].annotations);
	}
	free(x->entries);
	x->entries = NULL;
	x->n = 0;
}

static const char *descriptor_ref(const json_t *desc)
{
	return json_string_value(json_object_get(json_object_get(desc, "annotations"), REF_NAME));
}

/* 1 and @ret filled, 0 for an entry of a kind that we have no use for (another digest algorithm). */
static int read_entry(const json_t *desc, size_t i, struct layout_entry *ret, struct err *e)
{
	struct descriptor d = { .media_type = "" };
	const char *ref = descriptor_ref(desc);
	char where[48];
	int r;

	(void)snprintf(where, sizeof(where), "$.manifests[%zu]", i);
	r = json_read(desc, descriptor_fields, &d, JSON_ALLOW_UNKNOWN, where, e);
	if (r < 0)
		return r;
	if (digest_parse(d.digest, &ret->manifest, NULL) < 0)
		return 0;
	ret->size_bytes = d.size_bytes;
	ret->ref = ref ? strdup(ref) : NULL;
	ret->media_type = strdup(d.media_type);
	ret->annotations = json_incref(json_object_get(desc, "annotations"));
	if ((ref && !ret->ref) || !ret->media_type)
		return err_sys(e, ENOMEM, "%s", where);
	return 1;
}

static int load_index(struct store *s, json_t **ret, struct err *e)
{
	auto_json json_t *doc = NULL;
	int r;

	if (s->images_fd < 0)
		r = -ENOENT;
	else
		r = json_parse_file(s->images_fd, "index.json", LAYOUT_INDEX_MAX_BYTES, &doc, e);
	if (r == -ENOENT) {
		doc = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", MEDIA_OCI_INDEX,
				"manifests");
		r = doc ? 0 : err_sys(e, ENOMEM, "read index.json");
		if (r == 0 && e)
			*e = (struct err)ERR_INIT;
	}
	if (r == 0 && !json_is_array(json_object_get(doc, "manifests")))
		r = err_set(e, ERR_CORRUPT, "index.json: $.manifests: expected an array");
	if (r < 0)
		return err_wrap(e, r, "%s/images", s->root);
	*ret = take_ptr(&doc);
	return 0;
}

static void drop_entry(struct layout_entry *entry)
{
	free(entry->ref);
	free(entry->media_type);
	json_decref(entry->annotations);
	*entry = (struct layout_entry){ .ref = NULL };
}

/* Is the last entry's name, or its manifest where it has none, among those before? */
static bool is_shadowed(const struct layout_index *x)
{
	const struct layout_entry *last = &x->entries[x->n];

	for (size_t i = 0; i < x->n; i++)
		if (last->ref ? x->entries[i].ref && streq(x->entries[i].ref, last->ref) :
				digest_eq(&x->entries[i].manifest, &last->manifest))
			return true;
	return false;
}

/* @more: whose they are, as in struct layout_entry. */
static int add_entries(struct layout_index *x, const json_t *list, size_t more, struct err *e)
{
	struct layout_entry *grown = reallocarray(x->entries, x->n + json_array_size(list) + 1, sizeof(*grown));

	if (!grown)
		return err_sys(e, ENOMEM, "read index.json");
	x->entries = grown;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct layout_entry *entry = &grown[x->n];
		int r;

		*entry = (struct layout_entry){ .more = more };
		r = read_entry(json_array_get(list, i), i, entry, e);
		if (r <= 0 || (more && is_shadowed(x)))
			drop_entry(entry);
		else
			x->n++;
		if (r < 0)
			return r;
	}
	return 0;
}

/* A store that somebody else damages must not keep us from using ours. */
static void add_more(struct store *s, size_t i, struct layout_index *x)
{
	auto_json json_t *doc = NULL;
	struct err why = ERR_INIT;
	int r = json_parse_file(s->more[i].images_fd, "index.json", LAYOUT_INDEX_MAX_BYTES, &doc, &why);

	if (r == 0)
		r = add_entries(x, json_object_get(doc, "manifests"), i + 1, &why);
	if (r < 0)
		log_warn("the additional image store %s cannot be read: %s", s->more[i].root,
			 why.text[0] ? why.text : strerror(-r));
}

int layout_read(struct store *s, struct layout_index *ret, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	auto_json json_t *doc = NULL;
	int r = load_index(s, &doc, e);

	if (r < 0)
		return r;
	r = add_entries(&x, json_object_get(doc, "manifests"), 0, e);
	if (r < 0)
		return err_wrap(e, r, "%s/images/index.json", s->root);
	for (size_t i = 0; i < s->n_more; i++)
		add_more(s, i, &x);
	*ret = x;
	x = (struct layout_index)LAYOUT_INDEX_INIT;
	return 0;
}

int layout_lock(struct store *s, struct err *e)
{
	auto_close int fd = openat(s->images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, errno, "open %s/images", s->root);
	r = file_lock(fd, true, true);
	if (r < 0)
		return err_sys(e, r, "lock %s/images", s->root);
	return take_fd(&fd);
}

static void sum_text(const char *text, char ret[17])
{
	(void)snprintf(ret, 17, "%016" PRIx64, str_hash64(text, strlen(text)));
}

/* @text: of @doc, as it is in index.json, or will be in a moment: then that is still what it was. */
static int save_copy(struct store *s, const json_t *doc, const char *text)
{
	auto_free char *was = NULL;
	auto_json json_t *copy = json_pack("{s:O}", "index", doc);
	auto_free char *out = NULL;
	char sum[17], before[17] = "";

	sum_text(text, sum);
	if (file_read(s->images_fd, "index.json", LAYOUT_INDEX_MAX_BYTES, &was, NULL) == 0)
		sum_text(was, before);
	if (!copy || json_object_set_new(copy, "sum", json_string(sum)) < 0 ||
	    json_object_set_new(copy, "before", json_string(before)) < 0)
		return -ENOMEM;
	out = json_dumps(copy, JSON_COMPACT);
	return out ? store_put_file(s, s->meta_fd, LAYOUT_COPY_NAME, out, strlen(out), 0600, FILE_SYNC_NONE,
				    true) : -ENOMEM;
}

/* The copied index, its checksum and that of the one before; -EBADMSG where it is not what was copied. */
static int read_copy(struct store *s, json_t **ret_doc, char ret_sum[17], char ret_before[17])
{
	auto_json json_t *copy = NULL;
	auto_free char *text = NULL;
	const char *sum, *before;
	int r = json_parse_file(s->meta_fd, LAYOUT_COPY_NAME, LAYOUT_INDEX_MAX_BYTES + 4096, &copy, NULL);

	if (r < 0)
		return r == -ENOENT ? r : -EBADMSG;
	sum = json_string_value(json_object_get(copy, "sum"));
	text = json_dumps(json_object_get(copy, "index"), JSON_COMPACT);
	if (!sum || !text)
		return -EBADMSG;
	sum_text(text, ret_sum);
	if (!streq(sum, ret_sum))
		return -EBADMSG;
	before = json_string_value(json_object_get(copy, "before"));
	(void)snprintf(ret_before, 17, "%s", before ? before : "");
	*ret_doc = json_incref(json_object_get(copy, "index"));
	return 0;
}

int layout_copy_differs(struct store *s)
{
	auto_json json_t *doc = NULL;
	auto_free char *text = NULL;
	char sum[17], before[17], now[17];
	int r = read_copy(s, &doc, sum, before);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = file_read(s->images_fd, "index.json", LAYOUT_INDEX_MAX_BYTES, &text, NULL);
	if (r < 0)
		return r;
	sum_text(text, now);
	return !streq(sum, now) && !streq(before, now);
}

static int save_index(struct store *s, const json_t *doc, struct err *e)
{
	auto_free char *text = json_dumps(doc, JSON_COMPACT);
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "write index.json");
	if (strlen(text) > LAYOUT_INDEX_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "%s/images/index.json would be larger than %u bytes",
			       s->root, LAYOUT_INDEX_MAX_BYTES);
	(void)save_copy(s, doc, text); /* the next one makes it again */
	r = store_put_file(s, s->images_fd, "index.json", text, strlen(text), 0644, FILE_SYNC_FULL, true);
	return r < 0 ? err_sys(e, r, "write %s/images/index.json", s->root) : 0;
}

static bool is_of(const json_t *desc, const char *digest)
{
	const char *d = json_string_value(json_object_get(desc, "digest"));

	return d && streq(d, digest);
}

/* The ID of the list that the entry is; "" for an image. */
static const char *list_id(const json_t *desc)
{
	const char *id = json_string_value(json_object_get(json_object_get(desc, "annotations"), LAYOUT_LIST_ID));

	return id ? id : "";
}

/* Is there an entry of the image, or of the list @id, @digest besides the one at @skip? */
static bool named_elsewhere(const json_t *list, const char *digest, const char *id, size_t skip)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *desc = json_array_get(list, i);

		if (i != skip && is_of(desc, digest) && streq(list_id(desc), id))
			return true;
	}
	return false;
}

/* Take the name from the entry at @i; returns true if the entry itself went. */
static bool take_name(json_t *list, size_t i, bool keep)
{
	json_t *desc = json_array_get(list, i);
	json_t *ann = json_object_get(desc, "annotations");
	const char *digest = json_string_value(json_object_get(desc, "digest"));

	if (!keep || !digest || named_elsewhere(list, digest, list_id(desc), i)) {
		(void)json_array_remove(list, i);
		return true;
	}
	(void)json_object_del(ann, REF_NAME);
	if (json_object_size(ann) == 0)
		(void)json_object_del(desc, "annotations");
	return false;
}

/* Take @ref from whatever has it, but for an entry of @digest (may be NULL).  Returns how many
 * had it. */
static size_t drop_ref(json_t *list, const char *ref, bool keep, const char *but, bool *ret_has)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list);) {
		const json_t *desc = json_array_get(list, i);
		const char *name = descriptor_ref(desc);

		if (!name || !streq(name, ref)) {
			i++;
		} else if (but && is_of(desc, but) && !*list_id(desc) && !*ret_has) {
			*ret_has = true;
			i++;
		} else {
			n++;
			i += !take_name(list, i, keep);
		}
	}
	return n;
}

static json_t *find_untagged(json_t *list, const char *digest)
{
	size_t i;
	json_t *desc;

	json_array_foreach(list, i, desc)
		if (is_of(desc, digest) && !*list_id(desc) && !descriptor_ref(desc))
			return desc;
	return NULL;
}

static int set_ref(json_t *desc, const char *ref)
{
	json_t *ann = json_object_get(desc, "annotations");

	if (!json_is_object(ann)) {
		if (json_object_set_new(desc, "annotations", json_object()) < 0)
			return -ENOMEM;
		ann = json_object_get(desc, "annotations");
	}
	return json_object_set_new(ann, REF_NAME, json_string(ref)) < 0 ? -ENOMEM : 0;
}

/* The list with @ref on @digest; 1 if that changed something. */
static int put_ref(json_t *list, const char *ref, const char *digest, uint64_t size_bytes,
		   const char *media_type)
{
	json_t *desc = find_untagged(list, digest);
	bool has = false;
	size_t dropped;

	if (!ref && (desc || named_elsewhere(list, digest, "", SIZE_MAX)))
		return 0;
	dropped = ref ? drop_ref(list, ref, true, digest, &has) : 0;
	if (has)
		return dropped > 0;
	if (!desc) {
		desc = json_pack("{s:s, s:s, s:I}", "mediaType", media_type, "digest", digest, "size",
				 (json_int_t)size_bytes);
		if (!desc || json_array_append_new(list, desc) < 0)
			return -ENOMEM;
	}
	return ref && set_ref(desc, ref) < 0 ? -ENOMEM : 1;
}

int layout_tag_locked(struct store *s, const char *ref, const struct digest *manifest,
		      uint64_t size_bytes, const char *media_type, struct err *e)
{
	auto_json json_t *doc = NULL;
	char digest[DIGEST_STR_MAX], path[BLOB_PATH_MAX];
	int r;

	layout_blob_path(manifest, path);
	if (faccessat(s->images_fd, path, F_OK, 0) < 0)
		return err_sys(e, errno, "image %.12s: find its manifest in %s/images", manifest->hex,
			       s->root);
	r = load_index(s, &doc, e);
	if (r < 0)
		return r;
	r = put_ref(json_object_get(doc, "manifests"), ref, digest_str(manifest, digest), size_bytes,
		    media_type);
	if (r < 0)
		return err_sys(e, r, "tag image %.12s", manifest->hex);
	return r > 0 ? save_index(s, doc, e) : 0;
}

int layout_tag(struct store *s, const char *ref, const struct digest *manifest, uint64_t size_bytes,
	       const char *media_type, struct err *e)
{
	auto_close int lock = layout_lock(s, e);

	return lock < 0 ? lock : layout_tag_locked(s, ref, manifest, size_bytes, media_type, e);
}

/* Nothing of ours has it: perhaps an additional store does.  @ref or @manifest is NULL. */
static int not_ours(struct store *s, const char *ref, const char *manifest, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;

	if (!s->n_more || layout_read(s, &x, NULL) < 0)
		return 0;
	for (size_t i = 0; i < x.n; i++) {
		const struct layout_entry *entry = &x.entries[i];

		if (entry->more && (ref ? entry->ref && streq(entry->ref, ref) :
					  streq(entry->manifest.hex, manifest)))
			return err_set(e, ERR_DENIED, "image %s belongs to the additional image store %s, which "
				       "is only read", ref ? ref : manifest, s->more[entry->more - 1].root);
	}
	return 0;
}

int layout_untag(struct store *s, const char *ref, bool keep, struct err *e)
{
	auto_close int lock = layout_lock(s, e);
	auto_json json_t *doc = NULL;
	int r;

	if (lock < 0)
		return lock;
	r = load_index(s, &doc, e);
	if (r < 0)
		return r;
	if (drop_ref(json_object_get(doc, "manifests"), ref, keep, NULL, NULL) == 0) {
		r = not_ours(s, ref, NULL, e);
		return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "no image has the name %s", ref);
	}
	return save_index(s, doc, e);
}

static int remove_entries(struct store *s, const char *digest, const char *id, const char *what, struct err *e)
{
	auto_close int lock = layout_lock(s, e);
	auto_json json_t *doc = NULL;
	json_t *list;
	size_t before;
	int r;

	if (lock < 0)
		return lock;
	r = load_index(s, &doc, e);
	if (r < 0)
		return r;
	list = json_object_get(doc, "manifests");
	before = json_array_size(list);
	for (size_t i = 0; i < json_array_size(list);) {
		const json_t *desc = json_array_get(list, i);

		if (streq(list_id(desc), id) && (!digest || is_of(desc, digest)))
			(void)json_array_remove(list, i);
		else
			i++;
	}
	if (json_array_size(list) == before)
		return err_set(e, ERR_NOT_FOUND, "%.12s is not in the store", what);
	return save_index(s, doc, e);
}

int layout_remove(struct store *s, const struct digest *manifest, struct err *e)
{
	char digest[DIGEST_STR_MAX];
	int r = remove_entries(s, digest_str(manifest, digest), "", manifest->hex, e);

	if (r == -ENOENT) {
		int r2 = not_ours(s, NULL, manifest->hex, e);

		return r2 < 0 ? r2 : err_wrap(e, r, "image");
	}
	return r;
}

int layout_remove_list(struct store *s, const struct digest *id, struct err *e)
{
	return remove_entries(s, NULL, id->hex, id->hex, e);
}

bool layout_entry_list(const struct layout_entry *entry, struct digest *ret_id)
{
	const char *id = json_string_value(json_object_get(entry->annotations, LAYOUT_LIST_ID));

	return id && digest_parse_hex(id, ret_id, NULL) == 0;
}

/* @annotations and the name that @desc has, or @ref. */
static int set_annotations(json_t *desc, const json_t *annotations, const char *ref)
{
	json_t *fresh = json_deep_copy(annotations);
	const char *name = ref ? ref : descriptor_ref(desc);

	(void)json_object_del(fresh, REF_NAME); /* of the entry that they were read from */
	if (!fresh || (name && json_object_set_new(fresh, REF_NAME, json_string(name)) < 0)) {
		json_decref(fresh);
		return -ENOMEM;
	}
	return json_object_set_new(desc, "annotations", fresh) < 0 ? -ENOMEM : 0;
}

/* @desc as an entry of @manifest, which it keeps its name in unless @ref gives it one. */
static int fill_entry(json_t *desc, const char *ref, const struct digest *manifest, uint64_t size_bytes,
		      const char *media_type, const json_t *annotations)
{
	char digest[DIGEST_STR_MAX];

	if (json_object_set_new(desc, "mediaType", json_string(media_type)) < 0 ||
	    json_object_set_new(desc, "digest", json_string(digest_str(manifest, digest))) < 0 ||
	    json_object_set_new(desc, "size", json_integer((json_int_t)size_bytes)) < 0)
		return -ENOMEM;
	return set_annotations(desc, annotations, ref);
}

static json_t *find_nameless_list(json_t *all, const char *id)
{
	json_t *desc;
	size_t i;

	json_array_foreach(all, i, desc)
		if (streq(list_id(desc), id) && !descriptor_ref(desc))
			return desc;
	return NULL;
}

int layout_put_list_locked(struct store *s, const char *ref, const struct digest *list, uint64_t size_bytes,
			   const char *media_type, const json_t *annotations, struct err *e)
{
	const char *id = json_string_value(json_object_get(annotations, LAYOUT_LIST_ID));
	auto_json json_t *doc = NULL;
	json_t *all, *desc;
	size_t i;
	int r = id ? load_index(s, &doc, e) : -EINVAL;

	if (r < 0)
		return r;
	all = json_object_get(doc, "manifests");
	if (ref) {
		(void)drop_ref(all, ref, true, NULL, NULL); /* whatever had it stays without it */
		desc = find_nameless_list(all, id);
		if (!desc && json_array_append_new(all, json_object()) == 0)
			desc = json_array_get(all, json_array_size(all) - 1);
		r = desc ? fill_entry(desc, ref, list, size_bytes, media_type, annotations) : -ENOMEM;
	}
	json_array_foreach(all, i, desc)
		if (r == 0 && streq(list_id(desc), id))
			r = fill_entry(desc, NULL, list, size_bytes, media_type, annotations);
	return r < 0 ? err_sys(e, r, "write index.json") : save_index(s, doc, e);
}

int layout_tag_list(struct store *s, const char *ref, const struct layout_entry *entry, struct err *e)
{
	auto_close int lock = layout_lock(s, e);

	return lock < 0 ? lock : layout_put_list_locked(s, ref, &entry->manifest, entry->size_bytes,
							entry->media_type, entry->annotations, e);
}

int layout_restore(struct store *s, struct err *e)
{
	auto_close int lock = layout_lock(s, e);
	auto_json json_t *doc = NULL;
	char sum[17], before[17];
	int r = lock < 0 ? lock : read_copy(s, &doc, sum, before);

	if (r < 0)
		return r;
	return save_index(s, doc, e);
}

int layout_copy_refresh(struct store *s, struct err *e)
{
	auto_close int lock = layout_lock(s, e);
	auto_json json_t *doc = NULL;
	auto_free char *text = NULL;
	int r = lock < 0 ? lock : load_index(s, &doc, e);

	if (r < 0)
		return r;
	text = json_dumps(doc, JSON_COMPACT);
	r = text ? save_copy(s, doc, text) : -ENOMEM;
	return r < 0 ? err_sys(e, r, "write %s/" LAYOUT_COPY, s->root) : 0;
}

void layout_blob_path(const struct digest *d, char buf[BLOB_PATH_MAX])
{
	(void)snprintf(buf, BLOB_PATH_MAX, "blobs/sha256/%s", d->hex);
}

int layout_blob_open(struct store *s, const struct digest *d, struct err *e)
{
	char path[BLOB_PATH_MAX];
	int fd;

	layout_blob_path(d, path);
	fd = path_open_beneath(s->images_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	for (size_t i = 0; fd == -ENOENT && i < s->n_more; i++)
		fd = path_open_beneath(s->more[i].images_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "blob %.12s is not in the store", d->hex);
	return fd < 0 ? err_sys(e, fd, "open blob %.12s", d->hex) : fd;
}

static bool is_in_more(struct store *s, const char *path)
{
	for (size_t i = 0; i < s->n_more; i++)
		if (faccessat(s->more[i].images_fd, path, F_OK, 0) == 0)
			return true;
	return false;
}

int layout_blob_hold(struct store *s, const struct digest *d, struct err *e)
{
	auto_close int fd = layout_blob_open(s, d, e);
	char path[BLOB_PATH_MAX];
	int r;

	if (fd < 0)
		return fd;
	layout_blob_path(d, path);
	r = file_lock(fd, false, false);
	/* Held exclusively, or gone by now: it is being collected. */
	if (r == 0 && (faccessat(s->images_fd, path, F_OK, 0) == 0 || is_in_more(s, path)))
		return take_fd(&fd);
	if (r == 0 || r == -EWOULDBLOCK)
		return err_set(e, ERR_NOT_FOUND, "blob %.12s is being removed", d->hex);
	return err_sys(e, r, "lock blob %.12s", d->hex);
}

int layout_blob_json(struct store *s, const struct digest *d, size_t max_bytes, json_t **ret,
		     struct err *e)
{
	auto_close int fd = layout_blob_open(s, d, e);
	auto_free char *buf = NULL;
	char what[40];
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	(void)snprintf(what, sizeof(what), "blob %.12s", d->hex);
	r = fd_read_file(fd, max_bytes, &buf, &len);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", what, max_bytes);
	if (r < 0)
		return err_sys(e, r, "read %s", what);
	return json_parse(buf, len, max_bytes, what, ret, e);
}
