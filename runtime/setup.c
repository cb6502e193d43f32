/* The order in which a container's process is set up, and the steps that fit nowhere else. */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "affinity.h"
#include "console.h"
#include "dev.h"
#include "fd.h"
#include "hooks.h"
#include "identity.h"
#include "lsm.h"
#include "mask.h"
#include "mount.h"
#include "msg.h"
#include "procfs.h"
#include "rootfs.h"
#include "start-fifo.h"
#include "state.h"
#include "sysctl.h"

void setup_init(struct setup *s)
{
	*s = (struct setup){
		.sync = FD_NONE,
		.listener = FD_NONE,
		.parent_pidfd = FD_NONE,
		.cgroup_fd = FD_NONE,
		.start_fifo = FD_NONE,
		.start_report = FD_NONE,
		.host_proc_fd = FD_NONE,
		.proc_fd = FD_NONE,
		.root_fd = FD_NONE,
		.rootfs_at = FD_NONE,
		.tty_fd = FD_NONE,
	};
	for (int k = 0; k < NS_COUNT_; k++)
		s->join[k] = FD_NONE;
}

int setup_wait_go(struct setup *s, struct err *e)
{
	uint16_t type;
	size_t len;
	int r = msg_recv(s->sync, &type, NULL, 0, &len, NULL, 0, NULL);

	if (r < 0)
		return err_sys(e, r, "hear from the runtime");
	if (r == 0 || type != SYNC_GO)
		return err_set(e, ERR_OS, "the runtime has ended");
	return 0;
}

/* Before anything else: from here on the death of the one who cares ends us too. */
static int start_pdeathsig(struct setup *s, struct err *e)
{
	return identity_pdeathsig(s, e);
}

static int wait_maps(struct setup *s, struct err *e)
{
	int r;

	if (!s->maps_pending && !s->cgroup_pending)
		return 0;
	r = setup_wait_go(s, e);
	if (r < 0 || !s->maps_pending)
		return r;
	r = s->keep_groups ? userns_set_root_ids() : userns_become_root();
	if (r < 0)
		return err_sys(e, r, "become root of the user namespace");
	return identity_pdeathsig(s, e);
}

/*
 * In a user namespace that was joined we are still who we were outside, which may be nobody there.
 * As that user we may reach the root file system and the sources of mounts, as root we may not; as
 * root we own what is made.
 */
static int become_joined_root(struct setup *s, struct err *e)
{
	int r;

	if (!s->user_joined)
		return 0;
	r = rootfs_open(s, e);
	if (r == 0)
		r = mount_open_sources(s, e);
	if (r < 0)
		return r;
	r = s->keep_groups ? userns_set_root_ids() : userns_become_root();
	/* EINVAL: it has no root, as that of a user with one id whose name it keeps. */
	if (r < 0 && r != -EINVAL)
		return err_sys(e, r, "become root of the user namespace");
	if (s->new_ipc_ns && unshare(CLONE_NEWIPC) < 0)
		return err_sys(e, errno, "make the ipc namespace");
	return identity_pdeathsig(s, e);
}

static int join_namespaces(struct setup *s, struct err *e)
{
	/* The mount namespace last: it changes what paths mean. */
	static const enum ns_kind order[] = { NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_MOUNT };

	s->mounts_joined = s->join[NS_MOUNT] >= 0;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct ns_type *t = &ns_types[order[i]];
		int *fd = &s->join[order[i]];

		if (*fd < 0)
			continue;
		if (setns(*fd, (int)t->flag) < 0)
			return err_sys(e, errno, "join the %s namespace", t->name);
		*fd = fd_close(*fd);
	}
	return 0;
}

/* Its root is the cgroup that we are in now: the container's own. */
static int new_cgroup_ns(struct setup *s, struct err *e)
{
	if (s->new_cgroup_ns && unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(e, errno, "make the cgroup namespace");
	return 0;
}

static int new_session(struct setup *s, struct err *e)
{
	(void)s;
	(void)umask(0); /* every mode below is given in full */
	return setsid() < 0 ? err_sys(e, errno, "start a session") : 0;
}

/* The host's /proc, while it can be seen: for our own attributes, which are the same in any procfs.
 */
static int keep_host_proc(struct setup *s, struct err *e)
{
	if (s->host_proc_fd >= 0)
		return 0;
	s->host_proc_fd = procfs_open_host();
	return s->host_proc_fd < 0 ? err_sys(e, s->host_proc_fd, "open the host's /proc") : 0;
}

/*
 * Offsets can be set until the first process is in the namespace, by root of the user namespace
 * that owns it: so by us, who then enter it by what our children would get.
 */
static int make_time_namespace(struct setup *s, struct err *e)
{
	auto_close int ns = FD_NONE, dir = FD_NONE;
	char text[160];
	int r;

	if (!s->cfg->time_offsets)
		return 0;
	if (unshare((int)ns_types[NS_TIME].flag) < 0)
		return err_sys(e, errno, "make it");
	(void)snprintf(text, sizeof(text), "monotonic %lld %u\nboottime %lld %u\n",
		       (long long)s->cfg->time_secs[0], s->cfg->time_nanosecs[0],
		       (long long)s->cfg->time_secs[1], s->cfg->time_nanosecs[1]);
	r = procfs_write(s->host_proc_fd, "self/timens_offsets", text);
	if (r < 0)
		return err_sys(e, r, "set $.linux.timeOffsets");
	dir = procfs_open(s->host_proc_fd, "self/ns", O_PATH | O_DIRECTORY);
	ns = dir < 0 ? dir : openat(dir, "time_for_children", O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, (int)ns_types[NS_TIME].flag) < 0)
		return err_sys(e, errno, "enter it");
	return 0;
}

static int set_names(struct setup *s, struct err *e)
{
	const char *host = s->cfg->hostname, *domain = s->cfg->domainname;

	if (host && host[0] && sethostname(host, strlen(host)) < 0)
		return err_sys(e, errno, "set the host name %s", host);
	if (domain && domain[0] && setdomainname(domain, strlen(domain)) < 0)
		return err_sys(e, errno, "set the domain name %s", domain);
	return 0;
}

/* The working directory is made as mount targets are, so that images need not have it. */
static int make_cwd(struct setup *s, struct err *e)
{
	auto_close int fd = rootfs_target(s->root_fd, s->proc->cwd, true);

	(void)e;
	return 0; /* on a read-only root it may be missing: identity_cwd() tells */
}

/* What the runtime's state calls us: our number in the host's /proc. */
static uint64_t host_pid(const struct setup *s)
{
	char text[16] = "";
	uint32_t pid = 0;
	ssize_t n = readlinkat(s->host_proc_fd, "self", text, sizeof(text) - 1);

	return n > 0 && str_u32(text, INT32_MAX, &pid) == 0 ? pid : 0;
}

/* What the filter's listener is told, while the numbers of the host's processes can be seen. */
static int prepare_listener(struct setup *s, struct err *e)
{
	uint64_t pid;
	const char *status = s->cfg ? "creating" : "running";

	if (!s->filter.insns || !s->filter.listener_path)
		return 0;
	pid = host_pid(s);
	s->listener_text = listener_json(pid, s->filter.listener_metadata, s->id, status, s->bundle,
					 s->annotations);
	return s->listener_text ? 0 : err_sys(e, ENOMEM, "write the state for the filter's listener");
}

static int hooks_before_pivot(struct setup *s, struct err *e)
{
	const struct oci_hooks *h = &s->cfg->hooks;
	auto_free char *state = NULL;
	int r;

	if (h->n[HOOK_PRESTART] || h->n[HOOK_CREATE_RUNTIME]) {
		r = msg_send(s->sync, SYNC_HOOKS, NULL, 0, NULL, 0);
		if (r < 0)
			return err_sys(e, r, "ask for the hooks");
		r = setup_wait_go(s, e);
		if (r < 0)
			return r;
	}
	if (h->n[HOOK_CREATE_CONTAINER] == 0)
		return 0;
	state = state_json(s->id, "creating", host_pid(s), s->bundle, s->annotations);
	return state ? hooks_run(h, HOOK_CREATE_CONTAINER, state, e) : err_sys(e, ENOMEM, "hooks");
}

static int hooks_start(struct setup *s, struct err *e)
{
	auto_free char *state = NULL;

	if (s->cfg->hooks.n[HOOK_START_CONTAINER] == 0)
		return 0;
	state = state_json(s->id, "created", host_pid(s), s->bundle, s->annotations);
	return state ? hooks_run(&s->cfg->hooks, HOOK_START_CONTAINER, state, e)
		     : err_sys(e, ENOMEM, "hooks");
}

/* Everything that can fail early has: `create` returns now and `start` says when to go on. */
static int wait_start(struct setup *s, struct err *e)
{
	int r;

	if (s->start_fifo < 0)
		return setup_wait_go(s, e);
	r = msg_send(s->sync, SYNC_READY, NULL, 0, NULL, 0);
	if (r < 0)
		return err_sys(e, r, "tell the runtime");
	r = setup_wait_go(s, e);
	if (r < 0)
		return r;
	s->sync = fd_close(s->sync);
	s->start_report = start_fifo_wait(s->start_fifo, s->host_proc_fd, e);
	s->start_fifo = fd_close(s->start_fifo);
	return s->start_report < 0 ? s->start_report : 0;
}

/* sd_listen_fds(3): they are for the process whose number this is, as it sees itself. */
static int tell_listen_fds(struct setup *s, struct err *e)
{
	char n[16], pid[16];

	if (s->listen_fds == 0)
		return 0;
	(void)snprintf(n, sizeof(n), "%u", s->listen_fds);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (strv_env_set(s->env, "LISTEN_FDS", n) < 0 || strv_env_set(s->env, "LISTEN_PID", pid) < 0)
		return err_sys(e, ENOMEM, "pass the listening sockets");
	return 0;
}

/* Nothing of ours is inherited; what the caller passed on purpose is. */
static int pass_fds(struct setup *s, struct err *e)
{
	int r;

	for (unsigned int fd = 3; fd < 3 + s->preserve_fds; fd++) {
		r = fd_set_cloexec((int)fd, false);

		if (r < 0)
			return err_sys(e, r, "--preserve-fds: pass descriptor %u", fd);
	}
	r = tell_listen_fds(s, e);
	if (r < 0)
		return r;
	/* Nor may one of them be what the working directory leads to. */
	s->root_fd = fd_close(s->root_fd);
	s->proc_fd = fd_close(s->proc_fd);
	if (close_range(3 + s->preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(e, errno, "close descriptors on exec");
	return 0;
}

/* clang-format off */

/* Each step relies on all steps above it. */
const struct step init_steps[] = {
	{ "", start_pdeathsig },
	{ "wait for the id maps", wait_maps },		/* and until we are in the cgroup */
	{ "", become_joined_root },
	{ "", new_cgroup_ns },
	{ "join namespaces", join_namespaces },
	{ "start a session", new_session },
	{ "keep the host's /proc", keep_host_proc },	/* for the steps after the pivot as well */
	{ "make the time namespace", make_time_namespace },	/* by way of /proc */
	{ "set names", set_names },
	{ "set oom_score_adj", identity_oom_score },
	{ "mount the root file system", rootfs_mount },	/* no mount reaches the host after it */
	{ "mount the file systems", mount_all },
	{ "make the devices", dev_nodes },
	{ "make the links in /dev", dev_links },
	{ "open the terminal", console_open },		/* needs devpts and /dev */
	{ "make the working directory", make_cwd },
	{ "write sysctls", sysctl_write_all },		/* before /proc/sys becomes read-only */
	{ "run hooks", hooks_before_pivot },		/* they may still mount */
	{ "mask paths", mask_paths },
	{ "make paths read-only", mask_readonly },
	{ "make tmpfs read-only", mount_finish_ro },
	{ "pivot into the root file system", rootfs_pivot },	/* the host is out of sight */
	{ "finish the root file system", rootfs_finish },
	{ "", prepare_listener },
	{ "set labels", lsm_labels },
	{ "make a keyring", identity_keyring },
	{ "set limits", identity_limits },		/* raising them takes CAP_SYS_RESOURCE */
	{ "take the terminal", console_take },
	{ "", identity_find_program },
	{ "wait to be started", wait_start },
	{ "run hooks", hooks_start },
	{ "pass descriptors", pass_fds },
	{ "bound capabilities", identity_bound },	/* takes CAP_SETPCAP */
	{ "set no_new_privs", identity_no_new_privs },
	{ "set the user", identity_user },
	{ "change directory", identity_cwd },		/* it may be the user's alone */
	{ "", identity_pdeathsig },			/* the change of user has cleared it */
	{ "hide from others inside", identity_hide },	/* it undoes this, too */
	{ "load the seccomp filter", identity_filter_early },	/* with CAP_SYS_ADMIN */
	{ "set capabilities", identity_caps },		/* nothing above works after this */
	{ "load the seccomp filter", identity_filter_late },	/* it forbids the calls above */
	{ "", identity_exec },
	{ 0 },
};

const struct step exec_steps[] = {
	{ "", start_pdeathsig },
	{ "join namespaces", join_namespaces },		/* the cgroup namespace, if any */
	{ "start a session", new_session },
	{ "open the terminal", console_open },
	{ "", prepare_listener },
	{ "set labels", lsm_labels },
	{ "make a keyring", identity_keyring },
	{ "set limits", identity_limits },
	{ "take the terminal", console_take },
	{ "", identity_find_program },
	{ "wait to be started", wait_start },		/* it is in the container's cgroup by then */
	{ "", affinity_final },
	{ "pass descriptors", pass_fds },
	{ "bound capabilities", identity_bound },
	{ "set no_new_privs", identity_no_new_privs },
	{ "set the user", identity_user },
	{ "change directory", identity_cwd },
	{ "", identity_pdeathsig },
	{ "hide from others inside", identity_hide },
	{ "load the seccomp filter", identity_filter_early },
	{ "set capabilities", identity_caps },
	{ "load the seccomp filter", identity_filter_late },
	{ "", identity_exec },
	{ 0 },
};
/* clang-format on */

/*
 * A socket that is closed with a message unread resets the connection, and the other side may then
 * miss ours: so stay and read until the runtime hangs up or kills us.
 */
static void report(struct setup *s, const struct err *e)
{
	char byte;

	if (s->start_report >= 0) {
		(void)err_send(s->start_report, e); /* who asked has gone: nobody else to tell */
		return;
	}
	(void)msg_send(s->sync, SYNC_ERR, e, sizeof(*e), NULL, 0);
	while (recv(s->sync, &byte, 1, 0) > 0)
		;
}

void setup_run(struct setup *s, const struct step *steps)
{
	struct err e = ERR_INIT;

	for (; steps->run; steps++) {
		int r = steps->run(s, &e);

		if (r >= 0)
			continue;
		if (e.kind == ERR_NONE)
			(void)err_sys(&e, r, "set up the container");
		if (steps->doing[0])
			(void)err_wrap(&e, r, "%s", steps->doing);
		break;
	}
	report(s, &e);
	_exit(e.kind == ERR_CMD_NOT_FOUND ? 127 : e.kind == ERR_CMD_NOT_EXEC ? 126 : 1);
}
