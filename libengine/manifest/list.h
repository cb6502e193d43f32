/*
 * Editing an index (image-spec "Image Index", docker's manifest list): what the manifest commands do to
 * one.  Plain JSON, no files, no network.
 */
#ifndef MANIFEST_LIST_H
#define MANIFEST_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "str.h"

#define LIST_INSTANCES_MAX 1000

/* What is known of one instance, or is to be changed of it.  Strings are borrowed; NULL or empty: not said,
 * or unchanged. */
struct list_platform {
	const char *os, *arch, *variant, *os_version;
	const struct strv *os_features, *features;
};

struct list_instance {
	struct digest digest;
	uint64_t size_bytes;
	const char *media_type;
	const char *artifact_type;	/* NULL: an image */
	struct list_platform platform;
	const json_t *annotations;	/* an object of strings; NULL: none */
};

/* An index without instances; NULL when memory is gone. */
json_t *manifest_list_new(void);

/* Add an instance, in the place of one with the same digest. */
int manifest_list_add(json_t *list, const struct list_instance *i, struct err *e);
/* Change what is said of the platform of @d.  ERR_NOT_FOUND where it is none of @list. */
int manifest_list_annotate(json_t *list, const struct digest *d, const struct list_platform *p,
			   struct err *e);
int manifest_list_remove(json_t *list, const struct digest *d, struct err *e);

/* "KEY=value" texts into the annotations of the instance @d, or (@d NULL) of the index itself.  An empty
 * value removes the key.  ERR_INVALID for a text without '='. */
int manifest_list_set_annotations(json_t *list, const struct digest *d, const struct strv *texts,
				  struct err *e);
/* The manifest that the index is about (image-spec "subject"). */
int manifest_list_set_subject(json_t *list, const char *media_type, const struct digest *d,
			      uint64_t size_bytes, struct err *e);

/* The descriptor of @d; borrowed, NULL where there is none. */
json_t *manifest_list_find(json_t *list, const struct digest *d);

/*
 * The index as it is stored, in fresh memory, and its media type: docker's list where all instances are
 * docker's and nothing is said that a docker list cannot say, else the OCI's.
 */
int manifest_list_text(json_t *list, char **ret, const char **ret_media_type, struct err *e);

#endif
