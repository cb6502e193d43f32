/*
 * The state directory: <--root>/<id>/ with
 *	state.json	struct state, ours, versioned; written before the container can run
 *	exec.fifo	while it is created and not started: the gate that `start` opens
 *	seccomp.bpf	its compiled filter, for exec
 */
#ifndef RUNTIME_STATE_H
#define RUNTIME_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "proc.h"

/*
 * The version of state.json.  A new member is optional and needs no new version: runtimes of
 * before pass over members that they do not know, and later ones do without.  The version is
 * raised when a runtime that does not know better would do harm (a member means something else
 * now, or must be heeded); every version from 1 on stays readable, and a file of a later one is
 * refused with the advice to use the runtime that made the container.
 */
#define STATE_VERSION 1
#define STATE_MAX_BYTES (4u << 20)
#define STATE_ID_MAX 1024
#define OCI_VERSION "1.2.1"

enum container_status {
	STATUS_CREATING,
	STATUS_CREATED,
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_STOPPED
};
const char *container_status_str(enum container_status s);

struct state {
	json_t *doc; /* owns the strings below when it was read */
	const char *id, *bundle, *rootfs, *created;
	const char *config; /* its file in the bundle, NULL: config.json */
	uint64_t pid, pid_start; /* pid 0: being created */
	uint32_t uid;		 /* who made it */
	bool has_filter;
	const char *listener_path, *listener_metadata;
	const json_t *annotations, *hooks;
	const char *cgroup_path, *cgroup_unit; /* NULL: no cgroup of its own; no scope of systemd */
	uint64_t cgroup_ino;
};
void state_done(struct state *s);
#define auto_state __attribute__((cleanup(state_done)))

/* "abc-1.2_x": letters, digits, "_+-." and no leading dot. */
int state_check_id(const char *id, struct err *e);

/* Open the directory of all states, making it (0700); refuses one that others can write to. */
int state_root_open(const char *path, bool create, struct err *e);
/* Make @id's directory; -EEXIST (ERR_EXISTS) when the name is taken.  Directory fd. */
int state_dir_new(int root_fd, const char *id, struct err *e);
int state_dir_open(int root_fd, const char *id, struct err *e);
int state_dir_remove(int root_fd, const char *id, struct err *e);

int state_write(int dir_fd, const struct state *s, struct err *e);
int state_read(int dir_fd, struct state *ret, struct err *e);
/* Its status, and its first process when it lives (*ret_proc may be NULL; else the caller's). */
enum container_status state_status(int dir_fd, const struct state *s, struct proc *ret_proc);

/* The container process state that a seccomp listener gets; fresh memory or NULL. */
char *listener_json(uint64_t pid, const char *metadata, const char *id, const char *status,
		    const char *bundle, const json_t *annotations);
/* The state of the runtime-spec as text; @annotations may be NULL.  NULL: no memory. */
char *state_json(const char *id, const char *status, uint64_t pid, const char *bundle,
		 const json_t *annotations);

#endif
