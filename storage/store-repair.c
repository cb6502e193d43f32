/* Mending what a check of the store found. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store-check-priv.h"
#include "image-in.h"
#include "layer.h"
#include "layout.h"
#include "store-internal.h"

static int outcome(struct store_damage *d, enum store_damage_outcome o, const struct err *why)
{
	d->outcome = o;
	if (!why || d->why)
		return 0;
	d->why = strdup(why->text);
	return d->why ? 0 : -ENOMEM;
}

/* Rename it into the stage, which is removed at the end. */
static int take_away(int dir_fd, const char *name, struct stage *st, size_t n)
{
	char gone[32];

	(void)snprintf(gone, sizeof(gone), "gone-%zu", n);
	return renameat2(dir_fd, name, st->fd, gone, RENAME_NOREPLACE) < 0 && errno != ENOENT ? -errno : 0;
}

static int repair_layout(struct store_check *c, struct store_damage *d, struct err *e)
{
	struct err why = ERR_INIT;
	int r;

	if (streq(d->id, "oci-layout")) {
		if (unlinkat(c->store->images_fd, "oci-layout", 0) < 0 && errno != ENOENT)
			return err_sys(e, errno, "remove oci-layout");
		r = store_init_images(c->store, e);
		return r < 0 ? r : outcome(d, OUTCOME_MENDED, NULL);
	}
	if (streq(d->id, "index.json"))
		r = layout_restore(c->store, &why);
	else if (streq(d->id, LAYOUT_COPY))
		r = layout_copy_refresh(c->store, &why);
	else
		r = store_init_images(c->store, &why);
	if (r < 0 && !why.text[0])
		(void)err_set(&why, ERR_CORRUPT, "there is no good copy of it");
	return outcome(d, r < 0 ? OUTCOME_FAILED : OUTCOME_MENDED, r < 0 ? &why : NULL);
}

/* A damaged blob is of no use to anybody: without it the next pull gets it again. */
static int remove_blob(struct store_check *c, struct store_damage *d, struct stage *st, size_t n, struct err *e)
{
	auto_close int lock = layout_lock(c->store, e);
	auto_close int dir = lock < 0 ? lock : openat(c->store->images_fd, "blobs/sha256",
						      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (lock < 0)
		return lock;
	r = dir < 0 ? 0 : take_away(dir, d->id, st, n);
	if (r < 0)
		return err_sys(e, r, "remove blob %.12s", d->id);
	return outcome(d, d->images.n ? OUTCOME_PULL : OUTCOME_REMOVED, NULL);
}

static bool has_layer(const struct check_image *img, const char *key)
{
	for (size_t i = 0; i < img->record.layers.n; i++)
		if (streq(img->record.layers.items[i], key))
			return true;
	return false;
}

/* Everything that is missing or marked as damaged is unpacked again, and the record is written. */
static int make_again(struct store_check *c, const struct check_image *img, struct err *e)
{
	auto_free struct image_in_source *src = calloc(img->n_layers + 1, sizeof(*src));
	struct image_in in = IMAGE_IN_INIT;
	int r = src ? image_in_begin(c->store, c->idmap, &in, e) : err_sys(e, ENOMEM, "repair an image");

	if (r == 0)
		r = image_in_config(&in, &img->config, img->n_layers, e);
	for (size_t i = 0; r == 0 && i < img->n_layers; i++)
		src[i] = (struct image_in_source){ .layer = i, .blob = img->layers[i].blob,
						   .media_type = img->layers[i].media_type };
	if (r == 0)
		r = image_in_unpack_blobs(&in, src, img->n_layers, c->stop, e);
	if (r == 0)
		r = image_in_commit(&in, NULL, &img->manifest, NULL, e);
	image_in_abort(&in);
	return r;
}

static int mark(struct store_check *c, const char *key, struct err *e)
{
	char path[DIGEST_HEX_LEN + 16];
	int fd;

	(void)snprintf(path, sizeof(path), "%.64s/" LAYER_DAMAGED, key);
	fd = openat(c->store->layers_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 && errno != ENOENT) /* it is missing altogether */
		return err_sys(e, errno, "mark layer %.12s", key);
	(void)fd_close(fd);
	return 0;
}

/* Any image that has the layer and all its blobs will do. */
static int repair_layer(struct store_check *c, struct store_damage *d, struct err *e)
{
	struct err why = ERR_INIT;
	bool tried = false;
	int r;

	if (c->busy && strv_has(c->busy, d->id))
		return outcome(d, OUTCOME_BUSY, NULL);
	r = mark(c, d->id, e);
	for (size_t i = 0; r == 0 && i < c->n_images; i++) {
		if (!c->images[i].readable || !has_layer(&c->images[i], d->id))
			continue;
		tried = true;
		why = (struct err)ERR_INIT;
		if (make_again(c, &c->images[i], &why) == 0)
			return outcome(d, OUTCOME_MENDED, NULL);
		r = c->stop ? c->stop(e) : 0;
	}
	if (r < 0)
		return r;
	return outcome(d, OUTCOME_PULL, tried ? &why : NULL);
}

static int repair_stray_layer(struct store_check *c, struct store_damage *d, struct stage *st, size_t n,
			      struct err *e)
{
	int r = take_away(c->store->layers_fd, d->id, st, n);

	return r < 0 ? err_sys(e, r, "remove layers/%s", d->id) : outcome(d, OUTCOME_REMOVED, NULL);
}

static int repair_record(struct store_check *c, struct store_damage *d, struct stage *st, size_t n,
			 struct err *e)
{
	struct err why = ERR_INIT;
	struct digest hex;
	int r;

	for (size_t i = 0; i < c->n_images; i++) {
		struct check_image *img = &c->images[i];

		if (!streq(img->manifest.hex, d->id) || !img->readable)
			continue;
		r = make_again(c, img, &why);
		return outcome(d, r < 0 ? OUTCOME_PULL : OUTCOME_MENDED, r < 0 ? &why : NULL);
	}
	if (d->images.n)
		return outcome(d, OUTCOME_PULL, NULL);
	if (digest_parse_hex(d->id, &hex, NULL) == 0)
		image_record_remove(c->store, &hex);
	else if ((r = take_away(c->store->meta_fd, d->id, st, n)) < 0)
		return err_sys(e, r, "remove meta/%s", d->id);
	return outcome(d, OUTCOME_REMOVED, NULL);
}

/* A copy in other ids is made again by the next container that wants it. */
static int repair_copy(struct store_check *c, struct store_damage *d, struct stage *st, size_t n, struct err *e)
{
	char key[DIGEST_HEX_LEN + 1];
	int r;

	(void)snprintf(key, sizeof(key), "%.64s", d->id);
	if (c->busy && strv_has(c->busy, key))
		return outcome(d, OUTCOME_BUSY, NULL);
	r = take_away(c->store->layers_fd, d->id, st, n);
	return r < 0 ? err_sys(e, r, "remove layers/%s", d->id) : outcome(d, OUTCOME_REMOVED, NULL);
}

static int repair_one(struct store_check *c, struct store_damage *d, struct stage *st, size_t n, struct err *e)
{
	struct digest hex;

	switch (d->kind) {
	case DAMAGE_LAYOUT:
		return repair_layout(c, d, e);
	case DAMAGE_BLOB:
		return remove_blob(c, d, st, n, e);
	case DAMAGE_LAYER:
		return digest_parse_hex(d->id, &hex, NULL) == 0 ? repair_layer(c, d, e) :
								   repair_stray_layer(c, d, st, n, e);
	case DAMAGE_COPY:
		return repair_copy(c, d, st, n, e);
	case DAMAGE_RECORD:
		return repair_record(c, d, st, n, e);
	case DAMAGE_ORPHAN_BLOB:
	case DAMAGE_ORPHAN_LAYER:
		return outcome(d, OUTCOME_REMOVED, NULL); /* all of them at the end */
	case DAMAGE_KINDS:
		break;
	}
	return 0;
}

int store_repair(struct store_check *c, struct err *e)
{
	/* Blobs before what is made of them, records before what seems unused without them. */
	static const enum store_damage_kind order[] = { DAMAGE_LAYOUT, DAMAGE_BLOB, DAMAGE_COPY, DAMAGE_LAYER,
							DAMAGE_RECORD, DAMAGE_ORPHAN_BLOB,
							DAMAGE_ORPHAN_LAYER };
	struct stage st = STAGE_INIT;
	bool orphans = false;
	int r = c->n ? store_stage_new(c->store, &st, e) : 0, r2;

	for (size_t k = 0; r == 0 && k < sizeof(order) / sizeof(order[0]); k++)
		for (size_t i = 0; r == 0 && i < c->n; i++)
			if (c->damage[i].kind == order[k]) {
				r = repair_one(c, &c->damage[i], &st, i, e);
				orphans |= order[k] == DAMAGE_ORPHAN_BLOB || order[k] == DAMAGE_ORPHAN_LAYER;
			}
	if (r == 0 && orphans)
		r = layout_collect(c->store, c->used, c->idmap, e);
	r2 = store_stage_drop(c->store, &st, c->idmap, r == 0 ? e : NULL);
	return r < 0 ? r : r2;
}
