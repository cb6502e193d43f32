/*
 * The store of podman, buildah, skopeo and cri-o (github.com/containers/storage), read only: which
 * images it has, and the layers they are made of.  Drivers overlay and vfs.
 */
#ifndef TRANSPORT_PODMAN_STORE_H
#define TRANSPORT_PODMAN_STORE_H

#include <jansson.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "str.h"

struct podman_store {
	char *root;		/* graphroot */
	const char *driver;	/* "overlay" or "vfs" */
	int root_fd;
	json_t *images;		/* images.json: an array */
	json_t *layers;		/* of layers.json and volatile-layers.json: by ID */
};
#define PODMAN_STORE_INIT { .root_fd = -EBADF }
void podman_store_done(struct podman_store *s);

/* Open the store at @root; @driver NULL: the one that is there.  ERR_NOT_FOUND when there is none. */
int podman_store_open(const char *root, const char *driver, struct podman_store *ret, struct err *e);

/*
 * The image that @text means: a name as a user writes it, with or without registry, tag and digest,
 * or an ID or the beginning of one.  *@ret_name is the full name that it was found by, or NULL for an
 * ID; both are borrowed from @s.  ERR_NOT_FOUND.
 */
int podman_store_find(const struct podman_store *s, const char *text, const json_t **ret,
		      const char **ret_name, struct err *e);

/* One of an image's documents ("manifest", "sha256:..."), at most @max_bytes; fresh. */
int podman_store_document(const struct podman_store *s, const json_t *image, const char *key,
			  size_t max_bytes, char **ret, size_t *ret_len, struct err *e);

struct podman_layer {
	const char *id;		/* borrowed from the store */
	struct digest diff_id;
	uint64_t size_bytes;	/* of the uncompressed archive */
};
/* The image's layers, bottom first: at most @max of them into @ret; their number, or an error. */
int podman_store_layers(const struct podman_store *s, const json_t *image, struct podman_layer *ret,
			size_t max, struct err *e);
/* Its list for tar_split_assemble(), and the directory of its files. */
int podman_store_layer_open(const struct podman_store *s, const char *id, int *ret_split_fd,
			    int *ret_root_fd, struct err *e);

#endif
