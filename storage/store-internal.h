/* Shared by the files of storage/ only. */
#ifndef STORAGE_STORE_INTERNAL_H
#define STORAGE_STORE_INTERNAL_H

#include "digest.h"
#include "file.h"
#include "image-record.h"
#include "layer.h"
#include "shift.h"
#include "store.h"

/* The names in a directory, without "." and "..". */
int store_list_dir(int dir_fd, const char *name, struct strv *ret);
/* Remove the tree @name under @dir_fd, inside a user namespace with @m (may be NULL) where its
 * files are of mapped ids. */
int store_remove_tree(int dir_fd, const char *name, const struct idmap *m, struct err *e);
/* Put a file into a directory of the store, built in a stage; without @replace -EEXIST where there
 * is one. */
int store_put_file(struct store *s, int dir_fd, const char *name, const void *data, size_t len,
		   mode_t mode, enum file_sync sync, bool replace);
/* oci-layout, index.json and blobs/, as far as they are missing: an image layout as other tools
 * expect it, also while it is empty. */
int store_init_images(struct store *s, struct err *e);

/* Let go of a stage's lock without removing it. */
void store_stage_release(struct stage *st);
/* Undo what the stage's STAGE_PENDING notes, as far as no image uses it. */
int store_collect_pending(struct store *s, struct stage *st, struct err *e);

/* Remove the name if its maker died and its container does not exist. */
void store_name_collect(struct store *s, const char *name);
/* Remove the run directory of @id if there is no such container and no monitor holds it. */
void store_run_dir_collect(struct store *s, const char *id);

/* What an incoming image has in its stage while it is being put into place, see collect.c. */
#define STAGE_PENDING "pending"
/* Prefix of the directories in a stage that a worker unpacks into. */
#define STAGE_LAYER "layer-"
/*
 * May the layer @key, held by a shared lock on @fd, be used?  One whose maker died before an image
 * named it may lack files (after a power failure): it moves into @trash.
 */
enum { STORE_LAYER_OK, STORE_LAYER_NEW /* by one that lives */, STORE_LAYER_DEAD };
int store_layer_settle(struct store *s, const char *key, int fd, struct stage *trash, struct err *e);
/* Begins the names of shifted layers in their layer's directory, see shift.h. */
#define SHIFT_PREFIX "shift-"
/* What the file idmap of a new shifted layer holds, in fresh memory; NULL when memory is gone. */
char *shift_new_map(const struct shift_id *id);
/* In a layer's directory until the index names its image: the name of its maker's stage. */
#define LAYER_NEW "new"
/* In a layer's directory that was found damaged and is to be replaced. */
#define LAYER_DAMAGED "damaged"

/* layer_find() that takes a layer marked as damaged too. */
int layer_find_any(struct store *s, const struct digest *diff_id, const struct digest *chain,
		   char ret_key[DIGEST_HEX_LEN + 1], struct err *e);

/* layer.json of the layer directory @dir_fd. */
int layer_info_read(int dir_fd, struct layer_info *ret, struct err *e);
int layer_info_write(int dir_fd, const struct layer_info *info);

#define IMAGE_RECORD_NAME_MAX 80
void image_record_name(const struct digest *manifest, char buf[IMAGE_RECORD_NAME_MAX]);
/* The record's JSON in fresh memory, or NULL. */
char *image_record_text(const struct image_record *rec);

/* "blobs/sha256/<hex>", relative to the images directory. */
#define BLOB_PATH_MAX 80
void layout_blob_path(const struct digest *d, char buf[BLOB_PATH_MAX]);

/* Is what @fd has open still what @name under @dir_fd means? */
bool store_is_named(int fd, int dir_fd, const char *name);

#endif
