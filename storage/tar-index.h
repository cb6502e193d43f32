/*
 * A tar archive as a table: what its members are called and where in the file their bytes are.
 * For image archives (docker-archive, oci-archive), of which only members that a manifest names
 * are read.  A member's name is compared, never opened: no path is made of it.
 *
 * Formats: POSIX pax and ustar, GNU (long names), v7; as libarchive, GNU tar and Go write them.
 */
#ifndef STORAGE_TAR_INDEX_H
#define STORAGE_TAR_INDEX_H

#include <stdint.h>
#include <stddef.h>

#include "err.h"

/* An image has a few members for each layer; more than this is a root file system. */
#define TAR_INDEX_MEMBERS_MAX 65536u
#define TAR_INDEX_NAMES_MAX_BYTES (8u << 20)	/* of all of them */
#define TAR_NAME_MAX_BYTES 4096u
#define TAR_EXTENSION_MAX_BYTES (1u << 20)	/* of one pax header or GNU long name */

enum tar_kind {
	TAR_FILE,
	TAR_DIR,
	TAR_SYMLINK,
	TAR_HARDLINK,
	TAR_SPARSE,		/* its bytes in the archive are not the file's */
	TAR_OTHER,		/* devices and what nobody knows */
};

struct tar_member {
	char *name;		/* without "./", doubled and trailing '/'; "" is the top itself */
	char *link;		/* as it is written; NULL for all but links */
	enum tar_kind kind;
	uint64_t offset, size_bytes;	/* of its data */
};

struct tar_index {
	struct tar_member *members;	/* as they stand in the archive */
	size_t n;
	size_t *order;		/* by name, equal names as they stand in the archive */
};
#define TAR_INDEX_INIT { 0 }
void tar_index_done(struct tar_index *x);
#define auto_tar_index __attribute__((cleanup(tar_index_done)))

/*
 * Read the headers of the archive that the regular file @fd holds, by pread(2).  It ends with two
 * blocks of zeros or with the file; what follows the zeros does not count.  ERR_CORRUPT: no tar
 * archive, cut off, or a header that makes no sense; ERR_LIMIT: more than the limits above.
 */
int tar_index_read(int fd, struct tar_index *ret, struct err *e);

/*
 * The file @path of the archive, through links inside of it (at most TAR_LINKS_MAX).  *@ret is
 * borrowed from @x.  -ENOENT (ERR_NOT_FOUND) where there is none, ERR_CORRUPT where it is no plain
 * file or its links lead in a circle or out of the archive.  Of several of one name the first is
 * taken, as podman does: for members whose digest is known.
 */
#define TAR_LINKS_MAX 8
int tar_index_find(const struct tar_index *x, const char *path, const struct tar_member **ret,
		   struct err *e);
/* The same for what is not checked by a digest: two of one name are ERR_CORRUPT. */
int tar_index_find_only(const struct tar_index *x, const char *path,
			const struct tar_member **ret, struct err *e);

/* Read a small member whole, with a NUL behind it: at most @max_bytes (ERR_LIMIT).  The caller
 * frees *@ret_buf. */
int tar_index_load(int fd, const struct tar_member *m, size_t max_bytes, char **ret_buf,
		   size_t *ret_len, struct err *e);

#endif
