/* What the kernel permits: namespaces and filters, each by making one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ctrlite/idmap.h"
#include "doctor-priv.h"
#include "fd.h"
#include "file.h"
#include "path.h"
#include "str.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define RANGE_MIN 65536		/* what images expect */
#define FILES_MIN 65536
#define SUBID_MAX_BYTES (4u << 20)

void probe_kernel(struct doctor *d, struct ctr_finding *f)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	(void)d;
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		doctor_found(f, CTR_HEALTH_REQUIRED, "its release is not understood");
	else if (major < 5 || (major == 5 && minor < 11))
		doctor_found(f, CTR_HEALTH_REQUIRED, "%s: overlay mounts in user namespaces need 5.11",
			     u.release);
	else if (major < 6 || (major == 6 && minor < 8))
		doctor_found(f, CTR_HEALTH_OK, "%s (images of very many layers need 6.8)", u.release);
	else
		doctor_found(f, CTR_HEALTH_OK, "%s", u.release);
}

/* A small number in a file below /proc/sys; -1 where it is not there. */
static int64_t sysctl_value(const char *name)
{
	auto_free char *path = str_printf("/proc/sys/%s", name), *text = NULL;
	int64_t v = -1;

	if (!path || file_read_path(path, 64, &text, NULL) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return str_i64(text, 0, INT64_MAX, &v) < 0 ? -1 : v;
}

static int needs_power(void *arg, struct err *e)
{
	(void)arg;
	/* AppArmor lets the namespace be made, but takes the capabilities away. */
	if (prctl(PR_CAPBSET_DROP, 0, 0, 0, 0) < 0)
		return err_sys(e, errno, "be root in it");
	return 0;
}

static void userns_fix(const struct doctor *d, struct ctr_finding *f)
{
	if (sysctl_value("user/max_user_namespaces") == 0)
		doctor_fix(f, "%ssysctl -w user.max_user_namespaces=15000", d->sudo);
	else if (sysctl_value("kernel/unprivileged_userns_clone") == 0)
		doctor_fix(f, "%ssysctl -w kernel.unprivileged_userns_clone=1", d->sudo);
	else if (sysctl_value("kernel/apparmor_restrict_unprivileged_userns") == 1)
		doctor_fix(f, "%ssysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (or an AppArmor "
			   "profile for ctr-lite-monitor with: userns,)", d->sudo);
	else
		doctor_fix(f, "%ssysctl -w user.max_user_namespaces=15000; inside of a container: start "
			   "that with a seccomp profile that permits unshare", d->sudo);
}

void probe_userns(struct doctor *d, struct ctr_finding *f)
{
	struct err e = ERR_INIT;

	if (!d->rootless) {
		doctor_found(f, CTR_HEALTH_OK, "not needed by root");
		return;
	}
	if (doctor_try(d, false, 0, needs_power, NULL, &e) == 0) {
		d->userns = true;
		doctor_found(f, CTR_HEALTH_OK, "yes");
		return;
	}
	doctor_found(f, CTR_HEALTH_REQUIRED, "cannot be made: %s", e.text);
	userns_fix(d, f);
}

/* The first id behind all ranges of a file of subordinate ids, at least 100000. */
static uint32_t first_free(const char *path)
{
	auto_free char *text = NULL;
	uint32_t next = 100000;
	char *save = NULL;

	if (file_read_path(path, SUBID_MAX_BYTES, &text, NULL) < 0)
		return next;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *start = strchr(l, ':'), *count = start ? strchr(start + 1, ':') : NULL;
		uint32_t a, n;

		if (!count)
			continue;
		*count++ = '\0';
		if (str_u32(start + 1, UINT32_MAX, &a) == 0 && str_u32(count, UINT32_MAX - a, &n) == 0 &&
		    a + n > next)
			next = a + n;
	}
	return next;
}

static void ranges_fix(const struct doctor *d, struct ctr_finding *f)
{
	uint32_t u = first_free("/etc/subuid"), g = first_free("/etc/subgid");

	if (g > u)
		u = g;
	doctor_fix(f, "%susermod --add-subuids %u-%u --add-subgids %u-%u %s", d->sudo, u,
		   u + RANGE_MIN - 1, u, u + RANGE_MIN - 1, d->user);
}

static uint64_t count_ids(const struct idmap_range *r, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += r[i].count;
	return sum;
}

void probe_ranges(struct doctor *d, struct ctr_finding *f)
{
	struct err e = ERR_INIT;
	uint64_t uids, gids;
	bool single = false;

	if (!d->rootless) {
		doctor_found(f, CTR_HEALTH_OK, "not needed by root");
		return;
	}
	/* No run directory: what was said earlier is not asked, and nothing is kept. */
	if (ctr_idmap_default(FD_NONE, &d->map, &single, &e) < 0) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "%s", e.text);
		ranges_fix(d, f);
		return;
	}
	d->have_map = true;
	uids = count_ids(d->map.uid, d->map.n_uid);
	gids = count_ids(d->map.gid, d->map.n_gid);
	if (single) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "none in /etc/subuid and /etc/subgid: containers have a "
			     "single id, changes of owner only pretend to work");
		ranges_fix(d, f);
	} else if (uids < RANGE_MIN || gids < RANGE_MIN) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "%llu uids and %llu gids: images with larger ids do not "
			     "unpack", (unsigned long long)uids, (unsigned long long)gids);
		ranges_fix(d, f);
	} else {
		doctor_found(f, CTR_HEALTH_OK, "%llu uids, %llu gids", (unsigned long long)uids,
			     (unsigned long long)gids);
	}
}

static int nothing(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return 0;
}

void probe_mappers(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *uid = path_find_program("newuidmap"), *gid = path_find_program("newgidmap");
	bool wanted = d->have_map && !idmap_is_single(&d->map);
	struct err e = ERR_INIT;

	if (!d->rootless) {
		doctor_found(f, CTR_HEALTH_OK, "not needed by root");
	} else if (!uid || !gid) {
		doctor_found(f, wanted ? CTR_HEALTH_REQUIRED : CTR_HEALTH_OPTIONAL, "%s is not installed: "
			     "containers cannot have more than one id", uid ? "newgidmap" : "newuidmap");
		doctor_install(d, f, "uidmap");
	} else if (!wanted || !d->userns) {
		doctor_found(f, CTR_HEALTH_OK, "installed; not tried without %s",
			     wanted ? "a user namespace" : "subordinate ids");
	} else if (doctor_try(d, true, 0, nothing, NULL, &e) < 0) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "do not map: %s", e.text);
		doctor_fix(f, "%schmod u+s %s %s", d->sudo, uid, gid);
	} else {
		doctor_found(f, CTR_HEALTH_OK, "they map");
	}
}

static int try_unshare(void *arg, struct err *e)
{
	return unshare(*(int *)arg) < 0 ? err_sys(e, errno, "unshare") : 0;
}

static void probe_ns(struct doctor *d, struct ctr_finding *f, int flag, const char *what,
		     enum ctr_health missing, const char *without)
{
	struct err e = ERR_INIT;
	auto_free char *limit = str_printf("user/max_%s_namespaces", what);

	if (d->rootless && !d->userns) {
		doctor_found(f, missing, "not without a user namespace");
		return;
	}
	if (doctor_try(d, false, 0, try_unshare, &flag, &e) == 0) {
		doctor_found(f, CTR_HEALTH_OK, "yes");
		return;
	}
	doctor_found(f, missing, "%s: %s", e.text, without);
	if (limit && sysctl_value(limit) == 0)
		doctor_fix(f, "%ssysctl -w user.max_%s_namespaces=15000", d->sudo, what);
}

void probe_ns_mount(struct doctor *d, struct ctr_finding *f)
{
	probe_ns(d, f, CLONE_NEWNS, "mnt", CTR_HEALTH_REQUIRED, "no container runs");
}

void probe_ns_pid(struct doctor *d, struct ctr_finding *f)
{
	probe_ns(d, f, CLONE_NEWPID, "pid", CTR_HEALTH_REQUIRED, "only --pid=host works");
}

void probe_ns_net(struct doctor *d, struct ctr_finding *f)
{
	probe_ns(d, f, CLONE_NEWNET, "net", CTR_HEALTH_REQUIRED, "only --network=host works");
}

void probe_ns_ipc(struct doctor *d, struct ctr_finding *f)
{
	probe_ns(d, f, CLONE_NEWIPC, "ipc", CTR_HEALTH_REQUIRED, "only --ipc=host works");
}

void probe_ns_uts(struct doctor *d, struct ctr_finding *f)
{
	probe_ns(d, f, CLONE_NEWUTS, "uts", CTR_HEALTH_REQUIRED, "only --uts=host works");
}

void probe_ns_cgroup(struct doctor *d, struct ctr_finding *f)
{
	probe_ns(d, f, CLONE_NEWCGROUP, "cgroup", CTR_HEALTH_REQUIRED, "only --cgroupns=host works");
}

void probe_ns_time(struct doctor *d, struct ctr_finding *f)
{
	probe_ns(d, f, CLONE_NEWTIME, "time", CTR_HEALTH_OPTIONAL, "clocks of containers cannot differ");
}

/* Without a place to mount it on: the kernel checks the same. */
static int mount_proc(void *arg, struct err *e)
{
	auto_close int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC), mnt = FD_NONE;

	(void)arg;
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, errno, "mount a new /proc");
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return mnt < 0 ? err_sys(e, errno, "mount a new /proc") : 0;
}

void probe_proc(struct doctor *d, struct ctr_finding *f)
{
	struct err e = ERR_INIT;

	if (d->rootless && !d->userns) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "not without a user namespace");
	} else if (doctor_try(d, false, CLONE_NEWPID | CLONE_NEWNS, mount_proc, NULL, &e) == 0) {
		doctor_found(f, CTR_HEALTH_OK, "yes");
	} else {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "%s: parts of /proc are masked here, so containers see "
			     "that of their surroundings", e.text);
		doctor_fix(f, "start the container that this is with --security-opt unmask=ALL");
	}
}

static int load_filter(void *arg, struct err *e)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &allow };

	(void)arg;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return err_sys(e, errno, "load a seccomp filter");
	return 0;
}

/* In a child that is in no namespace of its own. */
static int try_plain(int (*fn)(void *arg, struct err *e), struct err *e)
{
	const struct doctor plain = { .rootless = false };

	return doctor_try(&plain, false, 0, fn, NULL, e);
}

void probe_seccomp(struct doctor *d, struct ctr_finding *f)
{
	struct err e = ERR_INIT;

	(void)d;
	if (try_plain(load_filter, &e) == 0) {
		doctor_found(f, CTR_HEALTH_OK, "yes");
		return;
	}
	doctor_found(f, CTR_HEALTH_REQUIRED, "%s: containers run only with --security-opt "
		     "seccomp=unconfined", e.text);
	doctor_fix(f, "a kernel with CONFIG_SECCOMP_FILTER=y");
}

static int ask_landlock(void *arg, struct err *e)
{
	(void)arg;
	/* LANDLOCK_CREATE_RULESET_VERSION */
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1
		       ? err_sys(e, errno, "make a landlock ruleset")
		       : 0;
}

void probe_landlock(struct doctor *d, struct ctr_finding *f)
{
	struct err e = ERR_INIT;

	(void)d;
	if (try_plain(ask_landlock, &e) == 0) {
		doctor_found(f, CTR_HEALTH_OK, "yes");
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "%s: layers are unpacked in one layer of confinement less",
		     e.text);
	doctor_fix(f, "add landlock to the kernel's lsm= boot parameter");
}

static int join_keyring(void *arg, struct err *e)
{
	(void)arg;
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) < 0
		       ? err_sys(e, errno, "join a new session keyring")
		       : 0;
}

void probe_keyring(struct doctor *d, struct ctr_finding *f)
{
	struct err e = ERR_INIT;

	(void)d;
	if (try_plain(join_keyring, &e) == 0) {
		doctor_found(f, CTR_HEALTH_OK, "yes");
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "%s: containers have no keyring of their own", e.text);
	if (sysctl_value("kernel/keys/maxkeys") >= 0)
		doctor_fix(f, "%ssysctl -w kernel.keys.maxkeys=2000", d->sudo);
}

void probe_files_limit(struct doctor *d, struct ctr_finding *f)
{
	struct rlimit l = { 0 };

	(void)getrlimit(RLIMIT_NOFILE, &l); /* shown as 0 */
	if (l.rlim_max >= FILES_MIN) {
		doctor_found(f, CTR_HEALTH_OK, "%llu for a process", (unsigned long long)l.rlim_max);
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "only %llu for a process: databases and proxies want more",
		     (unsigned long long)l.rlim_max);
	doctor_fix(f, "echo '%s hard nofile 1048576' | %stee /etc/security/limits.d/ctr-lite.conf", d->user,
		   d->sudo);
}
