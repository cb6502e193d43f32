/* Removing images: their names, their entries, and what then is needed by nobody. */
#include <ctrlite/image.h>

#include <errno.h>

#include <ctrlite/container.h>
#include <ctrlite/event.h>
#include <ctrlite/shift.h>

#include "fd.h"
#include "image-priv.h"
#include "layout.h"
#include "log.h"
#include "lookup.h"
#include "partial.h"
#include "reference.h"

#define REMOVE_TIMEOUT_S 10	/* for containers that go with their image */

void ctr_image_removed_done(struct ctr_image_removed *r)
{
	strv_done(&r->untagged);
	strv_done(&r->deleted);
}

/* The ids of the containers that use any manifest of the image into @ids. */
static int image_users(struct ctr_engine *eng, const struct ctr_image *i, struct strv *ids,
		       struct err *e)
{
	auto_strv struct strv keys = STRV_INIT, users = STRV_INIT;
	int r = ctr_container_uses(eng, &keys, &users, e);

	for (size_t k = 0; r >= 0 && k < users.n; k++) {
		const char *rest = str_after(users.items[k], i->manifest.hex);

		if (!rest)
			rest = str_after(users.items[k], i->digest.hex);
		if (rest && *rest == ' ')
			r = strv_add(ids, rest + 1);
	}
	return r;
}

static int remove_users(struct ctr_engine *eng, const struct strv *ids, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ids->n; i++) {
		r = ctr_container_remove(eng, ids->items[i], true, true, REMOVE_TIMEOUT_S, e);
		if (r == -ENOENT) {
			r = 0;	/* gone meanwhile, which is what is wanted */
			if (e)
				*e = (struct err)ERR_INIT;
		}
	}
	return r;
}

static int check_users(struct ctr_engine *eng, const struct ctr_image *i, bool force, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = image_users(eng, i, &ids, e);

	if (r < 0 || !ids.n)
		return r;
	if (force)
		return remove_users(eng, &ids, e);
	return err_set(e, ERR_BUSY, "image used by %s: image is in use by a container: remove the "
		       "container first, or both with --force", ids.items[0]);
}

/* Blobs and layers that nobody needs any more. */
static int collect(struct ctr_engine *eng, struct err *e)
{
	auto_strv struct strv keys = STRV_INIT;
	const struct idmap *map = NULL;
	int r = ctr_container_uses(eng, &keys, NULL, e);

	if (r >= 0)
		r = ctr_engine_idmap(eng, &map, e);
	if (r >= 0)
		r = layout_collect(&eng->store, &keys, map, e);
	return r < 0 ? r : ctr_idmap_shift_collect(eng, e);
}

static int drop_name(struct ctr_engine *eng, const char *name, struct ctr_image_removed *ret,
		     struct err *e)
{
	int r = layout_untag(&eng->store, name, true, e);

	if (r >= 0)
		r = strv_add(&ret->untagged, name);
	return r < 0 ? r : 0;
}

/* All entries of the image: an ID may stand under several manifests. */
static int drop_entries(struct ctr_engine *eng, const struct layout_index *x,
			const struct ctr_image *i, struct err *e)
{
	int r = i->is_list ? layout_remove_list(&eng->store, &i->id, e)
			   : layout_remove(&eng->store, &i->digest, e);

	if (i->is_list)
		return r;
	for (size_t k = 0; k < x->n; k++) {
		auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;

		if (digest_eq(&x->entries[k].manifest, &i->digest) ||
		    ctr_image_resolve(&eng->store, &x->entries[k], &f, NULL) < 0 ||
		    !digest_eq(&f.config, &i->id))
			continue;
		if (r >= 0)
			r = layout_remove(&eng->store, &f.entry, e);
		if (r == -ENOENT)
			r = 0;	/* the same entry under another name, just removed */
	}
	return r < 0 ? r : 0;
}

/* Without its manifest nothing is known of an image but its full name: that much can be removed.
 * Returns the error @r of the look-up where @text is no such name. */
static int remove_unreadable(struct ctr_engine *eng, const struct layout_index *x, const char *text,
			     struct ctr_image_removed *ret, int r, struct err *e)
{
	auto_free char *full = NULL;
	const char *ref = NULL;

	(void)ctr_image_full_name(text, &full, NULL);	/* then it is compared as it stands */
	for (size_t i = 0; i < x->n && !ref; i++)
		if (x->entries[i].ref && (streq(x->entries[i].ref, text) ||
					  (full && streq(x->entries[i].ref, full))))
			ref = x->entries[i].ref;
	if (!ref)
		return r;
	if (e)
		*e = (struct err)ERR_INIT;
	r = layout_untag(&eng->store, ref, false, e);
	if (r >= 0)
		r = strv_add(&ret->untagged, ref);
	return r < 0 ? r : collect(eng, e);
}

/* Names a digest and no tag: it means the image, whatever it is called. */
static bool is_by_digest(const char *text)
{
	struct ctr_reference ref;

	return ctr_reference_parse(text, &ref, NULL) == 0 && ref.digest.hex[0] && !ref.tag[0];
}

/* All of it.  With children it is not reported: their layers are its layers. */
static int remove_image(struct ctr_engine *eng, const struct layout_index *x, const struct ctr_image *i,
			bool has_children, struct ctr_image_removed *ret, struct err *e)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < i->names.n; k++)
		r = drop_name(eng, i->names.items[k], ret, e);
	if (r >= 0)
		r = drop_entries(eng, x, i, e);
	if (r >= 0 && !has_children && strv_add(&ret->deleted, i->id.hex) < 0)
		r = err_sys(e, ENOMEM, "remove image %s", i->id.hex);
	return r < 0 ? r : 0;
}

/* The images that @i was made from, as long as nobody calls, uses or builds on them. */
static int remove_parents(struct ctr_engine *eng, const struct ctr_image *i, struct ctr_image_removed *ret,
			  struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	int r = ctr_image_list(eng, &l, e);
	const struct ctr_image *p = r < 0 ? NULL : ctr_image_parent(&l, i);

	if (r >= 0)
		r = layout_read(&eng->store, &x, e);
	while (r >= 0 && p && !p->names.n) {
		auto_strv struct strv users = STRV_INIT;
		bool alone = true;

		for (size_t k = 0; alone && k < l.n; k++)
			alone = strv_has(&ret->deleted, l.items[k].id.hex) ||
				ctr_image_parent(&l, &l.items[k]) != p;
		r = image_users(eng, p, &users, e);
		if (r < 0 || !alone || users.n)
			break;
		r = remove_image(eng, &x, p, false, ret, e);
		if (r >= 0)
			ctr_image_event(eng, "remove", p->id.hex, p->id.hex);
		p = ctr_image_parent(&l, p);
	}
	ctr_image_list_done(&l);
	return r < 0 ? r : 0;
}

/* Which children it has; its config may be gone, and then nothing is known of any. */
static int look_around(struct ctr_engine *eng, struct ctr_image *i, bool *ret_has_children, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	int r = ctr_image_list(eng, &l, e);

	for (size_t k = 0; r >= 0 && k < l.n; k++) {
		if (l.items[k].is_list || !digest_eq(&l.items[k].id, &i->id))
			continue;
		*ret_has_children = ctr_image_has_children(&l, &l.items[k]);
		i->config = json_incref(l.items[k].config);
	}
	ctr_image_list_done(&l);
	return r < 0 ? r : 0;
}

static int remove_found(struct ctr_engine *eng, const struct layout_index *x, struct ctr_image *i,
			const char *text, const struct ctr_image_remove_opts *o,
			struct ctr_image_removed *ret, struct err *e)
{
	bool has_children = false;
	int r = check_users(eng, i, o->force, e);

	if (r >= 0)
		r = look_around(eng, i, &has_children, e);
	if (r >= 0)
		r = remove_image(eng, x, i, has_children, ret, e);
	if (r >= 0) {
		ctr_image_event(eng, "remove", i->id.hex, text);
		r = o->no_prune || !i->config ? 0 : remove_parents(eng, i, ret, e);
	}
	return r < 0 ? r : collect(eng, e);
}

/* What @text means, an image or a list. */
static int get_for_removal(struct ctr_engine *eng, const struct layout_index *x, const char *text,
			   struct ctr_image *ret, char **ret_name, struct err *e)
{
	const struct layout_entry *entry = NULL;
	bool by_id = false;
	struct digest id;
	int r = ctr_image_lookup_entry(&eng->store, x, text, &entry, &by_id, e);

	if (r < 0)
		return r;
	if (!layout_entry_list(entry, &id))
		return ctr_image_get_in(eng, x, text, false, ret, ret_name, e);
	r = ctr_image_list_in(eng, x, entry, ret, e);
	if (r >= 0 && !by_id && entry->ref) {
		*ret_name = strdup(entry->ref);
		r = *ret_name ? 0 : err_sys(e, ENOMEM, "remove %s", text);
	}
	return r;
}

void ctr_image_collect_left(struct ctr_engine *eng)
{
	struct err e = ERR_INIT;

	if (collect(eng, &e) < 0)
		log_debug("cannot collect what a dead command left: %s", e.text);
	else
		store_drop_notes(&eng->store);
}

static int remove_one(struct ctr_engine *eng, const char *text, const struct ctr_image_remove_opts *o,
		     struct ctr_image_removed *ret, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	auto_free char *name = NULL;
	struct ctr_image i = CTR_IMAGE_INIT;
	int r = layout_read(&eng->store, &x, e);

	if (r >= 0)
		r = get_for_removal(eng, &x, text, &i, &name, e);
	if (r < 0)
		return remove_unreadable(eng, &x, text, ret, r, e);
	if (is_by_digest(text))
		free(take_ptr(&name));
	if (name && i.names.n > 1) {
		r = drop_name(eng, name, ret, e);
		if (r >= 0)
			ctr_image_event(eng, "untag", i.id.hex, name);
	} else if (!name && i.names.n > 1 && !o->force) {
		r = err_set(e, ERR_INVALID,
			    "unable to delete image \"%s\" by ID with more than one "
			    "tag (%s, %s, ...): please force removal",
			    i.id.hex, i.names.items[0], i.names.items[1]);
	} else {
		r = remove_found(eng, &x, &i, text, o, ret, e);
	}
	ctr_image_done(&i);
	return r < 0 ? r : 0;
}

int ctr_image_remove(struct ctr_engine *eng, const char *text, const struct ctr_image_remove_opts *o,
		     struct ctr_image_removed *ret, struct err *e)
{
	struct stage note = STAGE_INIT;
	int r;

	store_note_collect(&eng->store, &note);
	r = remove_one(eng, text, o, ret, e);
	(void)store_stage_drop(&eng->store, &note, NULL, NULL); /* one that stays is seen to by the next */
	return r;
}

int ctr_image_drop_unfinished(struct ctr_engine *eng, struct err *e)
{
	return partial_collect(&eng->store, true, e);
}
