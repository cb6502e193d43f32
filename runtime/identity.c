/* Limits, user, capabilities, filter and program of the container's process. */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"
#include "fd.h"
#include "filter.h"
#include "msg.h"
#include "path.h"
#include "procfs.h"
#include "report.h"
#include "scheduler.h"

int identity_oom_score(struct setup *s, struct err *e)
{
	char text[16];
	int r;

	if (!s->proc->has_oom_score_adj)
		return 0;
	(void)snprintf(text, sizeof(text), "%d", s->proc->oom_score_adj);
	r = procfs_write(s->host_proc_fd, "self/oom_score_adj", text);
	if (r == -EACCES || r == -EPERM)
		return err_set(e, ERR_DENIED,
			       "$.process.oomScoreAdj: %d is lower than what this user may "
			       "set (CAP_SYS_RESOURCE on the host is needed)",
			       s->proc->oom_score_adj);
	return r < 0 ? err_sys(e, r, "write oom_score_adj") : 0;
}

/* Without a session keyring of its own the container would share the caller's keys. */
int identity_keyring(struct setup *s, struct err *e)
{
	if (s->no_new_keyring)
		return 0;
	/* ENOSYS: no keyrings at all.  EDQUOT, EPERM: then there is no session keyring to share by
	 * possession either, or a filter around us bars the call for the container as well. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, s->id) < 0 && errno != ENOSYS &&
	    errno != EDQUOT && errno != EPERM)
		return err_sys(e, errno, "make a session keyring");
	return 0;
}

int identity_limits(struct setup *s, struct err *e)
{
	for (size_t i = 0; i < s->proc->n_rlimits; i++) {
		const struct oci_rlimit *l = &s->proc->rlimits[i];

		if (setrlimit((__rlimit_resource_t)l->resource, &l->value) < 0)
			return err_sys(e, errno, "set $.process.rlimits[%zu] to %llu:%llu", i,
				       (unsigned long long)l->value.rlim_cur,
				       (unsigned long long)l->value.rlim_max);
	}
	if (s->proc->has_ioprio &&
	    syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, s->proc->ioprio) < 0)
		return err_sys(e, errno, "set the I/O priority");
	if (s->cfg && s->cfg->has_personality && personality(s->cfg->personality) < 0)
		return err_sys(e, errno, "set the personality");
	return s->proc->has_scheduler ? scheduler_set(&s->proc->scheduler, e) : 0;
}

/* A file that exec could take, as far as one can see: 0, or -ENOENT, -EACCES, -EISDIR. */
static int look_at_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) ? 0 : -EACCES;
}

static int program_failure(const char *name, int r, struct err *e)
{
	if (r == -EISDIR)
		return err_set(e, ERR_CMD_NOT_EXEC,
			       "open executable \"%s\": is a directory: Permission "
			       "denied",
			       name);
	if (r == -EACCES || r == -EPERM)
		return err_set(e, ERR_CMD_NOT_EXEC, "open executable \"%s\": Permission denied",
			       name);
	if (strchr(name, '/'))
		return err_set(e, ERR_CMD_NOT_FOUND,
			       "executable file \"%s\" not found: No such file or "
			       "directory",
			       name);
	return err_set(e, ERR_CMD_NOT_FOUND,
		       "executable file \"%s\" not found in $PATH: No such file or "
		       "directory",
		       name);
}

static int search_path(struct setup *s, const char *name)
{
	const char *list = strv_env_get(&s->proc->env, "PATH");
	int worst = -ENOENT;

	if (!list)
		list = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ":");
		int r;

		/* An empty entry is the working directory, as execvp(3) has it. */
		if ((size_t)snprintf(s->exec_path, sizeof(s->exec_path), "%.*s%s%s", (int)len, p,
				     len ? "/" : "./", name) < sizeof(s->exec_path)) {
			r = look_at_program(s->exec_path);
			if (r == 0)
				return 0;
			if (r == -EACCES)
				worst = r;
		}
		p += len;
		if (!*p)
			return worst;
	}
}

/*
 * Now, while there is someone to tell, although the user that will execute it may see less.
 * Relative names are relative to the working directory, which the container has by now.
 */
int identity_find_program(struct setup *s, struct err *e)
{
	const char *name = s->proc->args.items[0];
	int r;

	if (name[0] != '/' && chdir(s->proc->cwd) < 0)
		return 0; /* identity_cwd() tells */
	if (strchr(name, '/')) {
		if (strlen(name) >= sizeof(s->exec_path))
			return program_failure(name, -ENOENT, e);
		(void)stpcpy(s->exec_path, name);
		r = look_at_program(name);
	} else {
		r = search_path(s, name);
	}
	return r < 0 ? program_failure(name, r, e) : 0;
}

/* @names: each behind ", "; nothing for none. */
static void warn_of_caps(struct strbuf *names, const char *why)
{
	struct err e = ERR_INIT;

	if (names->len && !names->failed) {
		(void)err_set(&e, ERR_UNSUPPORTED, "capabilities left away, %s: %s", why,
			      names->data + 2);
		report_warning(&e);
	}
	strbuf_done(names);
}

static void warn_of_set(uint64_t set, const char *why)
{
	struct strbuf names = STRBUF_INIT;

	for (unsigned int i = 0; i < 64 && cap_str(i); i++)
		if (set & UINT64_C(1) << i)
			strbuf_addf(&names, ", %s", cap_str(i));
	warn_of_caps(&names, why);
}

void identity_limit_caps(struct oci_process *p, uint64_t grantable)
{
	struct caps *c = &p->caps;
	uint64_t asked = c->bounding | c->effective | c->permitted | c->inheritable | c->ambient;
	uint64_t ambient = c->ambient;
	struct strbuf unknown = STRBUF_INIT;

	c->bounding &= grantable;
	c->permitted &= grantable;
	c->inheritable &= grantable;
	c->effective &= c->permitted;
	c->ambient &= c->permitted & c->inheritable; /* as capabilities(7) has it */
	for (size_t i = 0; i < p->unknown_caps.n; i++)
		strbuf_addf(&unknown, ", \"%.60s\"", p->unknown_caps.items[i]);
	warn_of_caps(&unknown, "not known");
	warn_of_set(asked & ~grantable, "not ours to grant");
	warn_of_set(ambient & ~c->ambient & grantable, "ambient but not permitted and inheritable");
}

int identity_bound(struct setup *s, struct err *e)
{
	int r = caps_bound(s->proc->caps.bounding);

	return r < 0 ? err_sys(e, r, "drop capabilities from the bounding set") : 0;
}

int identity_no_new_privs(struct setup *s, struct err *e)
{
	if (s->proc->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, errno, "set no_new_privs");
	return 0;
}

/* In a namespace with one id there are no groups to give up: the kernel says so in this file. */
static bool setgroups_denied(struct setup *s)
{
	auto_close int fd = procfs_open(s->host_proc_fd, "self/setgroups", O_RDONLY);
	char text[8] = "";

	return fd >= 0 && read(fd, text, sizeof(text) - 1) >= 4 && memcmp(text, "deny", 4) == 0;
}

/* As crun has it, and podman asks for it. */
bool identity_keeps_groups(const json_t *annotations)
{
	const char *v = json_string_value(json_object_get(annotations, IDENTITY_KEEP_GROUPS));

	return v && streq(v, "1");
}

static bool only_primary_group(const struct oci_process *p)
{
	return p->n_groups == 0 || (p->n_groups == 1 && p->groups[0] == p->gid);
}

/*
 * Groups first: as another user we may not.  The permitted capabilities are kept over the change
 * and raised again, since loading the filter may need them; identity_caps() makes them final.
 */
int identity_user(struct setup *s, struct err *e)
{
	const struct oci_process *p = s->proc;

	if (!s->keep_groups && setgroups(p->n_groups, p->groups) < 0 &&
	    !(errno == EPERM && only_primary_group(p) && setgroups_denied(s)))
		return err_sys(e, errno, "set the supplementary groups");
	s->host_proc_fd = fd_close(s->host_proc_fd); /* its last use */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(e, errno, "keep capabilities over the change of user");
	if (setresgid(p->gid, p->gid, p->gid) < 0)
		return errno == EINVAL ? err_set(e, ERR_INVALID,
						 "gid %u has no mapping in the container's "
						 "user namespace",
						 p->gid)
				       : err_sys(e, errno, "set gid %u", p->gid);
	if (setresuid(p->uid, p->uid, p->uid) < 0)
		return errno == EINVAL ? err_set(e, ERR_INVALID,
						 "uid %u has no mapping in the container's "
						 "user namespace",
						 p->uid)
				       : err_sys(e, errno, "set uid %u", p->uid);
	(void)umask(p->has_umask ? p->umask : 0022);
	return caps_raise_permitted() < 0 ? err_sys(e, errno, "raise capabilities") : 0;
}

/* A working directory that is a descriptor of the host's by some magic link has no path here, and
 * getcwd(2) says so. */
int identity_cwd(struct setup *s, struct err *e)
{
	char now[PATH_MAX];

	if (chdir(s->proc->cwd) < 0)
		return err_sys(e, errno, "change to the working directory %s", s->proc->cwd);
	if (syscall(SYS_getcwd, now, sizeof(now)) < 0 || now[0] != '/')
		return err_set(e, ERR_DENIED,
			       "the working directory %s is outside of the container",
			       s->proc->cwd);
	return 0;
}

int identity_pdeathsig(struct setup *s, struct err *e)
{
	struct pollfd pfd = { .fd = s->parent_pidfd, .events = POLLIN };

	if (!s->pdeathsig)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(e, errno, "ask for a signal when the monitor dies");
	/* It may have died before we asked. */
	if (s->parent_pidfd >= 0 && poll(&pfd, 1, 0) != 0)
		return err_set(e, ERR_OS, "the monitor has died");
	return 0;
}

/*
 * Until the program is executed we hold descriptors of the host.  Who is in our pid and user namespaces
 * already (--pid=container:X, exec) and has our capabilities could open them by way of /proc, or trace
 * us, as soon as we have no more than he has.
 */
int identity_hide(struct setup *s, struct err *e)
{
	(void)s;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? err_sys(e, errno, "hide") : 0;
}

static int load_filter(struct setup *s, struct err *e)
{
	auto_close int listener = FD_NONE;
	int r = filter_load(&s->filter, &listener, e);

	if (r < 0 || listener < 0)
		return r;
	/* By ourselves: the runtime may have gone since `create`.  Whoever listens wants the end of
	 * the connection as well. */
	r = console_send(s->listener, s->listener_text, listener, e);
	s->listener = fd_close(s->listener);
	return r < 0 ? err_wrap(e, r, "hand over the filter's notify descriptor") : 0;
}

/* Without no_new_privs the kernel wants CAP_SYS_ADMIN for it, which identity_caps() drops. */
int identity_filter_early(struct setup *s, struct err *e)
{
	return s->filter.insns && !s->proc->no_new_privileges ? load_filter(s, e) : 0;
}

int identity_caps(struct setup *s, struct err *e)
{
	int r = caps_apply(&s->proc->caps);

	return r < 0 ? err_sys(e, r, "set the capabilities") : 0;
}

/* Last: it forbids the calls above. */
int identity_filter_late(struct setup *s, struct err *e)
{
	return s->filter.insns && s->proc->no_new_privileges ? load_filter(s, e) : 0;
}

int identity_exec(struct setup *s, struct err *e)
{
	const char *name = s->proc->args.items[0];

	(void)execve(s->exec_path, (char *const *)(uintptr_t)strv_argv(&s->proc->args),
		     (char *const *)(uintptr_t)strv_argv(&s->proc->env));
	switch (errno) {
	case ENOENT: /* of a script's interpreter, or of the dynamic linker */
		return err_set(e, ERR_CMD_NOT_FOUND,
			       "execute \"%s\": No such file or directory (its "
			       "interpreter or its dynamic linker is missing)",
			       name);
	case EACCES:
	case EPERM:
		return err_set(e, ERR_CMD_NOT_EXEC, "execute \"%s\": Permission denied", name);
	case ENOEXEC:
		return err_set(e, ERR_CMD_NOT_EXEC, "execute \"%s\": Exec format error", name);
	default:
		return err_set(e, ERR_CMD_NOT_EXEC, "execute \"%s\": %s", name, strerror(errno));
	}
}
