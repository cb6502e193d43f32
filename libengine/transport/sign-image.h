/* Signing images that are in a registry already: `image sign`. */
#ifndef TRANSPORT_SIGN_IMAGE_H
#define TRANSPORT_SIGN_IMAGE_H

#include "sign.h"
#include "transport.h"

struct ctr_sign_opts {
	bool all;		/* of an index every image and the index; else the host's image */
	const char *directory;	/* for signatures, in the place of what registries.d says; or NULL */
	struct trust_signers signers;	/* simple signing only */
	struct registry_access access;
	struct ctr_pull_events events;	/* interrupted() */
};

/*
 * Sign the image at @l, which must be in a registry, by its name there, and put the signatures into
 * lookaside storage.  Nothing but manifests is read.
 */
int ctr_sign_location(struct store *s, const struct ctr_location *l, const struct ctr_sign_opts *o,
		      struct err *e);

#endif
