/*
 * Volumes: directories that outlive containers.
 *
 *	<graphroot>/volumes/<name>/
 *		volume.json	what it was made with; written once
 *		_data/		the content; for type=bind and type=tmpfs it stays empty
 *		needs-owner	until a container has given it an owner
 *		needs-content	until an image's content was copied into it
 *		copying		while that goes on
 *		shared		one that was made without a name is used by its name
 *
 * Locks: whoever writes a container record that names a volume holds a shared flock on the volume's
 * directory until the record is in place; whoever removes a volume holds it exclusively from the look
 * for users to the rename.  So a volume that a record names is never removed.
 */
#ifndef CTRLITE_VOLUME_H
#define CTRLITE_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "ctrlite/engine.h"
#include "str.h"

#define CTR_VOLUME_JSON_MAX_BYTES (1u << 20)
#define CTR_VOLUME_NEEDS_OWNER "needs-owner"
#define CTR_VOLUME_NEEDS_CONTENT "needs-content"
#define CTR_VOLUME_SHARED "shared"

enum ctr_volume_kind {
	CTR_VOLUME_DIR,		/* its own _data */
	CTR_VOLUME_BIND,	/* a directory of the host, option device= */
	CTR_VOLUME_TMPFS,	/* a fresh tmpfs for each run */
};

struct ctr_volume {
	char *name;
	char *driver;			/* "local" */
	int64_t created_ns;		/* CLOCK_REALTIME */
	struct strv labels, options;	/* KEY=value; options as given: type=, device=, o=, nocopy= */
	bool anonymous;
	bool has_uid, has_gid;
	uint32_t uid, gid;		/* of its root directory, in ids of containers */
	/* derived */
	enum ctr_volume_kind kind;
	char *device;			/* CTR_VOLUME_BIND: absolute path */
	struct strv mount_options;	/* further words of o= */
	char *size;			/* of o=size=, as given */
	bool nocopy;
	bool needs_owner, needs_content;	/* read only by ctr_volume_get() and ctr_volume_list() */
};
#define CTR_VOLUME_INIT { 0 }
void ctr_volume_done(struct ctr_volume *v);
#define auto_volume __attribute__((cleanup(ctr_volume_done)))

/*
 * Make one.  @v has name (NULL: 64 hex digits are made up), labels, options, uid and gid; the rest
 * is filled in.  ERR_EXISTS where the name is taken, ERR_INVALID or ERR_UNSUPPORTED for options
 * that no volume can have here.
 */
int ctr_volume_create(struct ctr_engine *eng, struct ctr_volume *v, struct err *e);
/* "VOLUME already exists" and the like are about exact names; this takes the beginning of one too,
 * where it is the only one.  ERR_NOT_FOUND "no such volume NAME", ERR_INVALID for several. */
int ctr_volume_get(struct ctr_engine *eng, const char *name, struct ctr_volume *ret, struct err *e);
/* The same with nothing but the exact name and without the markers, for the start of containers. */
int ctr_volume_read(struct ctr_engine *eng, const char *name, struct ctr_volume *ret, struct err *e);
/* Where its content is on the host; fresh memory, or NULL. */
char *ctr_volume_mountpoint(const struct ctr_engine *eng, const struct ctr_volume *v);

struct ctr_volume_list {
	struct ctr_volume *items;
	size_t n;
};
#define CTR_VOLUME_LIST_INIT { 0 }
/* All, oldest first.  One whose record is damaged is left out with a warning. */
int ctr_volume_list(struct ctr_engine *eng, struct ctr_volume_list *ret, struct err *e);
void ctr_volume_list_done(struct ctr_volume_list *l);

/* Which containers use which: lines "VOLUME\tCONTAINER-ID", in no order. */
int ctr_volume_uses(struct ctr_engine *eng, struct strv *ret, struct err *e);
/* How many of @uses are of @name. */
size_t ctr_volume_count(const struct strv *uses, const char *name);

/*
 * Remove @name (exact).  One that containers use is ERR_BUSY; with @force those are removed first,
 * running ones stopped within @timeout_s seconds (negative: for as long as each wants).
 */
int ctr_volume_remove(struct ctr_engine *eng, const char *name, bool force, int64_t timeout_s,
		      struct err *e);

/* "prune": what is said after "remove" by who removes many. */
void ctr_volume_event(struct ctr_engine *eng, const char *status, const char *name);

/* Its content as a tar archive to @out_fd.  A signal that would end us ends that first and removes
 * the file @tmp (may be NULL).  ERR_UNSUPPORTED for a tmpfs. */
int ctr_volume_export(struct ctr_engine *eng, const struct ctr_volume *v, int out_fd, const char *tmp,
		      struct err *e);
/* Unpack the archive (also a compressed one) that our standard input is into it. */
int ctr_volume_import(struct ctr_engine *eng, const struct ctr_volume *v, struct err *e);

/*
 * For the start of containers: hold the volume @name as the head of this file says, making it when
 * it is missing and @make is set.  A descriptor to close when the record is in place, or -errno.
 */
int ctr_volume_hold(struct ctr_engine *eng, const char *name, bool anonymous, bool make, bool sync,
		    struct err *e);

#endif
