/*
 * The engine: the store, the configuration and the id map that every command works with.
 */
#ifndef CTRLITE_ENGINE_H
#define CTRLITE_ENGINE_H

#include <stdbool.h>

#include "engine-conf.h"
#include "err.h"
#include "storage-conf.h"
#include "store.h"
#include "str.h"
#include "userns.h"

/* Where events (ctrlite/event.h) go. */
enum ctr_events_backend {
	CTR_EVENTS_FILE,	/* <runroot>/events/events.log */
	CTR_EVENTS_JOURNALD,
	CTR_EVENTS_NONE,
};

struct ctr_engine_opts {
	const char *root;	/* graphroot; NULL: the default */
	const char *runroot;	/* NULL: the default */
	const char *runtime;	/* a name (crun, runc, ctr-lite-runtime) or a path; NULL: ours */
	const char *cgroup_manager;	/* systemd, cgroupfs, disabled; NULL: what works here */
	const struct strv *runtime_flags;	/* global options of the runtime, without "--"; may be NULL */
	const struct strv *hooks_dirs;	/* may be NULL */
	const struct strv *storage_opts;	/* of --storage-opt; may be NULL */
	enum ctr_events_backend events;
};

struct ctr_cgroup_host;

struct ctr_engine {
	struct store store;
	char *runtime;		/* as asked for; NULL: ours */
	bool rootless;		/* euid is not 0 */
	bool usual_store;	/* no other one was asked for: podman's images are this user's, too */
	struct idmap *idmap;	/* filled by ctr_engine_idmap() */
	enum ctr_events_backend events;
	char *cgroup_manager;	/* as asked for; NULL: what works here */
	struct strv runtime_flags;	/* of this command only: a start passes them on */
	struct strv hooks_dirs;		/* absolute; hooks of what this command starts */
	struct engine_conf conf;	/* containers.conf */
	struct storage_conf storage_conf;	/* storage.conf, with what options and environment add */
	struct ctr_cgroup_host *cgroups;	/* filled by ctr_engine_cgroups() */
};
#define CTR_ENGINE_INIT { .store = STORE_INIT, .conf = ENGINE_CONF_INIT }

/*
 * Open the engine and its store, which is made where it is missing; storage.conf says where it is,
 * else ctrlite/default-dirs.h.  containers.conf's variables are put into the environment.  Collects what dead processes left when there is something.
 */
int ctr_engine_open(struct ctr_engine *eng, const struct ctr_engine_opts *o, struct err *e);
void ctr_engine_close(struct ctr_engine *eng);

/* The id map of this user's containers, read once; *@ret is NULL for root, which needs none. */
int ctr_engine_idmap(struct ctr_engine *eng, const struct idmap **ret, struct err *e);

#endif
