/*
 * What `docker save` and `podman save` write: a tar archive with manifest.json (Docker image
 * specification v1.2, "Combined Image JSON + Filesystem Changeset Format"), one JSON file and
 * layers for each of its images.  Every name in it is a stranger's.
 */
#ifndef TRANSPORT_DOCKER_ARCHIVE_H
#define TRANSPORT_DOCKER_ARCHIVE_H

#include <stddef.h>

#include "err.h"
#include "str.h"
#include "tar-index.h"

#define DOCKER_ARCHIVE_MANIFEST_MAX_BYTES (4u << 20)
#define DOCKER_ARCHIVE_IMAGES_MAX 1024u
#define DOCKER_ARCHIVE_TAGS_MAX 1024u	/* of one image */

struct docker_archive_image {
	char *config;		/* names of members, as manifest.json has them */
	struct strv layers;	/* bottom first; at most LAYOUT_LAYERS_MAX */
	/* Full references with a tag.  Short ones belong to localhost, as podman has it. */
	struct strv names;
};

struct docker_archive {
	struct docker_archive_image *images;
	size_t n;
};
#define DOCKER_ARCHIVE_INIT { 0 }
void docker_archive_done(struct docker_archive *a);
#define auto_docker_archive __attribute__((cleanup(docker_archive_done)))

/* Parse manifest.json.  ERR_CORRUPT, with the path of what is wrong. */
int docker_archive_parse(const char *buf, size_t len, struct docker_archive *ret, struct err *e);

/* The same out of the archive in @fd.  One of before Docker 1.10, which has no manifest.json, is
 * ERR_UNSUPPORTED; where there is nothing of an image at all, ERR_NOT_FOUND. */
int docker_archive_read(int fd, const struct tar_index *x, struct docker_archive *ret,
			struct err *e);

#endif
