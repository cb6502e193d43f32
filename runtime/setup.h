/*
 * What the container's first process knows while it sets itself up, and the steps it takes.
 * Everything is prepared by the runtime before it clones; a step only acts.
 */
#ifndef RUNTIME_SETUP_H
#define RUNTIME_SETUP_H

#include <limits.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "oci-config.h"
#include "proc.h"

struct filter {
	struct sock_filter *insns; /* NULL: no filter */
	unsigned short n;
	unsigned int flags;	   /* SECCOMP_FILTER_FLAG_* */
	const char *listener_path; /* socket that gets the notify descriptor, borrowed; or NULL */
	const char *listener_metadata;
};

struct setup {
	const struct oci_config *cfg; /* NULL for exec */
	const struct oci_process *proc;
	struct filter filter;
	const char *id, *bundle, *rootfs; /* absolute paths on the host */
	bool no_pivot, no_new_keyring, pdeathsig;
	bool mounts_joined; /* the mount namespace is somebody else's as well */
	bool maps_pending; /* a new user namespace: wait for its maps */
	bool user_joined;  /* a user namespace by its path: we are not yet its root */
	bool new_ipc_ns;   /* to be made when we are */
	bool keep_groups;  /* the supplementary groups stay as they are */
	int rootfs_at;	   /* what was opened before we became root of it: the root file system's */
	int *sources;	   /* directory and the source of each mount; FD_NONE, NULL: by path */
	int cgroup_fd;	   /* the cgroup to be born in, FD_NONE: none */
	bool cgroup_pending; /* wait to be put into one */
	bool new_cgroup_ns;  /* make the cgroup namespace, once we are in the cgroup */
	unsigned int preserve_fds;
	unsigned int listen_fds; /* of them: from socket activation */
	struct strv *env;	 /* that of proc, for what is told of them */
	const json_t *annotations;
	int sync;	     /* socket to the runtime */
	int listener;	     /* socket that gets the filter's notify descriptor; FD_NONE: none */
	char *listener_text; /* and what goes with it */
	int parent_pidfd;    /* with pdeathsig: of the one whose death ends us */
	int start_fifo;	     /* create: the gate that `start` opens; FD_NONE for run and exec */
	int start_report;    /* what `start` hears failures on */
	int join[NS_COUNT_]; /* namespaces to enter, FD_NONE where none */
	int host_proc_fd;    /* the host's /proc */
	int proc_fd;	     /* a procfs mount of the container's own pid namespace */
	int root_fd;	     /* the root file system's mount */
	int tty_fd;	     /* the terminal's slave */
	const struct idmapped *idmapped; /* one for each of cfg's mounts, or NULL */
	int ro_later[64];    /* tmpfs mounts that become read-only at the end */
	size_t n_ro_later;
	bool mknod_denied;
	char exec_path[PATH_MAX]; /* what is executed, found by find_program */
};
void setup_init(struct setup *s);

struct step {
	const char *doing; /* "mount the file systems": put before the step's error */
	int (*run)(struct setup *s, struct err *e);
};

/* Each step relies on all steps above it. */
extern const struct step init_steps[]; /* create and run; ends with a NULL */
extern const struct step exec_steps[]; /* exec; ends with a NULL */

/* Run the steps and execute; reports a failure over s->sync or s->start_report and never returns. */
void setup_run(struct setup *s, const struct step *steps) __attribute__((noreturn));

/* Messages over s->sync. */
enum sync_msg {
	SYNC_GO = 1, /* runtime: the maps are in place; the hooks have run; start */
	SYNC_ERR,    /* child: struct err */
	SYNC_TTY,    /* child: the pty's master, one descriptor */
	SYNC_HOOKS,  /* child: run the hooks of the runtime's namespaces now */
	SYNC_READY,  /* child: everything is set up, waiting to be started */
};
/* Wait for SYNC_GO. */
int setup_wait_go(struct setup *s, struct err *e);

#endif
