/*
 * The store: one directory tree (graphroot) and one run directory (runroot).
 *
 *	<graphroot>/images/	an OCI image layout (image-spec "Image Layout")
 *	            layers/<key>/	diff/ and layer.json; key: 64 hex digits of diffID or chainID
 *	            containers/<id>/	owned by libengine; storage only moves and removes it
 *	            names/<name>	symlink to the id: claimed atomically
 *	            meta/<manifest>.json	derived facts of an image, see image-record.h
 *	            meta/blob-locations	which repositories have which blobs, see registry/
 *	            volumes/ tmp/
 *	            version		link to the store's version number
 *	            run			link to the run directory that was used last, see run-dir.c
 *	<runroot>/containers/<id>/
 *
 * A thing exists when its final name exists.  Everything is built under tmp/ in a staging
 * directory whose flock its maker holds; a staging directory that nobody holds is garbage, which
 * store_collect() removes.  Nothing in the store's metadata holds an absolute path or a uid,
 * and the link `run` counts only while a container runs there.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"
#include "fd.h"
#include "userns.h"

/* The images of another store, which somebody else writes: see store_add_read_only(). */
struct store_more {
	char *root;
	int images_fd;
};
#define STORE_MORE_MAX 16

struct store {
	char *root, *run;	/* absolute, links resolved */
	int root_fd, run_fd;
	int images_fd, layers_fd, meta_fd, containers_fd, names_fd, volumes_fd, tmp_fd;
	int run_containers_fd;
	bool read_only;		/* opened without the right to create: listing an absent store */
	struct store_more *more;	/* looked at when ours lacks something */
	size_t n_more;
	bool wants_collect;	/* a dead process left a note of store_note_collect() */
};
#define STORE_INIT { .root_fd = -EBADF, .run_fd = -EBADF, .images_fd = -EBADF, .meta_fd = -EBADF, \
	.layers_fd = -EBADF, .containers_fd = -EBADF, .names_fd = -EBADF, .volumes_fd = -EBADF, \
	.tmp_fd = -EBADF, .run_containers_fd = -EBADF }

/*
 * Open the store at the absolute paths @root and @run, making what is missing (mode 0700; the
 * layers' parents are searchable by the mapped ids: 0711 where needed).  Refuses directories that
 * belong to another user (ERR_DENIED) or have a newer version.  An existing complete store costs
 * few system calls: one open per directory.
 */
int store_open(struct store *s, const char *root, const char *run, struct err *e);
void store_close(struct store *s);

/*
 * Use the images of the store at @root too, whoever it belongs to and wherever it is mounted: its
 * index.json and its blobs, of which ours makes layers for this user's ids when they are first used,
 * checking every digest. Nothing is written or locked there.  One that is not there, or of another
 * version, is an error; a plain image layout (oci-layout, index.json, blobs/) will do as well.
 */
int store_add_read_only(struct store *s, const char *root, struct err *e);

/* A staging directory under tmp/: locked by @fd for as long as it is open. */
struct stage {
	int fd;			/* the directory */
	char name[64];		/* its name under tmp/ */
};
#define STAGE_INIT { .fd = -EBADF, .name = "" }

int store_stage_new(struct store *s, struct stage *ret, struct err *e);
/* Rename it (whole) to @name under @dir_fd and release it.  -EEXIST where the name is taken
 * (RENAME_NOREPLACE): the stage remains. */
int store_stage_commit(struct store *s, struct stage *st, int dir_fd, const char *name, struct err *e);
/* Move the directory @name under @dir_fd into a fresh stage: it is gone for everybody else at
 * once and is removed by store_stage_drop(). */
int store_stage_take(struct store *s, int dir_fd, const char *name, struct stage *ret, struct err *e);
/* Remove it with all in it.  Files of mapped ids are removed inside a user namespace made with
 * @m (may be NULL: then what cannot be removed directly stays and -EACCES is returned). */
int store_stage_drop(struct store *s, struct stage *st, const struct idmap *m, struct err *e);

/* Remove staging directories of dead processes and, when there was one, names and run directories
 * whose container does not exist.  Costs one empty directory read when there is nothing to do.  @get_map is called only when files of mapped ids are met. */
int store_collect(struct store *s, int (*get_map)(void *arg, struct idmap *ret, struct err *e),
		  void *arg, struct err *e);

/*
 * Who takes entries from index.json and then collects what nothing needs any more (layout_collect())
 * might die in between: a stage with a note, made before and dropped at the end, tells the next
 * command to do it (store_collect() sets @wants_collect; then store_drop_notes() after collecting).
 * Without room for a note *@ret stays empty.
 */
void store_note_collect(struct store *s, struct stage *ret);
void store_drop_notes(struct store *s);

/* fsync everything of this file system once (syncfs). */
int store_sync(struct store *s, struct err *e);

/* Names: a link @name whose target is the id, or "id/stage" while its maker is still at work.
 * Claim is -EEXIST when taken by a live object, ret_holder (65 bytes, may be
 * NULL) then holds its id.  A name left by a maker that died before its container existed is
 * taken over.  The claim must precede the rename of the stage named in @st to its final name. */
int store_name_claim(struct store *s, const char *name, const char *id, const struct stage *st,
		     char ret_holder[65], struct err *e);
/* -ENOENT (no error text) when there is none. */
int store_name_lookup(struct store *s, const char *name, char ret_id[65]);
/* Release it if it names @id. */
void store_name_release(struct store *s, const char *name, const char *id);

#endif
