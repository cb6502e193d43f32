/* Images of the store, see ctrlite/image.h. */
#include <ctrlite/image.h>

#include <ctrlite/event.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "ensure.h"
#include "fd.h"
#include "image-priv.h"
#include "layout.h"
#include "log.h"
#include "lookup.h"
#include "reference.h"

void ctr_image_done(struct ctr_image *i)
{
	strv_done(&i->names);
	strv_done(&i->repo_digests);
	strv_done(&i->layers);
	json_decref(i->config);
	json_decref(i->manifest_doc);
	i->config = i->manifest_doc = NULL;
}

void ctr_image_list_done(struct ctr_image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ctr_image_done(&l->items[i]);
	free(l->items);
	*l = (struct ctr_image_list)CTR_IMAGE_LIST_INIT;
}

int64_t ctr_image_time(const char *s)
{
	struct tm tm = { 0 };
	const char *rest = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t ns = 0, unit = 100000000, offset = 0;
	time_t t;

	if (!rest)
		return 0;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ns += (*rest - '0') * unit;
	if ((*rest == '+' || *rest == '-') && strlen(rest) == 6)
		offset = (atoi(rest + 1) * 60 + atoi(rest + 4)) * (*rest == '-' ? -60 : 60);
	t = timegm(&tm);
	/* from 1677 to 2262: what nanoseconds in 64 bits can say */
	if (t < -9000000000 || t > 9000000000 || (t == -62135596800))
		return 0;
	return (t - offset) * 1000000000 + ns;
}

static uint64_t compressed_size(const json_t *manifest)
{
	const json_t *layers = json_object_get(manifest, "layers");
	uint64_t sum = 0;

	for (size_t i = 0; i < json_array_size(layers); i++) {
		json_int_t n =
			json_integer_value(json_object_get(json_array_get(layers, i), "size"));

		if (n > 0 && __builtin_add_overflow(sum, (uint64_t)n, &sum))
			return UINT64_MAX;
	}
	return sum;
}

/* "docker.io/library/alpine" of a full reference; what another tool wrote stays as it is. */
static char *repository_of(const char *ref)
{
	struct ctr_reference r;
	char buf[REF_STR_MAX];

	if (ctr_reference_parse(ref, &r, NULL) < 0)
		return strdup(ref);
	return strdup(ctr_reference_name(&r, buf));
}

static int add_name(struct ctr_image *i, const char *ref, const struct digest *digest)
{
	auto_free char *repo = NULL, *full = NULL;
	char buf[DIGEST_STR_MAX];
	int r;

	if (!strv_has(&i->names, ref)) {
		r = strv_add(&i->names, ref);
		if (r < 0)
			return r;
	}
	repo = repository_of(ref);
	full = repo ? str_printf("%s@%s", repo, digest_str(digest, buf)) : NULL;
	if (!full)
		return -ENOMEM;
	return strv_has(&i->repo_digests, full) ? 0 : strv_add(&i->repo_digests, full);
}

/* What the record tells of it, without a look into the blobs. */
static int identify(const struct ctr_image_found *f, struct ctr_image *ret, struct err *e)
{
	int r = 0;

	ret->id = f->config;
	ret->digest = f->entry;
	ret->manifest = f->manifest;
	ret->is_index = !digest_eq(&f->entry, &f->manifest);
	ret->size_bytes = f->unpacked ? f->record.size_bytes : 0;
	for (size_t i = 0; r >= 0 && f->unpacked && i < f->record.layers.n; i++)
		r = strv_add(&ret->layers, f->record.layers.items[i]);
	return r < 0 ? err_sys(e, r, "read image %s", f->config.hex) : 0;
}

/* A blob that is gone is damage to the image, not an image that is not there. */
static int damaged(int r, const char *name, struct err *e)
{
	if (e && e->kind == ERR_NOT_FOUND)
		e->kind = ERR_CORRUPT;
	return err_wrap(e, r == -ENOENT ? -EBADMSG : r,
			"image %s is damaged: pull it again or remove it", name);
}

/* Fill all but the names. */
static int load(struct store *s, const struct ctr_image_found *f, const char *name,
		struct ctr_image *ret, struct err *e)
{
	int r = identify(f, ret, e);

	if (r < 0)
		return r;
	r = layout_blob_json(s, &f->config, LAYOUT_CONFIG_MAX_BYTES, &ret->config, e);
	if (r >= 0)
		r = layout_blob_json(s, &f->manifest, LAYOUT_MANIFEST_MAX_BYTES, &ret->manifest_doc,
				     e);
	if (r < 0)
		return damaged(r, name, e);
	ret->created_ns =
		ctr_image_time(json_string_value(json_object_get(ret->config, "created")));
	if (!f->unpacked)
		ret->size_bytes = compressed_size(ret->manifest_doc);
	return 0;
}

static struct ctr_image *find_id(struct ctr_image_list *l, const struct digest *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (digest_eq(&l->items[i].id, id))
			return &l->items[i];
	return NULL;
}

static int newest_first(const void *a, const void *b)
{
	const struct ctr_image *x = a, *y = b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? 1 : -1;
	return strcmp(x->id.hex, y->id.hex);
}

/* A list as an image: all but its names. */
static int load_list(struct store *s, const struct layout_entry *entry, const struct digest *id,
		     struct ctr_image *ret, struct err *e)
{
	ret->id = *id;
	ret->digest = ret->manifest = entry->manifest;
	ret->is_index = ret->is_list = true;
	ret->size_bytes = entry->size_bytes;
	ret->created_ns = ctr_image_time(
		json_string_value(json_object_get(entry->annotations, LAYOUT_LIST_CREATED)));
	return layout_blob_json(s, &entry->manifest, LAYOUT_MANIFEST_MAX_BYTES, &ret->manifest_doc, e);
}

static int list_names(const struct layout_index *x, struct ctr_image *i, struct err *e)
{
	struct digest id;
	int r = 0;

	for (size_t k = 0; r >= 0 && k < x->n; k++)
		if (x->entries[k].ref && layout_entry_list(&x->entries[k], &id) && digest_eq(&id, &i->id))
			r = add_name(i, x->entries[k].ref, &i->digest);
	return r < 0 ? err_sys(e, r, "read the names of list %s", i->id.hex) : 0;
}

int ctr_image_list_in(struct ctr_engine *eng, const struct layout_index *x,
		      const struct layout_entry *entry, struct ctr_image *ret, struct err *e)
{
	struct ctr_image i = CTR_IMAGE_INIT;
	struct digest id;
	int r = layout_entry_list(entry, &id)
			? load_list(&eng->store, entry, &id, &i, e)
			: err_set(e, ERR_INVALID, "%s: image is not a manifest list",
				  entry->ref ? entry->ref : entry->manifest.hex);

	if (r >= 0)
		r = list_names(x, &i, e);
	if (r < 0) {
		ctr_image_done(&i);
		return r;
	}
	*ret = i;
	return 0;
}

int ctr_image_get_list(struct ctr_engine *eng, const char *text, struct ctr_image *ret, char **ret_name,
		       struct err *e)
{
	bool by_id = false;
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	const struct layout_entry *entry = NULL;
	struct ctr_image i = CTR_IMAGE_INIT;
	int r = layout_read(&eng->store, &x, e);

	if (r >= 0)
		r = ctr_image_lookup_entry(&eng->store, &x, text, &entry, &by_id, e);
	if (r >= 0)
		r = ctr_image_list_in(eng, &x, entry, &i, e);
	if (r >= 0 && ret_name && !by_id && entry->ref && !(*ret_name = strdup(entry->ref)))
		r = err_sys(e, ENOMEM, "look up %s", text);
	if (r >= 0 && ret)
		*ret = i;
	else
		ctr_image_done(&i);
	return r;
}

int ctr_image_exists(struct ctr_engine *eng, const char *text, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	const struct layout_entry *entry = NULL;
	int r = layout_read(&eng->store, &x, e);

	return r < 0 ? r : ctr_image_lookup_entry(&eng->store, &x, text, &entry, NULL, e);
}

static int list_entry(struct ctr_engine *eng, const struct layout_entry *entry,
		      struct ctr_image_list *l, struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	const char *name = entry->ref ? entry->ref : entry->manifest.hex;
	struct err why = ERR_INIT;
	struct ctr_image *i;
	struct digest list;
	bool is_list = layout_entry_list(entry, &list);
	int r;

	r = is_list ? 0 : ctr_image_resolve(&eng->store, entry, &f, &why);
	if (r < 0) {
		/* of another platform, damaged, or removed meanwhile */
		log_debug("image %s is not listed: %s", name, why.text);
		return 0;
	}
	i = find_id(l, is_list ? &list : &f.config);
	if (!i) {
		i = &l->items[l->n];
		*i = (struct ctr_image)CTR_IMAGE_INIT;
		r = is_list ? load_list(&eng->store, entry, &list, i, &why)
			    : load(&eng->store, &f, entry->ref ? entry->ref : f.config.hex, i, &why);
		if (r < 0) {
			log_warn("%s", why.text);
			ctr_image_done(i);
			return 0;
		}
		i->read_only = entry->more;
		l->n++;
	}
	r = entry->ref ? add_name(i, entry->ref, &entry->manifest) : 0;
	return r < 0 ? err_sys(e, r, "list images") : 0;
}

int ctr_image_list(struct ctr_engine *eng, struct ctr_image_list *ret, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	int r;

	r = layout_read(&eng->store, &x, e);
	if (r < 0)
		return r;
	l.items = calloc(x.n + 1, sizeof(*l.items));
	if (!l.items)
		return err_sys(e, ENOMEM, "list images");
	for (size_t i = 0; i < x.n; i++) {
		r = list_entry(eng, &x.entries[i], &l, e);
		if (r < 0) {
			ctr_image_list_done(&l);
			return r;
		}
	}
	qsort(l.items, l.n, sizeof(*l.items), newest_first);
	*ret = l;
	return 0;
}

/* Every name of the image that @f is, under whichever entry. */
static int collect_names(struct ctr_engine *eng, const struct layout_index *x,
			 const struct ctr_image_found *f, struct ctr_image *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < x->n; i++) {
		const struct layout_entry *entry = &x->entries[i];
		bool same = digest_eq(&entry->manifest, &f->entry);
		struct digest list;

		if (!entry->ref || layout_entry_list(entry, &list))
			continue;
		if (!same) {
			auto_image_found struct ctr_image_found other = CTR_IMAGE_FOUND_INIT;

			same = ctr_image_resolve(&eng->store, entry, &other, NULL) >= 0 &&
			       digest_eq(&other.config, &f->config);
		}
		if (same)
			r = add_name(ret, entry->ref, &entry->manifest);
	}
	return r < 0 ? err_sys(e, r, "read the names of image %s", f->config.hex) : 0;
}

int ctr_image_get_in(struct ctr_engine *eng, const struct layout_index *x, const char *text,
		     bool blobs, struct ctr_image *ret, char **ret_name, struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	struct ctr_image i = CTR_IMAGE_INIT;
	int r;

	r = ctr_image_lookup_in(&eng->store, x, text, &f, e);
	if (r < 0)
		return r;
	r = blobs ? load(&eng->store, &f, text, &i, e) : identify(&f, &i, e);
	if (r >= 0)
		r = collect_names(eng, x, &f, &i, e);
	if (r < 0) {
		ctr_image_done(&i);
		return r;
	}
	*ret = i;
	if (ret_name)
		*ret_name = f.by_id ? NULL : take_ptr(&f.name);
	return 0;
}

int ctr_image_get(struct ctr_engine *eng, const char *text, struct ctr_image *ret, char **ret_name,
		  struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	int r = layout_read(&eng->store, &x, e);

	return r < 0 ? r : ctr_image_get_in(eng, &x, text, true, ret, ret_name, e);
}

int ctr_image_full_name(const char *name, char **ret, struct err *e)
{
	struct ctr_reference parsed, full;
	char buf[REF_STR_MAX];
	char *copy;
	int r;

	r = ctr_reference_parse(name, &parsed, e);
	if (r < 0)
		return err_wrap(e, r, "normalizing name \"%s\"", name);
	if (parsed.digest.hex[0])
		return err_set(e, ERR_INVALID, "%s: tag by digest not supported", name);
	r = ctr_reference_qualify(&parsed, "localhost", &full, e);
	if (r < 0)
		return r;
	ctr_reference_default_tag(&full);
	copy = strdup(ctr_reference_str(&full, buf));
	if (!copy)
		return err_sys(e, ENOMEM, "normalizing name \"%s\"", name);
	*ret = copy;
	return 0;
}

static int full_names(const struct strv *names, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		char *full;
		int r = ctr_image_full_name(names->items[i], &full, e);

		if (r < 0)
			return r;
		r = strv_add_take(ret, full);
		if (r < 0)
			return err_sys(e, r, "read the names");
	}
	return 0;
}

/* The ID of what @entry stands for, for events: of the image, or of the list. */
static void id_of(struct ctr_engine *eng, const struct layout_entry *entry, struct digest *ret)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;

	if (layout_entry_list(entry, ret))
		return;
	*ret = ctr_image_resolve(&eng->store, entry, &f, NULL) < 0 ? entry->manifest : f.config;
}

int ctr_image_tag(struct ctr_engine *eng, const char *image, const struct strv *names,
		  struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	auto_strv struct strv full = STRV_INIT;
	const struct layout_entry *entry = NULL;
	struct digest id;
	int r;

	r = full_names(names, &full, e);
	if (r >= 0)
		r = layout_read(&eng->store, &x, e);
	if (r >= 0)
		r = ctr_image_lookup_entry(&eng->store, &x, image, &entry, NULL, e);
	if (r < 0)
		return r;
	id_of(eng, entry, &id);
	if (entry->more)
		r = ctr_image_unpack(eng, &entry->manifest, true, e); /* its documents become ours */
	for (size_t i = 0; r >= 0 && i < full.n; i++) {
		r = layout_entry_list(entry, &id)
			    ? layout_tag_list(&eng->store, full.items[i], entry, e)
			    : layout_tag(&eng->store, full.items[i], &entry->manifest, entry->size_bytes,
					 entry->media_type, e);
		if (r < 0)
			return err_wrap(e, r, "tag %s", full.items[i]);
		ctr_image_event(eng, "tag", id.hex, full.items[i]);
	}
	return r < 0 ? r : 0;
}

/* An image, or a list. */
static int get_any(struct ctr_engine *eng, const char *text, struct ctr_image *ret, struct err *e)
{
	struct err other = ERR_INIT;
	int r = ctr_image_get_list(eng, text, ret, NULL, &other);

	if (r >= 0 || other.kind != ERR_INVALID) {
		if (r < 0)
			*e = other;
		return r;
	}
	return ctr_image_get(eng, text, ret, NULL, e);
}

int ctr_image_untag(struct ctr_engine *eng, const char *image, const struct strv *names,
		    struct err *e)
{
	auto_strv struct strv full = STRV_INIT;
	const struct strv *gone = &full;
	struct ctr_image i = CTR_IMAGE_INIT;
	int r;

	r = full_names(names, &full, e);
	if (r >= 0)
		r = get_any(eng, image, &i, e);
	if (r < 0)
		return r;
	for (size_t k = 0; r >= 0 && k < full.n; k++)
		if (!strv_has(&i.names, full.items[k]))
			r = err_set(e, ERR_NOT_FOUND, "%s: tag not known", full.items[k]);
	if (!names->n)
		gone = &i.names;
	for (size_t k = 0; r >= 0 && k < gone->n; k++) {
		r = layout_untag(&eng->store, gone->items[k], true, e);
		if (r < 0)
			r = err_wrap(e, r, "untag %s", gone->items[k]);
		else
			ctr_image_event(eng, "untag", i.id.hex, gone->items[k]);
	}
	ctr_image_done(&i);
	return r < 0 ? r : 0;
}
