/*
 * The image that a container is made from: looked up in the store, pulled where the policy says
 * so, unpacked where another tool has put it there, and its configuration read.
 */
#ifndef IMAGE_ENSURE_H
#define IMAGE_ENSURE_H

#include <stdbool.h>

#include "ctrlite/engine.h"
#include "ctrlite/healthcheck.h"
#include "lookup.h"
#include "str.h"

enum ctr_pull_policy {
	CTR_PULL_MISSING,	/* only when it is not in the store */
	CTR_PULL_ALWAYS,
	CTR_PULL_NEVER,
	CTR_PULL_NEWER,		/* try; what is here will do when the registry does not answer */
};

struct ctr_ensure_opts {
	enum ctr_pull_policy policy;
	const char *platform;	/* os/arch[/variant]; NULL: any that is here, else this machine's */
	struct strv pull_args;	/* further arguments of `ctr-lite-transfer pull` */
	const char *creds;	/* "USER:PASSWORD" for the registry, or NULL */
	bool quiet;
};

/* What an image says about the containers made from it: image-spec "Image Configuration".  All of
 * it is the image's word and none grants anything. */
struct ctr_image_config {
	struct strv env, entrypoint, cmd, labels, volumes, exposed;	/* labels: KEY=value */
	char *user, *cwd, *stop_signal;	/* NULL where unset */
	struct ctr_healthcheck health;
};
#define CTR_IMAGE_CONFIG_INIT { 0 }
void ctr_image_config_done(struct ctr_image_config *c);

/* The ID of the image @text that is here, for @platform (os/arch[/variant]; NULL: whichever it is).  ERR_NOT_FOUND. */
int ctr_image_here(struct ctr_engine *eng, const char *text, const char *platform, struct digest *ret_id,
		   struct err *e);
/* Warn where the image @id is for another platform than @platform (NULL: this machine's). */
void ctr_image_warn_platform(struct ctr_engine *eng, const struct digest *id, const char *platform);

/* The image that a container is made from.  One of another platform than is asked for is brought from its
 * registry, as far as the policy lets it, and warned of if it comes all the same. */
int ctr_image_ensure(struct ctr_engine *eng, const char *text, const struct ctr_ensure_opts *o,
		     struct ctr_image_found *ret, struct ctr_image_config *ret_config, struct err *e);

/* Make the layers of an image of the layout that are missing, and its record. */
int ctr_image_unpack(struct ctr_engine *eng, const struct digest *manifest, bool quiet, struct err *e);

#endif
