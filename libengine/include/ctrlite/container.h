/*
 * Containers: the request that made one, its state, and what can be done to it.
 *
 * <graphroot>/containers/<id>/container.json is the request (struct ctr_request): written by create,
 * and replaced only by update.  The state is derived: a living monitor holds the lock in the run
 * directory; exit.json is what the last run ended with.
 */
#ifndef CTRLITE_CONTAINER_H
#define CTRLITE_CONTAINER_H

#include <jansson.h>
#include <stdint.h>

#include "ctrlite/client.h"
#include "ctrlite/engine.h"
#include "ctrlite/healthcheck.h"
#include "proc.h"
#include "resources.h"
#include "str.h"

#define CTR_SHM_SIZE_DEFAULT (64u << 20)
#define CTR_STOP_TIMEOUT_EVER UINT32_MAX

struct ctr_request {
	char *id, *name;
	int64_t created_ns;			/* CLOCK_REALTIME */
	char *image;				/* full reference, or the ID where it has no name */
	char *image_id, *manifest;		/* 64 hex digits */
	char *rootfs;				/* a directory of the host instead of an image; or NULL */
	bool rootfs_overlay;			/* it is not written to */
	struct strv layers;			/* keys, bottom first */
	uint32_t root_layer;			/* whose diff/ has the owner and mode of "/" */

	struct strv entrypoint, cmd;		/* final; what runs is both together */
	struct strv env;			/* final KEY=value */
	struct strv labels, annotations;	/* KEY=value */
	char *user;				/* as given: uid|name[:gid|group]; "" is 0 */
	struct strv group_add;
	char *cwd;				/* absolute */
	bool cwd_required;			/* from -w: must exist; else it is made */
	char *hostname;				/* NULL: the short id */
	char *umask;				/* octal, NULL: 0022 */

	bool tty, open_stdin, rm, privileged, read_only, read_only_tmpfs, init;
	bool no_new_privs;
	struct strv cap_add, cap_drop;
	char *seccomp;				/* NULL: default; "unconfined"; a profile's path */
	struct strv mask, unmask;		/* paths; unmask may hold ALL and patterns */
	char *apparmor;				/* a profile; NULL: the host's default */
	struct strv labels_lsm;			/* SELinux: disable, nested, user:, role:, type:, level:... */
	struct strv proc_opts;			/* mount options of /proc */
	char *init_path;			/* NULL: catatonit */
	char *personality;			/* LINUX, LINUX32; NULL: as it is */
	char *domainname;			/* NULL: none */
	char *tz;				/* a time zone, "local"; NULL: the image's */
	bool no_passwd;				/* leave /etc/passwd and /etc/group alone */
	bool current_user;			/* they get the calling user's account (keep-id) */
	char *passwd_entry, *group_entry;	/* templates, or NULL */
	struct strv host_users;			/* accounts of the host that they get */
	struct strv device_rules;		/* "c 1:3 rwm" */
	struct strv volumes, mounts, tmpfs;	/* option texts */
	char *base_dir;				/* relative sources in them are below it */
	struct strv secrets;			/* ctr_secret_use_format() items */
	struct strv image_volumes;		/* VOLUME paths of the image */
	struct strv anon_volumes, anon_dests;	/* volumes made for this container; where they go */
	struct strv named_volumes;		/* names of the others that it uses */
	struct strv image_mounts;		/* DEST\tMANIFEST\tKEY,KEY,...: the layers of mounted images, bottom first */
	struct strv volumes_from;		/* as given; what they stand for is in mounts */
	struct strv devices, ulimits, sysctls;
	uint64_t shm_size_bytes;
	char *pid_mode, *ipc_mode, *uts_mode, *cgroupns_mode;	/* NULL: private (ipc: shareable); "host",
				 * "container:NAME" (in the record its ID), "ns:PATH"; ipc: "private", "none" */
	char *userns;				/* as given, the same; NULL: host */
	struct strv uidmaps, gidmaps;		/* as given */
	char *subuidname, *subgidname;
	char *inner_uidmap, *inner_gidmap;	/* idmap_format(), to ids of the default map (root: of the
						 * host); made by create.  NULL: that map itself */

	char *runtime;				/* name or path of the OCI runtime; NULL: ours */
	struct spec_resources limits;
	char *cgroup_parent;			/* a cgroup's path, or a slice; NULL: the default */
	char *cgroups_mode;			/* enabled, disabled, no-conmon, split; NULL: enabled */
	bool has_oom_score_adj;
	int oom_score_adj;

	struct strv networks;			/* as asked for; empty: default */
	struct strv publish;			/* ctr_net_port_spec() texts, random ports chosen */
	struct strv dns, dns_search, dns_option, add_hosts;
	bool no_hosts;
	bool no_hostname;			/* leave the image's /etc/hostname alone */
	char *hosts_file;			/* what /etc/hosts begins with: a path, "none", "image"; NULL: the
						 * host's */
	struct strv exposed;			/* PORT/PROTO that are declared */
	bool publish_all;			/* all of those are in publish */
	bool remove_image;			/* --rmi */
	char *pidfile, *conmon_pidfile;		/* absolute; written at each start */
	bool systemd;				/* systemd runs inside */
	uint64_t systemd_size_bytes;		/* of each tmpfs for it; 0: the kernel's default */
	char *sdnotify;				/* conmon, ignore; NULL: container */

	char *log_driver;			/* k8s-file, journald, none, passthrough, passthrough-tty */
	char *log_path;				/* absolute; NULL: in the container's directory */
	char *log_tag;				/* of the journal; NULL: the container's name */
	struct strv log_labels;			/* FIELD=value for the journal */
	uint32_t log_max_files;			/* 0: one */
	uint64_t log_max_bytes;			/* 0: no limit */
	int stop_signal;
	uint32_t stop_timeout_s;		/* 0: SIGKILL at once */
	uint32_t timeout_s;			/* 0: none */
	char *restart;				/* always, on-failure, unless-stopped; NULL: no */
	uint32_t restart_max;			/* with on-failure; 0: no limit */
	char *cidfile;				/* absolute or NULL */
	struct strv requires_;			/* containers that are started before it (in the record: IDs) */
	struct strv command_line;		/* argv of the create command, for inspect */
	struct ctr_healthcheck health;
	/* Not part of the record: where things come from (ctrlite/explain.h); NULL: nobody asks. */
	struct strv *origins;
};
#define CTR_REQUEST_INIT { 0 }
void ctr_request_done(struct ctr_request *r);
/* The program and its arguments as run: entrypoint and cmd together; fresh, or NULL. */
char *ctr_request_command(const struct ctr_request *r);
/* The keys of all layers that it needs, also those of mounted images.  0 or -ENOMEM. */
int ctr_request_layers(const struct ctr_request *r, struct strv *ret);

/* CTR_LOST: the monitor died; ctr_container_settle() turns it into exited. */
enum ctr_state {
	CTR_CREATED,	/* never started (or its start failed) */
	CTR_RUNNING,	/* a monitor holds the lock and the process runs */
	CTR_EXITED,	/* exit.json says how */
	CTR_LOST,	/* it ran, and there is neither a living monitor nor exit.json */
};

struct ctr_status {
	enum ctr_state state;
	bool paused;			/* running, but its cgroup is frozen */
	bool initialized;		/* running, but its process waits for start */
	bool restarting;		/* running, but its process has ended (exit_code, finished_ns) and the
					 * monitor waits to start it again: pid is 0 */
	bool stopped_by_user;		/* exited: by stop or kill, so that no policy applies */
	uint32_t restarts;		/* by its policy since somebody started it */
	char error[160];		/* why it could not be started again, or "" */
	pid_t pid;			/* 0 unless running */
	uint64_t pid_start;
	pid_t monitor_pid;
	int64_t started_ns, finished_ns;	/* 0: never */
	int exit_code;
	bool oom_killed;
};
/* "created", "initialized", "running", "paused", "restarting", "exited"; a lost one is "exited" too. */
const char *ctr_status_str(const struct ctr_status *s);

/* Find by name, full id, or unique id prefix: *@ret_id (65 bytes).  "no such container" is
 * ERR_NOT_FOUND, an ambiguous prefix ERR_INVALID. */
int ctr_container_find(struct ctr_engine *eng, const char *name, char ret_id[65], struct err *e);
int ctr_container_load(struct ctr_engine *eng, const char *id, struct ctr_request *ret, struct err *e);
/* The record's inner_uidmap and inner_gidmap: 1, 0 when it has none, or ERR_CORRUPT. */
int ctr_request_inner_map(const struct ctr_request *r, struct idmap *ret, struct err *e);
/* Takes no lock.  A container that is being removed meanwhile is -ENOENT. */
int ctr_container_status(struct ctr_engine *eng, const char *id, struct ctr_status *ret,
			 struct err *e);

/* The ids of every container of the store, in no order. */
int ctr_container_ids(struct ctr_engine *eng, struct strv *ret, struct err *e);
struct ctr_container {
	struct ctr_request req;
	struct ctr_status status;
};
struct ctr_container_list {
	struct ctr_container *items;
	size_t n;
};
#define CTR_CONTAINER_LIST_INIT { 0 }
/* All with their state, oldest first; one that vanishes meanwhile is left out. */
int ctr_container_list(struct ctr_engine *eng, struct ctr_container_list *ret, struct err *e);
/* The same, of those that run; the records of the others are not read. */
int ctr_container_list_running(struct ctr_engine *eng, struct ctr_container_list *ret,
			       struct err *e);
void ctr_container_list_done(struct ctr_container_list *l);
/* Layer keys that containers use (for garbage collection and `rmi`) into @keys; @users (may be
 * NULL) gets "<manifest hex> <container id>" lines. */
int ctr_container_uses(struct ctr_engine *eng, struct strv *keys, struct strv *users, struct err *e);

/* Before create: what can be refused without making anything (missing mount sources, taken ports,
 * limits that cannot be had); random host ports are chosen and written into the request.  run does
 * it by itself. */
int ctr_container_prepare(struct ctr_engine *eng, struct ctr_request *r, struct err *e);
/* Create: the request is complete but for id and created_ns (set here) and name (made up when
 * NULL).  ERR_EXISTS when the name is taken. */
int ctr_container_create(struct ctr_engine *eng, struct ctr_request *r, struct err *e);

/* What the launching client wants of a start. */
struct ctr_start_opts {
	bool attach;			/* stay connected; *ret_sock is an attached client */
	uint16_t rows, cols;		/* initial size with a tty; 0: unknown */
	bool hold;			/* make its process, which waits for the next start: `init` */
	uint32_t preserve_fds;		/* descriptors from 3 on that its program gets, CTR_PRESERVE_FDS_MAX */
};
#define CTR_PRESERVE_FDS_MAX 64
/*
 * Start it: write config.json, launch a monitor, wait until the process runs.  Starting a running
 * one succeeds without effect (*ret_sock is FD_NONE).  Failure of the container's own command is
 * ERR_CMD_NOT_FOUND or ERR_CMD_NOT_EXEC.
 */
int ctr_container_start(struct ctr_engine *eng, const char *id, const struct ctr_start_opts *o,
			int *ret_sock, struct err *e);
/*
 * Create and start at once.  ctr_launch_begin() has a monitor make the namespaces (@host_net: not
 * the network's) while the caller still finds out what to run; ctr_container_run() uses it.  It is
 * for containers with the default id map that share nothing (ctr_request.userns and the like);
 * without it (@l NULL) ctr_container_run() does everything.  On
 * failure to start with r->rm the container is removed again.  ctr_launch_free() ends a monitor
 * that runs nothing, and leaves nothing behind.
 */
struct ctr_launch;
int ctr_launch_begin(struct ctr_engine *eng, bool host_net, struct ctr_launch **ret, struct err *e);
void ctr_launch_free(struct ctr_launch *l);
int ctr_container_run(struct ctr_engine *eng, struct ctr_launch *l, struct ctr_request *r,
		      const struct ctr_start_opts *o, int *ret_sock, struct err *e);

/* Connect to a running container's monitor as one more client; ERR_BUSY when it does not run. */
int ctr_container_attach(struct ctr_engine *eng, const char *id, bool want_stdin, bool want_output,
			 int *ret_sock, struct err *e);
/* Wait until it is not running: its exit code (that of the last run if it is not running). */
int ctr_container_wait(struct ctr_engine *eng, const char *id, int *ret_exit_code, struct err *e);
/* Send a signal.  One that means the end (KILL, TERM, INT, QUIT, its stop signal) also keeps its
 * policy from restarting it; after SIGKILL it has ended when this returns. */
int ctr_container_kill(struct ctr_engine *eng, const char *id, int sig, struct err *e);
/* Freeze it, or let it go on.  ERR_BUSY when it is so already, or does not run. */
int ctr_container_pause(struct ctr_engine *eng, const char *id, bool pause, struct err *e);
/* What update changes; NULL members (and lists without items) stay as they are. */
struct ctr_update {
	const struct spec_resources *limits;	/* of what runs, too */
	const char *restart;			/* ctr_restart_parse() text; of what runs, too */
	const struct strv *env, *unsetenv, *ulimits;	/* for later starts; env: KEY=value */
	const struct ctr_healthcheck_options *health;	/* of what runs, too */
};
int ctr_container_update(struct ctr_engine *eng, const char *id, const struct ctr_update *u,
			 struct err *e);
/* A policy as options spell it: no, never, always, unless-stopped, on-failure[:N]. */
int ctr_restart_parse(const char *text, char **ret, uint32_t *ret_max, struct err *e);
/* Is it to run after the host has booted?  always: yes; unless-stopped: unless the user stopped it. */
bool ctr_starts_on_boot(const struct ctr_request *r, const struct ctr_status *s);

/* Its own, in seconds; -1: for ever. */
static inline int64_t ctr_stop_timeout(const struct ctr_request *r)
{
	return r->stop_timeout_s == CTR_STOP_TIMEOUT_EVER ? -1 : (int64_t)r->stop_timeout_s;
}

struct ctr_stop_opts {
	int signal;		/* 0: the container's */
	int64_t timeout_s;	/* until SIGKILL; negative: for ever */
};
/* Stop it, whatever its restart policy.  *@ret_killed: the signal did not do. */
int ctr_container_stop(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
		       bool *ret_killed, struct err *e);
/* Stop it and start it again, or only start it when it does not run.  With --rm it stays. */
int ctr_container_restart(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
			  bool *ret_killed, struct err *e);
/* ERR_EXISTS when another container has the name; the caller has checked that it can be one. */
int ctr_container_rename(struct ctr_engine *eng, const char *id, const char *name, struct err *e);
/* IDs of the containers that share its namespaces, or require it. */
int ctr_container_dependents(struct ctr_engine *eng, const char *id, struct strv *ret, struct err *e);
/* Remove; one with dependents is ERR_EXISTS, a running one without @force.  @volumes: its anonymous volumes too. */
int ctr_container_remove(struct ctr_engine *eng, const char *id, bool force, bool volumes,
			 int64_t timeout_s, struct err *e);
/* A container whose monitor was killed: kill what is left, record exit code 137.  Cheap when there
 * is nothing to do. */
int ctr_container_settle(struct ctr_engine *eng, const char *id, struct err *e);

struct ctr_exec_opts {
	struct strv args, env;		/* env: KEY=value, resolved by the caller */
	const char *user, *cwd;		/* NULL: the container's */
	bool tty, interactive, privileged;
	uint16_t rows, cols;		/* of the terminal; 0: unknown */
	uint32_t preserve_fds;		/* at most CTR_EXEC_FDS_MAX */
	bool detach;			/* return as soon as it runs */
	bool no_session;		/* leave no record while it runs */
	struct ctr_detach_keys detach_keys;
};
#define CTR_EXEC_FDS_MAX 16
struct ctr_exec_result {
	char id[65];		/* of the session */
	bool detached;		/* it goes on without us: with detach, or by the detach keys */
	bool hung_up;		/* our terminal is gone, and the process goes on */
	int exit_code;		/* else */
};
/* Run another process in it.  Attached we copy its terminal, where it has one, and pass signals on
 * until it ends; otherwise, and after the detach keys, it has a parent of its own.  ERR_BUSY when
 * the container does not run; ERR_CMD_NOT_FOUND, ERR_CMD_NOT_EXEC as for a start. */
int ctr_container_exec(struct ctr_engine *eng, const char *id, const struct ctr_exec_opts *o,
		       struct ctr_exec_result *ret, struct err *e);
/* The IDs of the sessions that are there now are added to @ret. */
int ctr_exec_sessions(struct ctr_engine *eng, const char *id, struct strv *ret, struct err *e);

#endif
