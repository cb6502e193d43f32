/* The runtime's command line, shared by all commands. */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroup-place.h"
#include "err.h"
#include "str.h"

/* What update is told, as text; NULL: not said. */
struct update_args {
	const char *resources, *memory, *memory_reservation, *memory_swap, *kernel_memory,
		*kernel_memory_tcp, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share, *cpu_idle,
		*cpu_rt_period, *cpu_rt_runtime, *cpuset_cpus, *cpuset_mems, *pids_limit,
		*blkio_weight, *l3_cache, *mem_bw;
};

struct args {
	/* global */
	const char *root; /* directory of states */
	const char *log, *log_format, *rootless, *cgroup_manager, *seccomp_cache;
	enum cgroup_manager manager; /* from the two options that name it */
	bool debug, systemd_cgroup, help, version, pdeathsig;
	uint32_t err_fd; /* 0: none */
	/* create, run */
	const char *bundle, *config, *pid_file, *console_socket;
	uint32_t preserve_fds;
	uint32_t listen_fds; /* of them: from socket activation, the first ones */
	bool no_pivot, detach, keep, no_new_keyring, no_subreaper;
	/* exec */
	const char *process, *user, *cwd, *apparmor, *process_label, *sub_cgroup;
	struct strv env, caps, groups;
	bool tty, no_new_privs, ignore_paused;
	/* others */
	bool all, force, quiet, spec_rootless, regex;
	const char *format, *interval;
	bool stats;
	struct update_args update;
	/* what stands behind the options */
	int argc;
	char **argv;
	bool joined;	   /* this process has entered namespaces of a container */
	struct strv owned; /* strings that members above point to */
};

/* Each returns the exit status (>= 0), or -errno with @e. */
int cmd_create(struct args *a, struct err *e);
int cmd_run(struct args *a, struct err *e);
int cmd_exec(struct args *a, struct err *e);
int cmd_start(struct args *a, struct err *e);
int cmd_state(struct args *a, struct err *e);
int cmd_kill(struct args *a, struct err *e);
int cmd_delete(struct args *a, struct err *e);
int cmd_update(struct args *a, struct err *e);
int cmd_pause(struct args *a, struct err *e);
int cmd_resume(struct args *a, struct err *e);
int cmd_ps(struct args *a, struct err *e);
int cmd_events(struct args *a, struct err *e);
int cmd_unsupported(struct args *a, struct err *e); /* checkpoint, restore */
int cmd_list(struct args *a, struct err *e);
int cmd_spec(struct args *a, struct err *e);
int cmd_features(struct args *a, struct err *e);

/* Close what we inherited, but 0 to 2, the descriptors that --preserve-fds passes and --err-fd. */
int args_close_fds(struct args *a, struct err *e);

#endif
