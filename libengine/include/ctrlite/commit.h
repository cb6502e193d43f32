/* Making an image of a container. */
#ifndef CTRLITE_COMMIT_H
#define CTRLITE_COMMIT_H

#include "ctrlite/engine.h"
#include "str.h"

struct ctr_commit_opts {
	const char *name;		/* of the image; NULL: none */
	const char *author, *message;	/* NULL: none */
	const struct strv *changes;	/* Dockerfile instructions */
	const char *config;		/* a JSON document that changes the configuration; NULL: none */
	bool pause;			/* freeze a running one meanwhile */
	bool include_volumes;		/* what was mounted becomes a VOLUME */
	bool squash;			/* one layer */
	bool docker;			/* docker's media types */
	bool quiet;			/* no progress */
};

/*
 * The layers of its image and what the container has written, with the container's command,
 * environment and so on, become an image: its ID in *@ret_id (fresh).
 */
int ctr_container_commit(struct ctr_engine *eng, const char *id, const struct ctr_commit_opts *o,
			 char **ret_id, struct err *e);

#endif
