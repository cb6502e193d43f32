/*
 * Manifests and indexes as registries send them: told apart strictly, so that no document can be
 * two things to two readers.
 */
#ifndef REGISTRY_MANIFEST_H
#define REGISTRY_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"

#define MANIFEST_LAYER_MAX_BYTES (UINT64_C(1) << 40)	/* compressed size of one layer */

/* What we ask for. */
#define MANIFEST_ACCEPT \
	"application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " \
	"application/vnd.docker.distribution.manifest.v2+json, " \
	"application/vnd.docker.distribution.manifest.list.v2+json"

struct manifest_blob {
	struct digest digest;
	uint64_t size_bytes;
	const char *media_type;	/* borrowed from the document */
};

struct manifest {
	json_t *doc;		/* owned */
	const char *media_type;	/* static; one of MEDIA_OCI_* and MEDIA_DOCKER_* of layout.h */
	bool is_index;
	bool is_artifact;		/* of manifest_parse_any(): no container image */
	struct manifest_blob config;	/* of a manifest */
	struct manifest_blob *layers;	/* bottom first; owned */
	size_t n_layers;
};
#define MANIFEST_INIT { 0 }
void manifest_done(struct manifest *m);
#define auto_manifest __attribute__((cleanup(manifest_done)))

/*
 * Parse @len bytes that came with the Content-Type @content_type ("" where unknown; no
 * parameters).  Refused with one clear line: what is manifest and index at once; a header, the
 * body's mediaType and the members that contradict each other; schema 1; a layer as config and the
 * reverse; layers to be fetched from other places (urls); artifacts that are no images; sizes and
 * counts beyond the limits.
 */
int manifest_parse(const char *buf, size_t len, const char *content_type, struct manifest *ret,
		   struct err *e);

/* The same, but artifacts (signatures, attestations, charts: config or layers of other types) pass:
 * they can be moved, though nothing can be run of them. */
int manifest_parse_any(const char *buf, size_t len, const char *content_type, struct manifest *ret,
		       struct err *e);

#endif
