/* An image layout in a directory as a sink: oci:, and what an archive of one is made from. */
#ifndef TRANSPORT_SINK_OCI_H
#define TRANSPORT_SINK_OCI_H

#include "transport.h"

/* The layout in the directory @dir_fd (duplicated), made where it is missing; @ref (or NULL) names
 * the image in its index.json. */
int sink_oci_at(int dir_fd, const char *ref, const struct transport_ctx *ctx,
		struct image_sink **ret, struct err *e);

#endif
