/*
 * Where an image is, as users write it (containers-transports(5)):
 *
 *	docker://REF			a registry
 *	oci:DIR[:REF]			an image layout; REF is the annotation of its index.json
 *	oci-archive:FILE[:REF]		the same in a tar archive
 *	docker-archive:FILE[:REF|:@N]	what `docker save` writes
 *	dir:DIR				manifest.json and blobs side by side
 *	containers-storage:NAME		an image of this store, or of podman's
 *	containers-storage:[DRIVER@ROOT+RUN]NAME	an image of podman's store at ROOT
 *	NAME				no transport: the caller knows what it means
 *
 * No crypto, no network: the command line links it.
 */
#ifndef TRANSPORT_LOCATION_H
#define TRANSPORT_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum ctr_transport {
	TRANSPORT_NAME,		/* no transport was given */
	TRANSPORT_DOCKER,
	TRANSPORT_OCI,
	TRANSPORT_OCI_ARCHIVE,
	TRANSPORT_DOCKER_ARCHIVE,
	TRANSPORT_DIR,
	TRANSPORT_STORAGE,
	TRANSPORT_COUNT_,
};

struct ctr_location {
	enum ctr_transport transport;
	char *text;		/* all of it, as the user wrote it: for messages */
	char *path;		/* of a directory or a file; NULL where the transport has none */
	char *ref;		/* what names the image there; NULL where nothing was said */
	long index;		/* of "@N"; -1 where it was not said */
	char *driver, *root, *run;	/* of TRANSPORT_STORAGE's brackets; NULL each where not said */
};
#define CTR_LOCATION_INIT { .index = -1 }
void ctr_location_done(struct ctr_location *l);
#define auto_location __attribute__((cleanup(ctr_location_done)))

/*
 * Parse @text.  "docker:latest" is a name, as podman has it; other transports that are not written
 * well, and those that do not exist here (docker-daemon, ostree, sif, atomic, tarball), are
 * ERR_INVALID and ERR_UNSUPPORTED with what can be done instead.
 */
int ctr_location_parse(const char *text, struct ctr_location *ret, struct err *e);

/* Does @text begin with the name of a transport ("oci:", "docker://", "docker-daemon:")? */
bool ctr_location_has_transport(const char *text);

/* Is it neither in a registry nor an image of this store? */
bool ctr_location_is_elsewhere(const char *text);

/* "oci", "docker-archive"; "" for TRANSPORT_NAME. */
const char *ctr_transport_str(enum ctr_transport t);

#endif
