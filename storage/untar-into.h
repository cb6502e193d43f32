/* A tar archive into a directory that exists, among files of others: `cp - CONTAINER:DIR`. */
#ifndef STORAGE_UNTAR_INTO_H
#define STORAGE_UNTAR_INTO_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "userns.h"

struct untar_into {
	int in_fd;		/* plain, or compressed by gzip, bzip2, xz or zstd */
	int root_fd;		/* what all names are looked up in: links lead nowhere else */
	const char *dir;	/* below it, the directory to unpack into */
	bool one_owner;		/* of all files: @uid, @gid */
	uint32_t uid, gid;
	const struct idmap *map; /* else: from the archive's ids to ours; NULL: they are the same */
	bool overwrite;		/* a directory may take the place of something else, and the reverse */
	const volatile sig_atomic_t *stop;
};

/*
 * Unpack it.  Names with ".." are ERR_CORRUPT, absolute ones are below the directory; a link that
 * leads away from it is followed inside of the root, as a process there would.  A file is complete
 * before it has its name.  Devices are left out.
 */
int untar_into(const struct untar_into *u, struct err *e);

#endif
