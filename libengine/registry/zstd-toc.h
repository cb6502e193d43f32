/*
 * zstd:chunked layers: zstd whose files are frames of their own, with a table of contents (TOC) at the
 * end that says which bytes of the blob are which file, see containers/storage
 * docs/containers-storage-zstd-chunked.md.  What the table says is only ever a hint here: the digest
 * of the whole blob decides.
 */
#ifndef REGISTRY_ZSTD_TOC_H
#define REGISTRY_ZSTD_TOC_H

#include <jansson.h>
#include <stdint.h>

#include "image-in.h"

#define ZSTD_TOC_MAX_BYTES (16u << 20)		/* compressed */
#define ZSTD_TOC_MAX_PLAIN_BYTES (256u << 20)
#define ZSTD_TOC_CHUNKS_MAX (1u << 17)		/* of all blobs together: 8 MB */

/* Bytes @start to @end (not included) of a blob are a file, or a part of one, of the SHA-256 @sum. */
struct zstd_chunk {
	unsigned char sum[32];
	uint64_t start, end;
	uint64_t meta;			/* of all that the entries since the last chunk say, up to this one's:
					 * where it is equal, so are the tar's headers before the chunk */
	uint32_t blob;			/* for the user of the list */
};

struct zstd_chunks {
	struct zstd_chunk *list;
	size_t n, cap;
};
void zstd_chunks_done(struct zstd_chunks *c);

/* Where the TOC of a blob of @size_bytes is, by its descriptor's annotations: 1, or 0 for none. */
int zstd_toc_find(const json_t *descriptor, uint64_t size_bytes, uint64_t *ret_start, uint64_t *ret_end);
/*
 * Read the TOC at @start to @end of the blob @fd, decompressed by a confined worker in a directory
 * @name of @in's stage, and append its chunks, with @blob.  What makes no sense in it is left out.
 */
int zstd_toc_read(struct image_in *in, const char *name, int fd, uint64_t start, uint64_t end,
		  uint32_t blob, struct zstd_chunks *c, struct err *e);

/* The scanner of the JSON, piece by piece; for the above and for tests. */
struct toc_scan {
	struct zstd_chunks *chunks;
	uint32_t blob;
	bool full;			/* more chunks than are taken */
	/* private */
	int depth;
	bool in_string, escaped, is_value, has_token;
	char text[128], key[32];
	size_t len;
	bool cut;
	uint64_t token, meta;		/* FNV-1a */
	/* the entry */
	char type;			/* 'r'egular, 'c'hunk, other */
	bool has_sum;
	unsigned char sum[32];
	uint64_t offset, end_offset;
	/* the chunk whose end is not known yet */
	bool open;
	struct zstd_chunk chunk;
	uint64_t file_end;
};
void toc_scan_data(struct toc_scan *s, const char *data, size_t len);
void toc_scan_end(struct toc_scan *s);

#endif
