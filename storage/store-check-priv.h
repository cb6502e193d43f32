/* Shared by the files that check a store. */
#ifndef STORE_CHECK_PRIV_H
#define STORE_CHECK_PRIV_H

#include "store-check.h"
#include "image-record.h"

struct check_layer {
	struct digest blob, diff_id, chain;
	char *media_type;
	char key[DIGEST_HEX_LEN + 1];	/* "": it is not here */
};

/* A manifest that index.json leads to, as far as its documents can be read. */
struct check_image {
	char *name;			/* or the manifest's digest */
	struct digest manifest, config;
	struct check_layer *layers;
	size_t n_layers;
	bool readable;			/* all above is known */
	bool has_record;
	bool elsewhere;			/* of an additional store, or of a list: it may never have been unpacked */
	struct image_record record;
};

/* The damage of this thing, noted where it is the first; NULL when memory is gone. */
struct store_damage *check_damage(struct store_check *c, enum store_damage_kind kind, const char *id);
struct store_damage *check_find(const struct store_check *c, enum store_damage_kind kind, const char *id);
/* Note a detail of it and (may be NULL) an image that needs it.  0 or -ENOMEM with @e. */
int check_say(struct store_check *c, enum store_damage_kind kind, const char *id, const char *image,
	      struct err *e, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The layer @key by itself, with its copies. */
int check_one_layer(struct store_check *c, const char *key, struct err *e);
/* index.json, and everything that it leads to; fills c->images.  Blobs were looked at before. */
int check_images(struct store_check *c, struct strv *ret_reached, struct err *e);
/* What nothing leads to: blobs that are not in @reached, layers without a record, records. */
int check_orphans(struct store_check *c, const struct strv *reached, struct err *e);

#endif
