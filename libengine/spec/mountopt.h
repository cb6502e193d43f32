/*
 * Mount options of the command line: -v, --mount, --tmpfs into one list.  Pure: no path is looked
 * at here but by spec_mount_host_flags().
 */
#ifndef SPEC_MOUNTOPT_H
#define SPEC_MOUNTOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define SPEC_MOUNTS_MAX 1024
#define SPEC_MOUNT_TEXT_MAX 8192	/* bytes of one option value */

enum spec_mount_type {
	SPEC_MOUNT_BIND,	/* source: host path, as absolute as the caller's @cwd makes it */
	SPEC_MOUNT_VOLUME,	/* source: volume name, or NULL for an anonymous one */
	SPEC_MOUNT_TMPFS,	/* source: NULL */
	SPEC_MOUNT_RAMFS,
	SPEC_MOUNT_DEVPTS,
	SPEC_MOUNT_IMAGE,	/* source: the name of an image */
	SPEC_MOUNT_GLOB,	/* source: an absolute pattern; each path that fits is bound below dest */
	SPEC_MOUNT_TYPE_COUNT_,
};

struct spec_mount {
	enum spec_mount_type type;
	char *source;		/* owned */
	char *dest;		/* absolute, lexically clean, never "/"; owned */
	bool ro;
	bool nocopy;		/* volume: leave out the image's content (nocopy) */
	bool tmpcopyup;		/* tmpfs: copy the image's content into it */
	bool relabel_shared, relabel_private;	/* z, Z: nothing to do where SELinux is not */
	bool chown;		/* U: its files get the user of the container as owner */
	bool overlay;		/* O: what is written does not reach the source */
	char *upperdir, *workdir;	/* of the overlay, absolute, both or neither; owned */
	bool idmap;		/* id-mapped mount */
	char *subpath;		/* volume, image: what of it is mounted: a clean path below its root; owned */
	/* The OCI "options" of config.json, complete and in order: bind/rbind, rprivate, ro/rw,
	 * nosuid, size=... (for a tmpfs without tmpcopyup, which is the engine's own doing). */
	struct strv options;
};

struct spec_mounts {
	struct spec_mount *items;
	size_t n;
};
#define SPEC_MOUNTS_INIT { 0 }
void spec_mounts_done(struct spec_mounts *m);
#define auto_spec_mounts __attribute__((cleanup(spec_mounts_done)))

/* "bind", "volume", "tmpfs", "ramfs", "devpts", "image", "glob"; static. */
const char *spec_mount_type_str(enum spec_mount_type t);

/*
 * Append what one option value means.  Relative host paths ("./x", and any relative source of
 * type=bind) are made absolute with @cwd.  ERR_INVALID for bad syntax and for a destination that
 * is already taken, ERR_UNSUPPORTED (by name) for what does not exist yet.
 */
int spec_mounts_add_volume(struct spec_mounts *m, const char *value, const char *cwd, struct err *e);
int spec_mounts_add_mount(struct spec_mounts *m, const char *value, const char *cwd, struct err *e);
int spec_mounts_add_tmpfs(struct spec_mounts *m, const char *value, struct err *e);
/* @m as the value of a --mount that means the same, "ro" added where @ro; fresh memory.  For
 * bind mounts and volumes. */
char *spec_mount_text(const struct spec_mount *m, bool ro);
/* The mount at @dest (any spelling), or NULL. */
const struct spec_mount *spec_mounts_find(const struct spec_mounts *m, const char *dest);

/*
 * At start, for a bind mount of @source: add the nosuid, nodev, noexec that its file system has on
 * the host, unless the options say otherwise; a user namespace cannot take them off.  0 or -errno.
 */
int spec_mount_host_flags(const char *source, struct strv *options);

/* Volume names: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. */
bool spec_volume_name_ok(const char *name);

#endif
