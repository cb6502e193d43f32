/*
 * The one abstraction between an image somewhere and an image somewhere else.  A driver opens a
 * place (location.h) as a source, as a sink, or both; copy.h moves an image from one to the other.
 *
 * A driver embeds struct image_source or struct image_sink as its first member, fills in ops, and
 * stands in the table of transport.c.  Its file is called source-X.c or sink-X.c.
 *
 * Everything that a source says is a stranger's word.  copy.c parses documents strictly
 * (manifest.h) and hashes them; the bytes of a blob are hashed by whoever reads them:
 * image_part_read() does.
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "location.h"
#include "manifest.h"
#include "platform.h"
#include "pull.h"
#include "registry-access.h"
#include "signature.h"
#include "store.h"
#include "userns.h"

/* What a driver may need to open its place; borrowed for the life of the source or sink. */
struct transport_ctx {
	struct store *store;
	const struct idmap *idmap;	/* NULL: ids as they are (root) */
	const struct registry_access *registry;	/* for this side of the copy */
	const struct ctr_platform *platform;	/* the wanted one */
	const struct ctr_pull_events *events;	/* never NULL; its members may be */
	bool into_store;		/* the image goes into @store: what that has is not read */
};

/* A manifest or an index, byte for byte. */
struct image_document {
	char *data;		/* owned, with a NUL behind it */
	size_t len;
	char media_type[128];	/* as the place has it; "" where it does not say */
	struct digest digest;	/* of the bytes: the source has hashed them */
};
#define IMAGE_DOCUMENT_INIT { 0 }
void image_document_done(struct image_document *d);
#define auto_image_document __attribute__((cleanup(image_document_done)))
/* Take over @data (fresh memory of @len bytes and a NUL; freed also on failure) and hash it.  With
 * @want another digest is ERR_CORRUPT. */
int image_document_take(char *data, size_t len, const char *media_type, const struct digest *want,
			struct image_document *ret, struct err *e);

/* One blob on its way. */
struct image_part {
	struct manifest_blob blob;	/* digest, size and media type, as its manifest has it */
	bool present;			/* the sink has it already: there are no bytes here */
	int fd;				/* where its bytes are, from @offset on; owned by the part */
	uint64_t offset;
	size_t slot;			/* in the events */
};
#define IMAGE_PART_INIT { .fd = -EBADF }
void image_part_done(struct image_part *p);
/*
 * Read the part's bytes, exactly blob.size_bytes of them, hash them, and give them to @fn (may be
 * NULL) in order.  At the end other bytes than blob.digest says are ERR_CORRUPT, so nothing that @fn
 * made may be kept before this returned 0.  Reports progress of @p->slot where @ev is not NULL.
 */
int image_part_read(const struct image_part *p, const struct ctr_pull_events *ev,
		    int (*fn)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		    struct err *e);
/* What the part's bytes hash to; of its blob only size_bytes counts. */
int image_part_digest(const struct image_part *p, struct digest *ret, struct err *e);
/* A whole small one (a config), verified; fresh memory with a NUL behind it. */
int image_part_read_all(const struct image_part *p, size_t max_bytes, char **ret, size_t *ret_len,
			struct err *e);

/* One image: a manifest (no index) with its blobs. */
struct image_parts {
	const struct image_document *document;
	const struct manifest *manifest;	/* the document, parsed */
	struct image_part config;
	struct image_part *layers;		/* as the manifest's layers, bottom first */
	size_t n_layers;
};

struct image_source;
struct image_source_ops {
	/* The document that the location names (@d NULL), or the one with the digest @d. */
	int (*document)(struct image_source *s, const struct digest *d, struct image_document *ret,
			struct err *e);
	/* Local places: fill @p->fd and @p->offset for the blob @p->blob.  A file that is shorter than
	 * blob.size_bytes, or is none, is ERR_CORRUPT. */
	int (*open)(struct image_source *s, struct image_part *p, struct err *e);
	/* Places without files, instead of open(): fetch the blobs of @parts that have no descriptor
	 * yet and are not present into fresh files under @spool_fd (unlinked, verified), side by side. */
	int (*fetch)(struct image_source *s, struct image_part *const *parts, size_t n, int spool_fd,
		     struct err *e);
	/* May be NULL: there are none. */
	int (*signatures)(struct image_source *s, const struct digest *manifest,
			  struct image_signatures *ret, struct err *e);
	void (*free)(struct image_source *s);
};
struct image_source {
	const struct image_source_ops *ops;
	const struct ctr_location *where;	/* borrowed */
	const struct transport_ctx *ctx;	/* borrowed */
	/* The full names that the place itself gives to the image ("docker.io/library/alpine:3");
	 * empty where it has none. */
	struct strv names;
	bool no_digests;	/* its manifest is made here and its digest means nothing outside */
};

/* What a sink does with layers when the user said nothing about compression. */
enum sink_layers {
	SINK_LAYERS_AS_THEY_ARE,
	SINK_LAYERS_COMPRESS,	/* those that are not compressed */
	SINK_LAYERS_PLAIN,	/* uncompressed ones only */
};

struct image_sink;
struct image_sink_ops {
	/* Set @present of those parts that need not be brought (also by mounting them).  May be NULL. */
	int (*have)(struct image_sink *s, struct image_part *const *parts, size_t n, struct err *e);
	/*
	 * Put one image.  Its parts are there: present, or with a descriptor.  @instance: it belongs
	 * to an index that comes behind (put_index), else it is what the location names.
	 */
	int (*put_image)(struct image_sink *s, const struct image_parts *p, bool instance,
			 struct err *e);
	/* Put the index over the images that were put.  NULL: the place holds single images only. */
	int (*put_index)(struct image_sink *s, const struct image_document *index, struct err *e);
	/* NULL: the place cannot keep signatures. */
	int (*put_signatures)(struct image_sink *s, const struct digest *manifest,
			      const struct image_signatures *sigs, struct err *e);
	/* All was put: make it visible at once.  Before it nothing may be seen at the location. */
	int (*commit)(struct image_sink *s, struct err *e);
	/* Without a commit before: undo what was put. */
	void (*free)(struct image_sink *s);
};
struct image_sink {
	const struct image_sink_ops *ops;
	const struct ctr_location *where;	/* borrowed */
	const struct transport_ctx *ctx;	/* borrowed */
	bool oci, docker;	/* formats of manifests that it takes */
	enum sink_layers layers;
	bool no_digests;	/* it does not keep manifests as they are (docker-archive) */
	bool images_only;	/* it takes no artifacts */
};

/* Open @l.  TRANSPORT_NAME means an image of the store, as TRANSPORT_STORAGE without brackets does.
 * *@ret is freed with image_source_free(). */
int image_source_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		      struct image_source **ret, struct err *e);
void image_source_free(struct image_source *s);
int image_sink_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_sink **ret, struct err *e);
void image_sink_free(struct image_sink *s);

/* Drivers.  Each one fills its own part; @where and @ctx are set by image_*_open(). */
int source_registry_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			 struct image_source **ret, struct err *e);
int source_dir_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_source **ret, struct err *e);
int sink_dir_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		  struct image_sink **ret, struct err *e);
int source_oci_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_source **ret, struct err *e);
/* How many images the layout at @path has. */
int source_oci_count(const char *path, size_t *ret, struct err *e);
int source_oci_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			    struct image_source **ret, struct err *e);
int source_docker_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			       struct image_source **ret, struct err *e);
int source_store_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		      struct image_source **ret, struct err *e);
int sink_oci_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		  struct image_sink **ret, struct err *e);
int sink_oci_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			  struct image_sink **ret, struct err *e);
int sink_docker_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			     struct image_sink **ret, struct err *e);
int sink_registry_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		       struct image_sink **ret, struct err *e);
int sink_store_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_sink **ret, struct err *e);

/* The full name that @name stands for in the store: localhost/NAME:latest for a short one.  Fresh. */
int sink_store_name(const char *name, char **ret, struct err *e);

#endif
