/* What the files of libengine/doctor share. */
#ifndef DOCTOR_PRIV_H
#define DOCTOR_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctrlite/doctor.h"
#include "userns.h"

struct doctor {
	const char *root;	/* the store's place */
	const char *user;	/* the name of who asks, or the number */
	const char *sudo;	/* "sudo ", or "" for root */
	bool rootless;
	bool userns;		/* a user namespace could be made */
	bool have_map;
	struct idmap map;	/* what containers get; a single id until it is known */
};

/* Fill in the finding: its health, and words. */
void doctor_found(struct ctr_finding *f, enum ctr_health h, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_fix(struct ctr_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "sudo apt-get install NAME", by this host's package manager; the name is Debian's. */
void doctor_install(const struct doctor *d, struct ctr_finding *f, const char *package);

/*
 * Run @fn in a child: for an ordinary user root of a new user namespace (@whole: with the map that
 * containers get, else one id), with more namespaces as in @flags; what it returns and says.
 */
int doctor_try(const struct doctor *d, bool whole, uint64_t flags, int (*fn)(void *arg, struct err *e),
	       void *arg, struct err *e);

/* One row of the table in doctor.c. */
typedef void (*doctor_probe)(struct doctor *d, struct ctr_finding *f);
/* probe-kernel.c */
void probe_kernel(struct doctor *d, struct ctr_finding *f);
void probe_userns(struct doctor *d, struct ctr_finding *f);
void probe_ranges(struct doctor *d, struct ctr_finding *f);
void probe_mappers(struct doctor *d, struct ctr_finding *f);
void probe_ns_mount(struct doctor *d, struct ctr_finding *f);
void probe_ns_pid(struct doctor *d, struct ctr_finding *f);
void probe_ns_net(struct doctor *d, struct ctr_finding *f);
void probe_ns_ipc(struct doctor *d, struct ctr_finding *f);
void probe_ns_uts(struct doctor *d, struct ctr_finding *f);
void probe_ns_cgroup(struct doctor *d, struct ctr_finding *f);
void probe_ns_time(struct doctor *d, struct ctr_finding *f);
void probe_proc(struct doctor *d, struct ctr_finding *f);
void probe_seccomp(struct doctor *d, struct ctr_finding *f);
void probe_landlock(struct doctor *d, struct ctr_finding *f);
void probe_keyring(struct doctor *d, struct ctr_finding *f);
void probe_files_limit(struct doctor *d, struct ctr_finding *f);
/* probe-store.c */
void probe_store(struct doctor *d, struct ctr_finding *f);
void probe_overlay(struct doctor *d, struct ctr_finding *f);
void probe_idmapped(struct doctor *d, struct ctr_finding *f);
/* probe-host.c */
void probe_helpers(struct doctor *d, struct ctr_finding *f);
void probe_runtimes(struct doctor *d, struct ctr_finding *f);
void probe_network(struct doctor *d, struct ctr_finding *f);
void probe_tun(struct doctor *d, struct ctr_finding *f);
void probe_init(struct doctor *d, struct ctr_finding *f);
void probe_run_dir(struct doctor *d, struct ctr_finding *f);
void probe_bus(struct doctor *d, struct ctr_finding *f);
void probe_systemd(struct doctor *d, struct ctr_finding *f);
void probe_linger(struct doctor *d, struct ctr_finding *f);
void probe_cgroups(struct doctor *d, struct ctr_finding *f);
void probe_registries(struct doctor *d, struct ctr_finding *f);
void probe_policy(struct doctor *d, struct ctr_finding *f);

#endif
