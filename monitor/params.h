/*
 * What the command line asked for: the "key=value" bodies of MON_PREPARE and MON_RUN, checked
 * against one table and kept as pointers into one block of text.
 */
#ifndef MONITOR_PARAMS_H
#define MONITOR_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define PARAMS_TEXT_MAX (1u << 20)	/* bytes of all bodies together */

struct param_list {
	const char **items;
	size_t n;
};

enum log_driver {
	LOG_DRIVER_NONE,
	LOG_DRIVER_K8S_FILE,
	LOG_DRIVER_JOURNALD,
	LOG_DRIVER_PASSTHROUGH,	/* stdio comes with MON_RUN */
	LOG_DRIVER_COUNT_
};
enum mon_events { MON_EVENTS_NONE, MON_EVENTS_FILE, MON_EVENTS_JOURNALD, MON_EVENTS_COUNT_ };
enum net_ready { NET_READY_PIDFILE, NET_READY_FD, NET_READY_EXIT, NET_READY_COUNT_ };

struct params {
	/* MON_PREPARE */
	const char *uidmap, *gidmap, *inner_uidmap, *inner_gidmap;
	struct param_list join;
	bool netns_new, keep_groups;

	/* MON_RUN */
	const char *id, *rundir, *ctrdir, *tmpdir, *namesdir, *name, *bundle, *rootfs, *upper, *work;
	const char *runtime, *runtime_root, *log_path, *net_path, *net_api, *cidfile, *cgroup;
	const char *upper_owner, *root_ids, *image, *events_path, *log_tag;
	struct param_list health, own, owner, lower, copyup, prepare, append, runtime_arg, runtime_env, net_arg, net_fwd, volume_rm, label, log_label;
	bool volatile_, runtime_ours, runtime_delete, terminal, want_stdin, attach, rm, exit_sync, hold;
	uint32_t root_uid, root_gid; /* root_ids, read */
	uint32_t rows, cols, stop_signal, stop_timeout_s, timeout_s, log_driver, log_max_files, net_ready, events;
	uint32_t preserve_fds;
	uint32_t restart, restart_max; /* enum mon_restart */
	uint64_t log_max_bytes;

	char *text;	/* owned: what all of the above points into */
	size_t text_len;
};
#define PARAMS_INIT { .text = NULL }

/*
 * Lines of several fields, separated by tabs:
 *	copyup=DATA DEST [UID:GID STATE [nocopy]]	fill a new volume; STATE holds the markers that it
 *							is one, else an empty one is
 *	prepare=chown PATH UID:GID
 *	prepare=overlay TARGET SCRATCH UPPER WORK LOWER...	a SCRATCH (or "") is emptied and gives both
 *	prepare=subpath TARGET ROOT PART
 */
enum params_phase { PARAMS_PREPARE, PARAMS_RUN };

/* Keep @body for a later params_parse(). */
int params_add(struct params *p, const void *body, size_t len, struct err *e);
/* Read everything that was added; on success the text stays until params_done().  Checks also
 * that what the phase needs is there. */
int params_parse(struct params *p, enum params_phase phase, struct err *e);
void params_done(struct params *p);
/* The parts of owner=UID:GID:PATH: the path, borrowed, or NULL. */
const char *params_owner(const char *text, uint32_t *ret_uid, uint32_t *ret_gid);
/* Put runtime-env into our own environment, which @p's text then belongs to. */
int params_environ(const struct params *p, struct err *e);

#endif
