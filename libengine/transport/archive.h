/* Archives of images: one that is open for reading, by any number of sources, and ones to be written. */
#ifndef TRANSPORT_ARCHIVE_H
#define TRANSPORT_ARCHIVE_H

#include "docker-archive.h"
#include "tar-index.h"
#include "tar-out.h"
#include "transport.h"

struct archive {
	unsigned int users;
	int fd;
	struct tar_index index;
	struct docker_archive docker;	/* what manifest.json says; empty until archive_docker() */
	struct stage stage;		/* where it was decompressed */
	struct store *store;
	const struct idmap *idmap;
};

/*
 * Open the file @path, or where it is NULL what the descriptor @fd (borrowed) gives: compressed or
 * not, a file or a pipe.  Free it with archive_unref().
 */
int archive_open(const char *path, int fd, const struct transport_ctx *ctx, struct archive **ret,
		 struct err *e);
struct archive *archive_ref(struct archive *a);
void archive_unref(struct archive *a);

/* Read manifest.json, if it was not yet. */
int archive_docker(struct archive *a, struct err *e);
/* Is it an image layout (it has the file oci-layout)?  And how many images does that name? */
bool archive_is_layout(const struct archive *a);
int archive_count(struct archive *a, size_t *ret, struct err *e);

/*
 * Image @i of a docker-archive, or that of the location @l (a name, @N, or the only one).
 * They hold the archive.  @into_store: of layers that the archive's store has already its blobs are
 * given, whatever their compression, in the place of those in the archive.
 */
int source_docker_archive_new(struct archive *a, size_t i, bool into_store,
			      struct image_source **ret, struct err *e);
/* The image of an archive that is an image layout, as source_layout_new() has it. */
int source_oci_archive_new(struct archive *a, const struct ctr_location *l, struct image_source **ret,
			   struct err *e);

/*
 * An archive to be written as a sink: a docker-archive of any number of images, or an image layout
 * with one (of the name @ref in its index.json; NULL: none).  Take @out over, also on failure.
 */
int sink_docker_archive_new(struct tar_out *out, const struct transport_ctx *ctx,
			    struct image_sink **ret, struct err *e);
int sink_oci_archive_new(struct tar_out *out, const char *ref, struct image_sink **ret, struct err *e);
/* The names (RepoTags) of the images that are put from now on; copied.  None at first. */
int sink_docker_archive_names(struct image_sink *sink, const struct strv *names, struct err *e);

#endif
