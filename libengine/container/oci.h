/* Building config.json: what oci.c and its parts share. */
#ifndef CONTAINER_OCI_H
#define CONTAINER_OCI_H

#include <jansson.h>

#include "cgroup/cgroup-plan.h"
#include "ctrlite/container.h"
#include "ctrlite/network.h"
#include "merged.h"
#include "mountopt.h"
#include "namespaces.h"
#include "user.h"

#define OCI_INIT_PATH "/run/podman-init"	/* where podman mounts it */
#define OCI_NOTIFY_PATH "/run/notify/notify.sock"	/* where podman mounts it */
#define OCI_FILE_LOCALTIME 0x200u
#define OCI_FILE_CONTAINERENV 0x100u		/* beside the bits of enum ctr_net_file */

struct oci_build {
	struct ctr_engine *eng;
	const struct ctr_request *req;
	const struct idmap *map;	/* the container's ids; NULL: no user namespace */
	bool single;			/* the user has one id only */
	const struct ns_plan *ns;	/* what is not the container's own */
	const struct cgroup_plan *cgroup;
	const char *run_dir;		/* holds the generated files */
	const char *hostname;
	bool host_net;			/* the network is the host's or another container's */
	bool host_sys;			/* its sysfs cannot be mounted: the host's is bound */
	bool our_runtime;		/* else crun, runc or another */
	unsigned int files;		/* which generated files there are */
	/* used while building */
	json_t *mounts, *devices;
	struct spec_mounts user;	/* the user's own mounts */
	char **user_dests;		/* where they and the volumes go; borrowed strings */
	size_t n_user_dests;
	uint32_t uid, gid;		/* who runs in it */
	/* out */
	struct strv append;		/* "key=value" for the monitor: append=, copyup=, overlay= ... */
};
void oci_build_done(struct oci_build *b);

/* config.json as text; the caller frees it. */
int oci_config_text(struct oci_build *b, char **ret, struct err *e);

/* The "process" object of `exec`, resolved in the running container's root @root_fd. */
struct oci_process_opts {
	const struct strv *args;
	const struct strv *env;		/* KEY=value, added to the container's */
	const char *user, *cwd;		/* NULL: the container's */
	bool tty, privileged;
	uint16_t rows, cols;		/* of the terminal; 0: unknown */
};
int oci_process_json(struct ctr_engine *eng, const struct ctr_request *r, int root_fd,
		     const struct oci_process_opts *o, char **ret, struct err *e);

/* oci-process.c */
json_t *oci_process(struct oci_build *b, const struct spec_user *u, uint64_t caps, struct err *e);
/* Who runs in it, with the groups that there can be. */
int oci_user(const struct oci_build *b, struct merged *m, struct spec_user *ret, struct err *e);
bool oci_has_gid(const struct idmap *map, uint32_t gid);	/* NULL has all */
/* The capabilities that the options give. */
int oci_caps(const struct ctr_request *r, uint64_t *ret, struct err *e);
/* Those in force for root or another user, of what the bounding set has. */
int oci_effective_caps(const struct ctr_request *r, bool root, uint64_t bounding, uint64_t *ret,
		       struct err *e);
int oci_rootfs_dirs(struct ctr_engine *eng, const struct ctr_request *r, struct strv *ret);

/* The user's mounts as the request has them: parsed, volumes without a name included. */
int request_mounts(const struct ctr_request *r, struct spec_mounts *ret, struct err *e);
/* oci-defaults.c */
int oci_default_mounts(struct oci_build *b, struct err *e);
/* oci-mounts.c */
int oci_add_mount(json_t *mounts, const char *dest, const char *type, const char *source,
		  json_t *options, struct err *e);	/* takes @options */
int oci_user_dests(struct oci_build *b, struct err *e);
int oci_user_mounts(struct oci_build *b, struct err *e);
/* oci-devices.c: as mounts, or as nodes where root makes them */
int oci_devices(struct oci_build *b, struct err *e);
int oci_device_rules(const struct ctr_request *r, json_t *linux_, struct err *e);
int oci_check_devices(const struct ctr_request *r, bool own_userns, struct err *e);
/* oci-masks.c */
json_t *oci_masked_paths(const struct oci_build *b);
bool oci_unmasked(const struct ctr_request *r, const char *path);	/* by an option */
json_t *oci_read_only_paths(const struct ctr_request *r);
/* oci-lsm.c */
int oci_lsm(struct oci_build *b, json_t *process, json_t *linux_, struct err *e);
int oci_check_lsm(const struct ctr_request *r, bool rootless, struct err *e);
/* oci-accounts.c: lines for passwd and group into @b->append; @who learns its name and home. */
int oci_accounts(struct oci_build *b, struct merged *m, struct spec_user *who, struct err *e);
int oci_check_accounts(const struct ctr_request *r, struct err *e);
/* localtime.c: is there such a zone; its rules as "localtime" into the run directory */
int localtime_check(const struct ctr_request *r, struct err *e);
int localtime_write(int run_fd, const struct ctr_request *r, struct err *e);
/* oci-secrets.c: files of the run directory on /run/secrets; variables (@look_only: without values) */
int oci_secret_mounts(struct oci_build *b, struct err *e);
int oci_secret_env(struct ctr_engine *eng, const struct ctr_request *r, bool look_only,
		   struct strv *env, struct err *e);
/* oci-hooks.c: a new object, left alone where there are none */
int oci_hooks(const struct oci_build *b, json_t **ret, struct err *e);
/* oci-systemd.c */
int oci_systemd_mounts(struct oci_build *b, struct err *e);
/* started.c: the socket of systemd that the starter has, if the container is to know it */
int oci_notify_mount(struct oci_build *b, struct err *e);
/* oci-check.c */
int oci_check(struct ctr_engine *eng, const struct ctr_request *r, struct err *e);
/* oci-confine.c */
int oci_add_ulimits(json_t *arr, const struct ctr_request *r, bool own_userns, struct err *e);
int oci_add_sysctl(json_t *obj, const char *text, bool host_net, bool host_ipc, bool host_uts,
		   struct err *e);
/* linux.cgroupsPath and linux.resources, as the plan has them. */
int oci_resources(const struct oci_build *b, json_t *linux_, struct err *e);
/* linux.seccomp as text, NULL where there is none. */
int oci_seccomp(struct oci_build *b, uint64_t caps, char **ret, struct err *e);

#endif
