/* Headers of tar archives that are made here: image archives, with short plain names. */
#ifndef STORAGE_TAR_HEADER_H
#define STORAGE_TAR_HEADER_H

#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK_BYTES 512u
#define TAR_SHORT_NAME_MAX 100u
#define TAR_END_BYTES (2 * TAR_BLOCK_BYTES)	/* of zeros, at the end of an archive */

enum tar_write_kind { TAR_WRITE_FILE, TAR_WRITE_DIR, TAR_WRITE_SYMLINK };

/*
 * The header of @name (at most TAR_SHORT_NAME_MAX bytes, as @link, which may be NULL) in ustar form,
 * with GNU's numbers from 8 GiB on.  Owned by root, of 1970: the same image is the same archive.
 */
void tar_header(const char *name, enum tar_write_kind kind, uint64_t size_bytes, const char *link,
		unsigned char ret[TAR_BLOCK_BYTES]);

/* The zeros that fill up the last block of @size_bytes. */
static inline size_t tar_padding(uint64_t size_bytes)
{
	return (size_t)(-size_bytes % TAR_BLOCK_BYTES);
}

#endif
