/* The instances that an image brings into a list, and their documents in a stage. */
#ifndef MANIFEST_GATHER_H
#define MANIFEST_GATHER_H

#include "image-in.h"
#include "transport.h"

struct gathered {
	struct digest digest;
	uint64_t size_bytes;
	const char *media_type;		/* static */
	json_t *platform;		/* an object as in a descriptor; owned */
	json_t *annotations;		/* of the descriptor that it had; owned; NULL: none */
	char *source;			/* docker://REF@DIGEST, where its layers are; NULL: here */
};

struct gather {
	struct image_in *in;		/* where documents and blobs go */
	const struct transport_ctx *ctx;
	bool all;			/* every instance of an index, else that of ctx->platform or this host */
	struct gathered *items;
	size_t n;
};
void gather_done(struct gather *g);

/* Add the instances of @image: of the store where it has one of that name, else of docker://. */
int gather_add(struct gather *g, const char *image, struct err *e);

#endif
