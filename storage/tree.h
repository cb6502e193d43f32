/*
 * Building the tree of a layer from entries with hostile names: every entry is created with *at()
 * calls under a descriptor of its parent directory, which is resolved beneath the layer's root
 * and kept for the entries that follow.  Whiteouts become overlay's own marks.
 *
 * For one process that is the only writer of the tree, as root of its user namespace, with umask 0.
 */
#ifndef STORAGE_TREE_H
#define STORAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "err.h"
#include "file-list.h"

#define TREE_DEPTH_OPEN 48	/* parent directories kept open */
#define TREE_DIRS_MAX_BYTES (256u << 20)	/* of the names of directories, kept until the end */

struct tree_xattr {
	const char *name;
	const void *value;
	size_t len;
};

/* What an entry carries besides its content. */
struct tree_meta {
	mode_t mode;		/* permission, set-id and sticky bits */
	uint32_t uid, gid;
	struct timespec atime, mtime;
	const struct tree_xattr *xattrs;
	size_t n_xattrs;
};

struct tree_place {
	char name[256];		/* last open component */
	int fd;
};

struct tree_dir {
	char *path;
	struct timespec atime, mtime;
	mode_t mode;		/* set-id bits that are applied at the end */
	void *default_acl;	/* applied at the end: files in it must not inherit it */
	size_t default_acl_len;
};

struct tree {
	int root_fd;		/* borrowed */
	struct file_sums *sums;	/* owned; of the files; NULL: nobody wants them */
	bool squash;		/* one id: owners go to user.containers.override_stat */
	struct tree_place stack[TREE_DEPTH_OPEN];
	size_t depth;
	struct tree_dir *dirs;	/* in the order of the archive */
	size_t n_dirs, cap_dirs;
	char **implicit;	/* directories made without an entry, a hash table of fresh strings */
	size_t n_implicit, cap_implicit;
	uint64_t dir_bytes;	/* memory held by names */
	bool twice;		/* some directory may be recorded twice: the last one counts */
	bool removed_dir;	/* some recorded directory may be gone */
	bool has_xattrs;	/* some file may have extended attributes */
	bool has_root, opaque_root;
};

int tree_init(struct tree *t, int root_fd, bool squash, struct err *e);
void tree_done(struct tree *t);

/*
 * The name of an archive member as a path without a leading '/', "." or ".."; "" is the root.
 * ERR_CORRUPT for names that leave the tree, hold a NUL, or are longer than the system permits.
 * @out holds PATH_MAX bytes.
 */
int tree_clean_name(const char *name, size_t len, char *out, struct err *e);

/* An entry replaces what had its name, but for a directory on a directory.  @path is clean. */
int tree_dir(struct tree *t, const char *path, const struct tree_meta *m, struct err *e);
/* Returns a descriptor to write the content to; then tree_file_end(), which takes it over. */
int tree_file_begin(struct tree *t, const char *path, const struct tree_meta *m, struct err *e);
int tree_file_end(struct tree *t, int fd_consumed, const char *path, const struct tree_meta *m,
		  struct err *e);
int tree_symlink(struct tree *t, const char *path, const char *target, const struct tree_meta *m,
		 struct err *e);
int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *e);
/* FIFO or device; a device that the namespace does not permit is left out, as is the character
 * device 0:0, which is overlay's whiteout. */
int tree_node(struct tree *t, const char *path, mode_t type, dev_t dev, const struct tree_meta *m,
	      struct err *e);
/* Hide @path of the layers below, but not what this layer has there. */
int tree_whiteout(struct tree *t, const char *path, struct err *e);
/* Hide all that the layers below have in the directory @path. */
int tree_opaque(struct tree *t, const char *path, struct err *e);

/* Directories' times, set-id bits and default ACLs, when nothing more comes. */
int tree_finish(struct tree *t, struct err *e);
/* Write the names of implicit directories to @fd, each ended by a NUL, parents before children. */
int tree_write_implicit(struct tree *t, int fd, struct err *e);

#endif
