/* The mount options of config.json, sorted by what applies them. */
#ifndef RUNTIME_MOUNT_OPTS_H
#define RUNTIME_MOUNT_OPTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

struct mount_attrs {
	uint64_t set, clear; /* MOUNT_ATTR_* for mount_setattr() */
};

struct mount_opts {
	bool bind, recursive;	      /* bind, rbind */
	bool copy_up;		      /* tmpcopyup */
	bool idmap, idmap_rec;	      /* idmap, ridmap */
	bool remount;		      /* change what is mounted there */
	bool iversion;		      /* only mount(2) can pass it on */
	bool src_nofollow;	      /* do not follow a link in the source's last component */
	struct mount_attrs top, tree; /* for the mount itself; for it and all below ("rro") */
	uint64_t propagation;	      /* MS_SHARED and so on, 0: none asked */
	bool propagation_rec;
	bool fs_only;	/* has a word that is none of ours, so for the file system */
	struct strv fs; /* for the file system: "ro", "size=64m" */
};

/* Borrows nothing.  @where names the mount in errors. */
int mount_opts_parse(const json_t *options, struct mount_opts *ret, const char *where,
		     struct err *e);
void mount_opts_done(struct mount_opts *o);
/* Parse "rslave" and the like; MS_* with *@ret_rec, or 0 for another word. */
unsigned long mount_propagation_parse(const char *word, bool *ret_rec);
/* MS_* flags that stand for MOUNT_ATTR_* @attrs in mount(2). */
unsigned long mount_attrs_to_ms(uint64_t attrs);
/* The name of row @i, NULL behind the last: for `features`. */
const char *mount_opts_name(size_t i);

#endif
