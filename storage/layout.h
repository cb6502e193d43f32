/*
 * The OCI image layout under <graphroot>/images: blobs and index.json, as skopeo, umoci and crane
 * read and write it.  index.json's descriptors carry the full reference
 * (docker.io/library/alpine:latest) in the annotation org.opencontainers.image.ref.name; an
 * untagged image is a descriptor without it.  Bare names written by other tools ("latest", "foo")
 * are kept as they are.
 *
 * Readers take no lock.  Writers hold the layout lock (a flock on the images directory) only for
 * reading, changing and replacing index.json and renaming blobs into place, never for a transfer.
 */
#ifndef STORAGE_LAYOUT_H
#define STORAGE_LAYOUT_H

#include <jansson.h>
#include <stdint.h>

#include "digest.h"
#include "store.h"
#include "str.h"

#define LAYOUT_INDEX_MAX_BYTES (16u << 20)
#define LAYOUT_MANIFEST_MAX_BYTES (4u << 20)
#define LAYOUT_CONFIG_MAX_BYTES (4u << 20)
#define LAYOUT_LAYERS_MAX 500	/* layers in one image: the kernel's limit of overlay layers */

#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_LAYER_GZ "application/vnd.docker.image.rootfs.diff.tar.gzip"

struct layout_entry {
	char *ref;		/* NULL: untagged */
	struct digest manifest;	/* of the descriptor: a manifest, or an index written by another tool */
	uint64_t size_bytes;	/* of the manifest */
	size_t more;		/* 0: of our store; else it is of the store's more[more - 1] */
	char *media_type;
	json_t *annotations;	/* of the descriptor; NULL where it has none */
};

struct layout_index {
	struct layout_entry *entries;
	size_t n;
};
#define LAYOUT_INDEX_INIT { 0 }
void layout_index_done(struct layout_index *x);
#define auto_layout_index __attribute__((cleanup(layout_index_done)))

/* A store without index.json has none.  Entries of additional stores are behind ours, and not among
 * them when ours has the name (or, of an entry without one, the manifest). */
int layout_read(struct store *s, struct layout_index *ret, struct err *e);

/* Take the layout lock (a descriptor that holds it until closed), for callers that do several
 * changes as one: layout_tag_locked().  The others below take it themselves. */
int layout_lock(struct store *s, struct err *e);
int layout_tag_locked(struct store *s, const char *ref, const struct digest *manifest,
		      uint64_t size_bytes, const char *media_type, struct err *e);

/* Changing index.json: lock, change, replace.  fsynced. */
/* Point @ref at @manifest (which must exist as a blob); whatever had the name before stays as an
 * untagged entry if nothing else names it.  @ref NULL adds an untagged entry if there is none. */
int layout_tag(struct store *s, const char *ref, const struct digest *manifest, uint64_t size_bytes,
	       const char *media_type, struct err *e);
/* Remove the name; the manifest stays as an untagged entry when @keep. -ENOENT if absent. */
int layout_untag(struct store *s, const char *ref, bool keep, struct err *e);
/* Remove every entry of the image @manifest. */
int layout_remove(struct store *s, const struct digest *manifest, struct err *e);

/*
 * A list is an index that was made here (manifest create), and an object of its own beside images: annotations of
 * its entries say so.
 */
#define LAYOUT_LIST_ID "org.ctr-lite.list.id"		/* 64 hex digits: it stays when the list changes */
#define LAYOUT_LIST_CREATED "org.ctr-lite.list.created"	/* RFC 3339 */
/* Followed by an instance's hex digits: where its layers are, which are not here (docker://REF). */
#define LAYOUT_LIST_SOURCE "org.ctr-lite.list.source."

/* Is the entry a list?  Its ID then. */
bool layout_entry_list(const struct layout_entry *entry, struct digest *ret_id);
/*
 * Under the layout lock: make every entry of the list that @annotations (LAYOUT_LIST_ID) are of one of the index
 * @list; @ref, unless it is NULL, becomes a name of it.
 */
int layout_put_list_locked(struct store *s, const char *ref, const struct digest *list, uint64_t size_bytes,
			   const char *media_type, const json_t *annotations, struct err *e);
/* Another name for the list that @entry is. */
int layout_tag_list(struct store *s, const char *ref, const struct layout_entry *entry, struct err *e);
/* Remove every entry of a list. */
int layout_remove_list(struct store *s, const struct digest *id, struct err *e);

/*
 * The copy of index.json that every writer of ours leaves in the store: names stand nowhere else.
 * Does it differ: has another program written to index.json since?  1, 0 (also when there is no
 * copy), or -EBADMSG when the copy is damaged.
 */
#define LAYOUT_COPY_NAME "index.json"		/* in the store's meta directory */
#define LAYOUT_COPY "meta/" LAYOUT_COPY_NAME
int layout_copy_differs(struct store *s);
/* Put the copy in the place of index.json.  -ENOENT without text where there is none. */
int layout_restore(struct store *s, struct err *e);
/* Make the copy again from index.json. */
int layout_copy_refresh(struct store *s, struct err *e);

/* Blobs: reading. fd or -errno (-ENOENT). */
int layout_blob_open(struct store *s, const struct digest *d, struct err *e);
/* The same with a shared lock that keeps it from being collected while the descriptor is open. */
int layout_blob_hold(struct store *s, const struct digest *d, struct err *e);
/* Read a JSON blob of at most @max_bytes (not hashed again: it was when it came in). */
int layout_blob_json(struct store *s, const struct digest *d, size_t max_bytes, json_t **ret,
		     struct err *e);

/*
 * Remove blobs and layers that no entry of index.json and no key in @keep_keys (layer keys that
 * containers use, 64-hex strings) needs.  Takes the layout lock while it decides and renames them
 * away, not while it deletes.
 */
int layout_collect(struct store *s, const struct strv *keep_keys, const struct idmap *m, struct err *e);

#endif
