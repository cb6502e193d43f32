/* Lists of this store as a source, where images in them have their layers in a registry yet. */
#ifndef TRANSPORT_SOURCE_LIST_H
#define TRANSPORT_SOURCE_LIST_H

#include "transport.h"

/* Do the annotations of a list's entry name other places (LAYOUT_LIST_SOURCE)? */
bool source_list_is_needed(const json_t *annotations);
/* The list whose documents and blobs @here (taken over on success) has, as far as they are here. */
int source_list_open(struct image_source *here, const json_t *annotations, struct image_source **ret,
		     struct err *e);

#endif
