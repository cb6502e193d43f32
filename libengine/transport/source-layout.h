/*
 * An image layout (image-spec "Image Layout") as a source, wherever its files are: a directory
 * (oci:) or members of an archive (oci-archive:).
 */
#ifndef TRANSPORT_SOURCE_LAYOUT_H
#define TRANSPORT_SOURCE_LAYOUT_H

#include "transport.h"

struct layout_files {
	/*
	 * Open the file @path ("index.json", "blobs/sha256/<hex>"): a descriptor of the caller's, where
	 * its bytes begin and how many there are.  -ENOENT (ERR_NOT_FOUND) when there is none.
	 */
	int (*open)(void *arg, const char *path, int *ret_fd, uint64_t *ret_offset,
		    uint64_t *ret_size, struct err *e);
	void (*free)(void *arg);
	void *arg;
};

/* The image of @l->ref or @l->index, or the only one.  Takes @files over, also on failure. */
int source_layout_new(const struct ctr_location *l, const struct layout_files *files,
		      struct image_source **ret, struct err *e);

/* How many images index.json names; *@files stays the caller's. */
int source_layout_count(const struct layout_files *files, size_t *ret, struct err *e);

/* The reference in the annotations of a descriptor of index.json, or NULL. */
const char *layout_descriptor_ref(const json_t *descriptor);

#endif
