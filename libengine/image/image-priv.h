/* Shared by the files of image/ that the engine is made of. */
#ifndef IMAGE_PRIV_H
#define IMAGE_PRIV_H

#include "ctrlite/image.h"
#include "layout.h"

/* ctr_image_get() among the entries of @x; without @blobs config and manifest_doc stay NULL, and it
 * works for an image whose config is gone. */
int ctr_image_get_in(struct ctr_engine *eng, const struct layout_index *x, const char *text,
		     bool blobs, struct ctr_image *ret, char **ret_name, struct err *e);

/* The list that @entry of @x is.  ERR_INVALID where it is none. */
int ctr_image_list_in(struct ctr_engine *eng, const struct layout_index *x,
		      const struct layout_entry *entry, struct ctr_image *ret, struct err *e);

#endif
