/* Looking images up in the store. */
#include "lookup.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "platform.h"
#include "reference.h"
#include "registries-conf.h"
#include "shortname.h"
#include "str.h"

void ctr_image_found_done(struct ctr_image_found *f)
{
	int saved = errno;

	free(f->name);
	image_record_done(&f->record);
	*f = (struct ctr_image_found)CTR_IMAGE_FOUND_INIT;
	errno = saved;
}

static int not_known(const char *text, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "%.300s: image not known", text);
}

/* From an entry of index.json to manifest and config */

static int json_digest(const json_t *obj, const char *key, struct digest *ret)
{
	const char *s = json_string_value(json_object_get(json_object_get(obj, key), "digest"));

	return s ? digest_parse(s, ret, NULL) : -EBADMSG;
}

static int choose_manifest(const json_t *index, const struct ctr_platform *want, struct digest *ret,
			   struct err *e)
{
	const json_t *desc = NULL;
	struct ctr_platform host;
	const char *s;
	int r;

	ctr_platform_host(&host);
	r = ctr_platform_choose(index, want ? want : &host, &desc, e);
	if (r < 0)
		return r;
	s = json_string_value(json_object_get(desc, "digest"));
	return digest_parse(s ? s : "", ret, e);
}

int ctr_image_resolve(struct store *s, const struct layout_entry *entry, struct ctr_image_found *ret,
		      struct err *e)
{
	return ctr_image_resolve_for(s, entry, NULL, ret, e);
}

int ctr_image_resolve_for(struct store *s, const struct layout_entry *entry, const struct ctr_platform *want,
			  struct ctr_image_found *ret, struct err *e)
{
	auto_json json_t *doc = NULL;
	struct image_record rec = IMAGE_RECORD_INIT;
	struct digest manifest = entry->manifest, config;
	int r = image_record_read(s, &manifest, &rec, NULL);

	if (r == -ENOENT) {
		r = layout_blob_json(s, &manifest, LAYOUT_MANIFEST_MAX_BYTES, &doc, e);
		if (r == 0 && json_object_get(doc, "manifests")) {
			r = choose_manifest(doc, want, &manifest, e);
			if (r < 0)
				return r;
			json_decref(take_ptr(&doc));
			r = image_record_read(s, &manifest, &rec, NULL);
			if (r == -ENOENT)
				r = layout_blob_json(s, &manifest, LAYOUT_MANIFEST_MAX_BYTES, &doc, e);
		}
	}
	if (r == 0 && !doc) {
		ret->unpacked = true;
		image_record_done(&ret->record);
		ret->record = rec;
		config = rec.config;
	} else if (r == 0) {
		r = json_digest(doc, "config", &config);
		if (r < 0)
			r = err_set(e, ERR_CORRUPT, "manifest sha256:%s: config.digest is missing or no "
				    "digest", manifest.hex);
	} else if (e && e->kind == ERR_NONE) {
		(void)err_sys(e, r, "read the record of sha256:%s", manifest.hex);
	}
	if (r < 0)
		return r;
	ret->entry = entry->manifest;
	ret->manifest = manifest;
	ret->config = config;
	return 0;
}

/* What a look-up found: an entry, and the name that matched (NULL: by an ID). */
struct hit {
	const struct layout_entry *entry;
	const char *name;
};

static int found(const struct layout_entry *entry, const char *name, struct hit *ret)
{
	*ret = (struct hit){ entry, name };
	return 1;
}

/* By ID */

/* The entry whose ID or manifest digest starts with @prefix.  1, 0, or an error. */
static int by_id(struct store *s, const struct layout_index *x, const char *prefix, struct hit *ret,
		 struct err *e)
{
	const struct layout_entry *hit = NULL;
	struct digest id = { "" };

	for (size_t i = 0; i < x->n; i++) {
		auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
		bool match;

		if (layout_entry_list(&x->entries[i], &f.config))
			f.entry = x->entries[i].manifest;
		/* An image whose blobs are not all here has no ID to be found by. */
		else if (ctr_image_resolve(s, &x->entries[i], &f, NULL) < 0)
			continue;
		match = str_starts(f.config.hex, prefix) ||
			(strlen(prefix) == DIGEST_HEX_LEN &&
			 (streq(f.entry.hex, prefix) || streq(f.manifest.hex, prefix)));
		if (!match)
			continue;
		if (hit && !digest_eq(&id, &f.config))
			return err_set(e, ERR_INVALID, "image ID \"%s\" is ambiguous: it fits %.12s and "
				       "%.12s", prefix, id.hex, f.config.hex);
		if (!hit) {
			hit = &x->entries[i];
			id = f.config;
		}
	}
	return hit ? found(hit, NULL, ret) : 0;
}

static bool is_hex(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return n > 0 && n <= DIGEST_HEX_LEN && s[n] == '\0';
}

/* By name */

/* Does @entry, stored under @ref, satisfy @want?  Its digest decides where it has one. */
static bool satisfies(const struct layout_entry *entry, const struct ctr_reference *ref,
		      const struct ctr_reference *want)
{
	if (want->digest.hex[0])
		return digest_eq(&entry->manifest, &want->digest) ||
		       digest_eq(&ref->digest, &want->digest);
	return streq(ref->tag, want->tag) && !ref->digest.hex[0];
}

static const struct layout_entry *by_reference(const struct layout_index *x,
					       const struct ctr_reference *want)
{
	char name[REF_STR_MAX], stored[REF_STR_MAX];

	(void)ctr_reference_name(want, name);
	for (size_t i = 0; i < x->n; i++) {
		struct ctr_reference ref;

		if (!x->entries[i].ref || !str_starts(x->entries[i].ref, want->domain) ||
		    ctr_reference_parse(x->entries[i].ref, &ref, NULL) < 0)
			continue;
		if (streq(ctr_reference_name(&ref, stored), name) && satisfies(&x->entries[i], &ref, want))
			return &x->entries[i];
	}
	return NULL;
}

/* Any stored repository that ends in the short name: 1, 0, or an error when several do. */
static int by_suffix(const struct layout_index *x, const struct ctr_reference *want, const char *text,
		     struct hit *ret, struct err *e)
{
	const struct layout_entry *hit = NULL;
	struct ctr_reference w = *want;

	ctr_reference_default_tag(&w);
	for (size_t i = 0; i < x->n; i++) {
		const struct layout_entry *entry = &x->entries[i];
		char name[REF_STR_MAX];
		struct ctr_reference ref;
		size_t n;

		if (!entry->ref || ctr_reference_parse(entry->ref, &ref, NULL) < 0)
			continue;
		n = strlen(ctr_reference_name(&ref, name));
		if (!str_ends(name, w.path) || (n > strlen(w.path) && name[n - strlen(w.path) - 1] != '/') ||
		    !satisfies(entry, &ref, &w))
			continue;
		if (hit && !digest_eq(&hit->manifest, &entry->manifest))
			return err_set(e, ERR_INVALID, "%.200s is ambiguous: it fits %.100s and %.100s", text,
				       hit->ref, entry->ref);
		hit = hit ? hit : entry;
	}
	return hit ? found(hit, hit->ref, ret) : 0;
}

static int by_candidates(const struct layout_index *x, const struct ctr_reference *want, struct hit *ret,
			 struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	auto_candidates struct ctr_candidates c = CTR_CANDIDATES_INIT;
	int r = ctr_reference_is_short(want) ? registries_conf_load(&conf, e) : 0;

	if (r == 0)
		r = ctr_shortname_local(&conf, want, &c, e);
	for (size_t i = 0; r == 0 && i < c.n; i++) {
		const struct layout_entry *hit = by_reference(x, &c.items[i]);

		if (hit)
			r = found(hit, hit->ref, ret);
	}
	return r;
}

/* A name as another tool wrote it into the layout, like "latest": whatever it is. */
static int by_exact(const struct layout_index *x, const char *text, struct hit *ret)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->entries[i].ref && streq(x->entries[i].ref, text))
			return found(&x->entries[i], x->entries[i].ref, ret);
	return 0;
}

static int by_name(struct store *s, const struct layout_index *x, const char *name, struct hit *ret,
		   struct err *e)
{
	struct err unparsed = ERR_INIT;
	struct ctr_reference want;
	int r;

	if (ctr_reference_parse(name, &want, &unparsed) < 0) {
		r = by_exact(x, name, ret);
		if (r == 0 && e)
			*e = unparsed;
		return r ? r : -EINVAL;
	}
	if (want.digest.hex[0])
		want.tag[0] = '\0';
	r = by_candidates(x, &want, ret, e);
	if (r == 0 && is_hex(name))
		r = by_id(s, x, name, ret, e);
	if (r == 0 && ctr_reference_is_short(&want))
		r = by_suffix(x, &want, name, ret, e);
	return r ? r : by_exact(x, name, ret);
}

static const char *without_transport(const char *text)
{
	static const char *const transports[] = { "docker://", "containers-storage:" };

	for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++)
		if (str_starts(text, transports[i]))
			return text + strlen(transports[i]);
	return text;
}

static int look_up(struct store *s, const struct layout_index *x, const char *text, struct hit *ret,
		   struct err *e)
{
	const char *name = without_transport(text), *hex = str_after(name, "sha256:");
	int r;

	if ((hex && is_hex(hex)) || (is_hex(name) && strlen(name) == DIGEST_HEX_LEN))
		r = by_id(s, x, hex ? hex : name, ret, e);
	else
		r = by_name(s, x, name, ret, e);
	return r > 0 ? 0 : r < 0 ? r : not_known(text, e);
}

int ctr_image_lookup_entry(struct store *s, const struct layout_index *x, const char *text,
			   const struct layout_entry **ret, bool *ret_by_id, struct err *e)
{
	struct hit hit = { 0 };
	int r = look_up(s, x, text, &hit, e);

	if (r < 0)
		return r;
	*ret = hit.entry;
	if (ret_by_id)
		*ret_by_id = !hit.name;
	return 0;
}

static int look_up_for(struct store *s, const struct layout_index *x, const char *text,
		       const struct ctr_platform *want, struct ctr_image_found *ret, struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	struct hit hit = { 0 };
	int r = look_up(s, x, text, &hit, e);

	if (r < 0)
		return r;
	r = ctr_image_resolve_for(s, hit.entry, want, &f, e);
	if (r < 0)
		return err_wrap(e, r, "%s", hit.name ? hit.name : hit.entry->manifest.hex);
	f.by_id = !hit.name;
	f.name = hit.name ? strdup(hit.name) : NULL;
	if (hit.name && !f.name)
		return err_sys(e, ENOMEM, "look up %s", hit.name);
	*ret = f;
	f = (struct ctr_image_found)CTR_IMAGE_FOUND_INIT;
	return 0;
}

int ctr_image_lookup_in(struct store *s, const struct layout_index *x, const char *text,
			struct ctr_image_found *ret, struct err *e)
{
	return look_up_for(s, x, text, NULL, ret, e);
}

int ctr_image_lookup_for(struct store *s, const char *text, const struct ctr_platform *want,
			 struct ctr_image_found *ret, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	int r = layout_read(s, &x, e);

	return r < 0 ? r : look_up_for(s, &x, text, want, ret, e);
}

int ctr_image_lookup(struct store *s, const char *text, struct ctr_image_found *ret, struct err *e)
{
	return ctr_image_lookup_for(s, text, NULL, ret, e);
}
