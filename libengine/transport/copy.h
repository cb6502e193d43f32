/* An image from one place to another. */
#ifndef TRANSPORT_COPY_H
#define TRANSPORT_COPY_H

#include "sign.h"
#include "transport.h"

enum copy_format {
	COPY_FORMAT_AS_IS,	/* as far as the sink takes it */
	COPY_FORMAT_OCI,
	COPY_FORMAT_DOCKER,	/* v2s2 */
};

enum copy_compression {
	COPY_COMPRESSION_DEFAULT,	/* the sink's habit */
	COPY_COMPRESSION_KEEP,		/* as it is, also where the sink would compress */
	COPY_COMPRESSION_NONE,		/* uncompressed */
	COPY_COMPRESSION_GZIP,
	COPY_COMPRESSION_ZSTD,
	COPY_COMPRESSION_ZSTD_CHUNKED,
};

#define COPY_LEVEL_MAX 22	/* zstd's */
#define COPY_GZIP_LEVEL_MAX 9

/* "oci", "v2s2" and "docker" (the same). */
int ctr_copy_format(const char *word, enum copy_format *ret, struct err *e);
/* "gzip", "zstd", "zstd:chunked", "none", "keep". */
int ctr_copy_compression(const char *word, enum copy_compression *ret, struct err *e);

struct ctr_copy_opts {
	bool all;		/* every image of an index, and the index; else the platform's */
	bool index_only;	/* with @all: not the images, which the destination has already */
	bool have_platform;
	struct ctr_platform platform;
	bool preserve_digests;	/* fail rather than change a manifest */
	bool remove_signatures;
	struct trust_signers signers;	/* of what is put */
	enum copy_format format;
	enum copy_compression compression;
	int compression_level;	/* -1: the format's usual one */
	bool force_compression;	/* compress anew what is compressed by another format than @compression */
	/* With COPY_COMPRESSION_DEFAULT: what a sink compresses by that wants layers compressed
	 * (containers.conf); COPY_COMPRESSION_DEFAULT: gzip. */
	enum copy_compression usual;
	struct registry_access src, dest;
	struct ctr_pull_events events;
};
#define CTR_COPY_OPTS_INIT { .compression_level = -1, .src = REGISTRY_ACCESS_INIT, \
	.dest = REGISTRY_ACCESS_INIT }

struct ctr_copy_result {
	struct digest manifest;		/* of the top document at the destination */
	struct digest config;		/* of the last image: its ID */
};

/*
 * Copy the image at @src to @dest.  Policy and signatures are checked before any blob is read.
 * Nothing is to be seen at @dest when it fails, but blobs may stay that a repetition can use.
 */
int ctr_copy(struct store *s, const struct idmap *m, const struct ctr_location *src,
	     const struct ctr_location *dest, const struct ctr_copy_opts *o,
	     struct ctr_copy_result *ret, struct err *e);

/*
 * Bring the image at @src into the store, named as podman does: by the reference in @src, else as
 * the archive names it, else not at all.  The full names are added to @ret_names (may be NULL).
 */
int ctr_copy_in(struct store *s, const struct idmap *m, const struct ctr_location *src,
		const struct ctr_copy_opts *o, struct strv *ret_names, struct ctr_copy_result *ret,
		struct err *e);

/* The same of a source that is open already, under the names @names, in one go for the first. */
int ctr_copy_source_in(struct image_source *src, const struct strv *names,
		       const struct ctr_copy_opts *o, struct strv *ret_names,
		       struct ctr_copy_result *ret, struct err *e);

/*
 * In steps, for a destination that gets several images: ctr_copy_put() each of them, with sources
 * and a sink that are the caller's, and ctr_copy_commit() at the end.
 */
int ctr_copy_put(struct store *s, const struct idmap *m, struct image_source *src,
		 struct image_sink *dest, const struct ctr_copy_opts *o, struct ctr_copy_result *ret,
		 struct err *e);
int ctr_copy_commit(struct image_sink *dest, const struct ctr_pull_events *ev, struct err *e);

#endif
