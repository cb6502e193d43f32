/* Looking at an image where it is, without bringing it here. */
#ifndef TRANSPORT_INSPECT_H
#define TRANSPORT_INSPECT_H

#include "transport.h"

enum inspect_what {
	INSPECT_SUMMARY,	/* skopeo's: Name, Digest, RepoTags, Created, Labels, Layers, Env, ... */
	INSPECT_MANIFEST,	/* the document that the location names, byte for byte */
	INSPECT_CONFIG,		/* the image's config, byte for byte */
};

struct ctr_inspect_opts {
	enum inspect_what what;
	bool no_tags;			/* RepoTags is left empty, which saves requests */
	bool have_platform;		/* of an index; else the host's */
	struct ctr_platform platform;
	struct registry_access access;
	struct ctr_pull_events events;	/* interrupted() */
};

/* *@ret is fresh text, without a newline of ours behind it. */
int ctr_inspect_location(struct store *s, const struct ctr_location *l, const struct ctr_inspect_opts *o,
			 char **ret, struct err *e);

#endif
