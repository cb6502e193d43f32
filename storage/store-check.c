/* Looking for damage in a store: what was found, and going through blobs and layers. */
#include "store-check.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store-check-priv.h"
#include "hash.h"
#include "layout.h"
#include "path.h"
#include "store-internal.h"

#define READ_BYTES (256u << 10)

const char *const store_damage_kind_names[] = { "file", "blob", "layer", "copy of layer", "record of image",
						"unused blob", "unused layer" };
static_assert(sizeof(store_damage_kind_names) / sizeof(char *) == DAMAGE_KINDS, "a name for each kind");
const char *const store_damage_outcome_names[] = { "found", "mended", "removed", "pull", "busy", "failed" };
static_assert(sizeof(store_damage_outcome_names) / sizeof(char *) == OUTCOMES, "a name for each outcome");

void store_check_done(struct store_check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->damage[i].id);
		free(c->damage[i].why);
		strv_done(&c->damage[i].images);
		strv_done(&c->damage[i].details);
	}
	for (size_t i = 0; i < c->n_images; i++) {
		struct check_image *img = &c->images[i];

		for (size_t k = 0; k < img->n_layers; k++)
			free(img->layers[k].media_type);
		free(img->layers);
		free(img->name);
		image_record_done(&img->record);
	}
	free(c->damage);
	free(c->images);
	strv_done(&c->notes);
	*c = (struct store_check)STORE_CHECK_INIT;
}

struct store_damage *check_find(const struct store_check *c, enum store_damage_kind kind, const char *id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->damage[i].kind == kind && streq(c->damage[i].id, id))
			return &c->damage[i];
	return NULL;
}

struct store_damage *check_damage(struct store_check *c, enum store_damage_kind kind, const char *id)
{
	struct store_damage *d = check_find(c, kind, id), *grown;
	char *copy;

	if (d)
		return d;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;

		grown = reallocarray(c->damage, cap, sizeof(*grown));
		if (!grown)
			return NULL;
		c->damage = grown;
		c->cap = cap;
	}
	copy = strdup(id);
	if (!copy)
		return NULL;
	d = &c->damage[c->n++];
	*d = (struct store_damage){ .kind = kind, .id = copy, .images = STRV_INIT, .details = STRV_INIT };
	return d;
}

int check_say(struct store_check *c, enum store_damage_kind kind, const char *id, const char *image,
	      struct err *e, const char *fmt, ...)
{
	struct store_damage *d = check_damage(c, kind, id);
	auto_free char *text = NULL;
	va_list ap;
	int r = d ? 0 : -ENOMEM;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		r = -ENOMEM;
	}
	va_end(ap);
	if (r == 0 && image && !strv_has(&d->images, image))
		r = strv_add(&d->images, image);
	if (r == 0 && strv_has(&d->details, text))
		return 0;
	if (r == 0 && d->details.n == CHECK_DETAILS_MAX)
		d->more++;
	else if (r == 0)
		r = strv_add(&d->details, text);
	return r < 0 ? err_sys(e, r, "check the store") : 0;
}

static int hash_blob(int fd, struct digest *ret)
{
	auto_free char *buf = malloc(READ_BYTES);
	struct hash *h = hash_new();
	ssize_t n = 0;
	int r = buf && h ? 0 : -ENOMEM;

	while (r == 0 && (n = fd_read_full(fd, buf, READ_BYTES)) > 0)
		r = hash_add(h, buf, (size_t)n);
	if (r == 0)
		r = n < 0 ? (int)n : hash_finish(h, ret);
	hash_free(h);
	return r;
}

static int check_blob(struct store_check *c, const char *name, int fd, struct err *e)
{
	struct digest got;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return check_say(c, DAMAGE_BLOB, name, NULL, e, "is no file");
	r = c->quick ? 0 : hash_blob(fd, &got);
	if (r < 0)
		return check_say(c, DAMAGE_BLOB, name, NULL, e, "cannot be read: %s", strerror(-r));
	if (!c->quick && !streq(got.hex, name))
		return check_say(c, DAMAGE_BLOB, name, NULL, e, "the content has changed: its digest is "
				 "sha256:%s", got.hex);
	return 0;
}

static int check_blobs(struct store_check *c, struct err *e)
{
	auto_close int dir = path_open_beneath(c->store->images_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY);
	auto_strv struct strv names = STRV_INIT;
	struct digest d;
	int r = dir < 0 ? dir : store_list_dir(dir, ".", &names);

	if (r < 0)
		return check_say(c, DAMAGE_LAYOUT, "blobs/sha256", NULL, e, "%s", strerror(-r));
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.items[i];
		auto_close int fd = FD_NONE;

		r = c->stop ? c->stop(e) : 0;
		if (r < 0)
			return r;
		fd = path_open_beneath(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		if (fd == -ENOENT)
			continue; /* it was removed meanwhile */
		if (digest_parse_hex(name, &d, NULL) < 0)
			r = check_say(c, DAMAGE_BLOB, name, NULL, e, "is no blob: its name is no digest");
		else if (fd < 0)
			r = check_say(c, DAMAGE_BLOB, name, NULL, e, "cannot be opened: %s", strerror(-fd));
		else
			r = check_blob(c, name, fd, e);
	}
	return r;
}

static int check_layers(struct store_check *c, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	struct digest d;
	int r = store_list_dir(c->store->layers_fd, ".", &names);

	if (r < 0)
		return err_sys(e, r, "list %s/layers", c->store->root);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		r = c->stop ? c->stop(e) : 0;
		if (r < 0)
			return r;
		if (digest_parse_hex(names.items[i], &d, NULL) < 0)
			r = check_say(c, DAMAGE_LAYER, names.items[i], NULL, e,
				      "is no layer: its name is no digest");
		else
			r = check_one_layer(c, d.hex, e);
	}
	return r;
}

int store_check(struct store_check *c, struct err *e)
{
	auto_strv struct strv reached = STRV_INIT;
	int r = check_blobs(c, e);

	if (r == 0)
		r = check_layers(c, e);
	if (r == 0)
		r = check_images(c, &reached, e);
	return r == 0 ? check_orphans(c, &reached, e) : r;
}
