/* An image of podman's own store as a source. */
#ifndef TRANSPORT_SOURCE_PODMAN_STORE_H
#define TRANSPORT_SOURCE_PODMAN_STORE_H

#include "transport.h"

/*
 * The image @text of podman's store at @root (NULL: this user's, as storage.conf says).  Its layers are
 * put together byte for byte as they were unpacked, but podman does not keep how they were
 * compressed: the manifest is made here, of plain layers, while the config and so the image's ID stay
 * what they are.  ERR_NOT_FOUND where there is no such store or image.
 */
int source_podman_store_open(const char *root, const char *driver, const char *text,
			     const struct transport_ctx *ctx, struct image_source **ret, struct err *e);

#endif
