/* The options that run and create share, and the request that they make. */
#ifndef CLI_RUN_OPTS_H
#define CLI_RUN_OPTS_H

#include <assert.h>

#include "cli.h"
#include "ctrlite/container.h"
#include "health-opts.h"
#include "limit-opts.h"
#include "platform-opts.h"

struct ctr_image_config;

struct run_args {
	struct limit_args limits;	/* first: its table is included */
	struct health_args health;	/* second: the same */
	/* run only */
	bool detach, sig_proxy;
	uint64_t preserve_fds;
	const char *detach_keys;
	/* both */
	struct platform_args platform;
	const char *name, *hostname, *entrypoint, *user, *workdir,
		*umask, *cidfile, *log_driver, *stop_signal, *restart, *tls_verify, *authfile,
		*pid, *ipc, *uts, *cgroupns, *userns, *subuidname, *subgidname, *cgroup_parent, *cgroups,
		*kernel_memory, *network_value, *init_path, *explain, *tz, *passwd_entry, *group_entry, *personality, *domainname,
		*creds, *retry_delay, *cert_dir, *hosts_file, *pidfile, *conmon_pidfile, *systemd, *sdnotify, *ip, *ip6,
		*mac_address;
	bool publish_all, rmi, no_hostname;
	uint64_t retry, shm_size_systemd;
	struct strv expose, label_files, env_merge, network_aliases;
	bool interactive, tty, rm, privileged, read_only, read_only_tmpfs, init, replace, quiet,
		env_host, http_proxy, no_hosts, unset_all, passwd, oom_kill_disable;
	int64_t oom_score_adj;
	int pull;		/* enum ctr_pull_policy */
	int64_t stop_timeout;
	uint64_t shm_size, timeout;
	const char *image_volume;
	bool rootfs;
	struct strv requires_, uidmaps, gidmaps, env, env_file, unset, labels, annotations, volumes, volumes_from, mounts, tmpfs, devices,
		cap_add, cap_drop, security, ulimits, device_rules, host_users, sysctls, groups, networks, publish, dns,
		dns_search, dns_option, add_host, log_opt, attach, secrets;
};

static_assert(offsetof(struct run_args, health) == HEALTH_ARGS_AT, "where its table says");

extern const struct opt run_common_opts[];
extern const struct run_args run_defaults;

/* Find or pull the image (args[0]) and make the request of everything.  The caller has
 * ctr_request_done() called in every case. */
int run_request(struct cmd *c, const struct run_args *a, struct ctr_request *ret, struct err *e);
/* Has it the default id map and shares nothing, so that its namespaces can be made early? */
bool run_is_plain(const struct run_args *a);
/* run-explain.c: --explain (a->explain set): print what would run, and why. */
int run_explain(struct cmd *c, struct run_args *a, struct ctr_request *r, struct err *e);
void run_origins(const struct cmd *c, const struct run_args *a, const struct ctr_image_config *img,
		 const struct ctr_request *r);
/* spec_env_args.said; @arg is the request. */
void run_env_said(void *arg, const char *name, const char *source);
/* run-security.c: what --security-opt asks for, into the request. */
int run_security(const struct strv *options, struct ctr_request *r, struct err *e);
/* run-more.c: parts of the request */
int run_ports(const struct run_args *a, const struct ctr_image_config *img, struct ctr_request *r,
	      struct err *e);
int run_labels(const struct run_args *a, struct strv *ret, struct err *e);	/* files, then options */
int run_env_merge(const struct run_args *a, const struct strv *image_env, struct strv *ret,
		  struct err *e);
int run_files(const struct run_args *a, struct ctr_request *r, struct err *e);
int run_systemd(const struct run_args *a, const struct ctr_image_config *img, struct ctr_request *r,
		struct err *e);
int run_sdnotify(const struct run_args *a, struct ctr_request *r, struct err *e);
int run_static_network(const struct run_args *a, struct err *e);
/* May a container be called so?  [a-zA-Z0-9][a-zA-Z0-9_.-]* */
bool run_name_ok(const char *s);
/* --replace: remove the container that has the name. */
int run_replace(struct cmd *c, const struct run_args *a, struct err *e);
/* --cidfile: write the ID; on failure the container stays. */
int run_write_cidfile(const struct run_args *a, const char *id, struct err *e);

#endif
