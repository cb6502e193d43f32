/* Changing an image on its way: the format of its manifest, and how its layers are compressed. */
#ifndef TRANSPORT_CONVERT_H
#define TRANSPORT_CONVERT_H

#include "copy.h"
#include "inflate.h"
#include "store.h"

/* What becomes of one image. */
struct conversion {
	const char *media_type;		/* of the manifest that goes to the sink; static */
	struct layer_change {
		bool changes;
		enum compression to;
	} *layers;			/* as the manifest's; owned */
	size_t n_layers;
	bool changes;			/* anything at all: the manifest is written anew */
};
void conversion_done(struct conversion *c);
#define auto_conversion __attribute__((cleanup(conversion_done)))

/* What @sink and the user want of the image @m.  ERR_UNSUPPORTED where that cannot be, and where
 * digests are to be preserved but cannot be. */
int conversion_plan(const struct ctr_copy_opts *o, const struct image_sink *sink,
		    const struct manifest *m, struct conversion *ret, struct err *e);

/*
 * The layer @p, which has a descriptor, becomes one compressed by @to: its bytes go to a new file
 * without a name in @spool, and digest and size change with them.  Decompression runs in a
 * confined worker with the id map of @ctx, within the limits of unpacking.
 */
int convert_layer(struct image_part *p, const struct ctr_copy_opts *o, enum compression to,
		  const struct stage *spool, const struct transport_ctx *ctx, struct err *e);

/* The manifest @m with the blobs of @p, as @c says.  Parses it, too. */
int convert_manifest(const struct manifest *m, const struct conversion *c, const struct image_parts *p,
		     struct image_document *ret, struct manifest *ret_manifest, struct err *e);

/* The index @index with other manifests: @now[i] instead of the i-th; of the type @media_type. */
struct converted {
	struct digest digest;
	uint64_t size_bytes;
	const char *media_type;
};
int convert_index(const json_t *index, const struct converted *now, size_t n, const char *media_type,
		  struct image_document *ret, struct err *e);

/* The type of an index for @sink: @media_type, or its twin in the other format. */
const char *convert_index_type(const struct ctr_copy_opts *o, const struct image_sink *sink,
			       const char *media_type);

#endif
