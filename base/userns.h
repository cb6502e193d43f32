/*
 * User namespaces: id maps, and processes inside a namespace that has one.
 * Which ids to map is the engine's decision (libengine/idmap); this is only the mechanism.
 */
#ifndef BASE_USERNS_H
#define BASE_USERNS_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "proc.h"

#define IDMAP_MAX 340	/* the kernel's limit of lines in one map, user_namespaces(7) */

struct idmap_range {
	uint32_t container, host, count;
};

struct idmap {
	struct idmap_range uid[IDMAP_MAX], gid[IDMAP_MAX];
	uint32_t n_uid, n_gid;
};

/* "0:1000:1,1:100000:65536" for one of the two lists; for messages and files.  Parsing is strict:
 * no empty, overlapping or overflowing range.  -EINVAL, -E2BIG. */
int idmap_format(const struct idmap_range *r, uint32_t n, char *buf, size_t cap);
int idmap_parse(const char *s, struct idmap_range *r, uint32_t *ret_n);
/* The host id for a container id; false where it is not mapped. */
bool idmap_to_host(const struct idmap_range *r, uint32_t n, uint32_t id, uint32_t *ret);
bool idmap_to_container(const struct idmap_range *r, uint32_t n, uint32_t host, uint32_t *ret);
/* One id only, our own: needs no helper program and no ranges. */
bool idmap_is_single(const struct idmap *m);

/*
 * Write the maps of the user namespace of @pid, a child of ours.  With CAP_SETUID (root) or for
 * the single-id map by writing /proc (setgroups denied for the latter); otherwise newuidmap and
 * newgidmap run side by side.  Errors name the file and the command that fixes them.
 */
int userns_write_maps(pid_t pid, const struct idmap *m, struct err *e);

/* The same in two halves: the mappers work while the caller does something else.  A started
 * mapping is finished, also after other failures. */
struct userns_mapping {
	struct proc_spawning uid, gid;	/* path NULL: not started, or nothing to wait for */
	int uid_err, gid_err;		/* what they say on stderr */
};
#define USERNS_MAPPING_INIT { .uid = PROC_SPAWNING_INIT, .gid = PROC_SPAWNING_INIT, \
	.uid_err = -EBADF, .gid_err = -EBADF }
int userns_map_begin(pid_t pid, const struct idmap *m, struct userns_mapping *ret, struct err *e);
int userns_map_end(struct userns_mapping *mp, struct err *e);

/*
 * A child in a new user namespace with maps @m (@flags: more CLONE_NEW*): returns 0 in the child,
 * which is uid 0, gid 0 with no supplementary groups there; 1 in the parent, the maps being in
 * place; or -errno with @e.  When mapping fails the child is killed and reaped.  The child gets
 * SIGKILL when the parent dies first.  Clears the dumpable flag's side effects: the child is
 * dumpable, so that its /proc files belong to its new root.
 */
int userns_fork(const struct idmap *m, uint64_t flags, struct proc *ret, struct err *e);

/* The error for a clone3() with CLONE_NEWUSER that returned @r (-errno): says what to look at when
 * the host does not permit user namespaces. */
int userns_clone_err(struct err *e, int r);

/* Are we in the host's own user namespace?  Root in any other is some user of the host. */
bool userns_is_initial(void);

/* Become root of the user namespace that we are in: setgroups (where allowed), setresgid,
 * setresuid to 0. */
int userns_become_root(void);
/* The same, the supplementary groups staying as they are. */
int userns_set_root_ids(void);

#endif
