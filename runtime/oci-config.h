/*
 * config.json of an OCI bundle (runtime-spec 1.0 to 1.2), read strictly: unknown members are
 * allowed, members of a wrong type are refused with their path.  Strings are borrowed from the
 * document, which struct oci_config keeps.
 */
#ifndef RUNTIME_OCI_CONFIG_H
#define RUNTIME_OCI_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "caps.h"
#include "err.h"
#include "mount-opts.h"
#include "scheduler.h"
#include "str.h"
#include "userns.h"

#define OCI_CONFIG_MAX_BYTES (16u << 20)
#define OCI_MOUNTS_MAX 4096
#define OCI_ARGS_MAX 65536
#define OCI_GROUPS_MAX 65536
#define OCI_PATHS_MAX 4096 /* masked and read-only paths, devices, sysctls */
#define OCI_HOOKS_MAX 256

enum ns_kind { NS_USER, NS_MOUNT, NS_PID, NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_COUNT_ };

struct ns_type {
	const char *name; /* in config.json */
	const char *proc; /* in /proc/PID/ns */
	uint64_t flag;	  /* CLONE_NEW* */
};
extern const struct ns_type ns_types[NS_COUNT_];

struct oci_ns {
	bool present;
	const char *path; /* NULL: a new one */
};

struct oci_mount {
	const char *destination, *type, *source;
	struct mount_opts opts;
	struct idmap *idmap; /* with opts.idmap: its own; NULL: that of the container */
};

struct oci_rlimit {
	int resource;
	struct rlimit value;
};

struct oci_process {
	bool terminal, no_new_privileges, has_caps, has_umask, has_oom_score_adj, has_ioprio,
		has_scheduler;
	const char *cwd, *apparmor_profile, *selinux_label;
	struct strv args, env;
	uint32_t rows, cols; /* consoleSize, 0: unset */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	gid_t *groups;
	size_t n_groups;
	struct caps caps;
	struct strv unknown_caps; /* names that were in it: for a warning */
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	int oom_score_adj;
	int ioprio; /* as ioprio_set(2) takes it */
	struct scheduler scheduler;
	const char *affinity_initial, *affinity_final; /* of exec; NULL or "": as it comes */
	const json_t *doc; /* the process object itself */
};

enum hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_COUNT_
};
extern const char *const hook_names[HOOK_COUNT_];

struct oci_hook {
	const char *path;
	struct strv args, env;
	uint32_t timeout_s; /* 0: none */
};

struct oci_hooks {
	struct oci_hook *items[HOOK_COUNT_];
	size_t n[HOOK_COUNT_];
};

struct oci_device {
	const char *path;
	mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
	dev_t rdev;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct oci_sysctl {
	const char *name, *value;
};

struct oci_config {
	json_t *doc;
	const char *hostname, *domainname, *root_path, *rootfs_propagation, *cgroups_path,
		*mount_label;
	bool root_readonly, has_process;
	struct oci_process process;
	struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_ns ns[NS_COUNT_];
	struct idmap idmap; /* of a new user namespace */
	struct strv masked, readonly;
	struct oci_device *devices;
	size_t n_devices;
	struct oci_sysctl *sysctls;
	size_t n_sysctls;
	int64_t time_secs[2]; /* offsets: monotonic, boottime */
	uint32_t time_nanosecs[2];
	bool has_personality;
	unsigned long personality;
	struct oci_hooks hooks;
	json_t *seccomp_doc; /* of @seccomp_text, once somebody had to parse it */
	char *seccomp_text; /* linux.seccomp as it stands in the file, not parsed; or @seccomp */
	const json_t *annotations, *seccomp, *resources, *time_offsets, *hooks_doc;
};

/* Take over @doc in every case.  Half-read configs are for oci_config_done() too. */
int oci_config_read_consume(json_t *doc, struct oci_config *ret, struct err *e);
/* Read @name (NULL: config.json) in the directory @bundle_fd, or an absolute path. */
int oci_config_load(int bundle_fd, const char *name, struct oci_config *ret, struct err *e);
void oci_config_done(struct oci_config *c);

/* The process object alone, as `exec --process` has it; borrows from @obj.  @where: "$.process". */
int oci_process_read(const json_t *obj, struct oci_process *ret, const char *where, struct err *e);
void oci_process_done(struct oci_process *p);
int oci_hooks_read(const json_t *obj, struct oci_hooks *ret, struct err *e);
void oci_hooks_done(struct oci_hooks *h);

#endif
