/* Names of sysctls, to whom they belong, and writing them. */
#include "sysctl.h"

#include <ctype.h>
#include <errno.h>

#include "mount.h"
#include "fd.h"
#include "procfs.h"

int sysctl_path(const char *name, char ret[SYSCTL_PATH_MAX])
{
	size_t len = strlen(name), part = 0;
	/* As sysctl(8): whichever of '.' and '/' comes first separates, the other one is part of a
	 * name (net.ipv4.conf.eth0/1.mtu). */
	bool dots = name[strcspn(name, "./")] == '.';

	if (len == 0)
		return -EINVAL;
	if (len >= SYSCTL_PATH_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];
		bool sep = c == (dots ? '.' : '/');

		if (!sep && !isalnum(c) && !strchr("_-:@+./", c))
			return -EINVAL;
		if (sep && (part == 0 || i + 1 == len))
			return -EINVAL; /* an empty component */
		if (sep)
			ret[i] = '/';
		else
			ret[i] = dots && c == '/' ? '.' : (char)c;
		part = sep ? 0 : part + 1;
	}
	ret[len] = '\0';
	/* "..", which the other separator may have made. */
	for (const char *p = ret; *p;) {
		size_t n = strcspn(p, "/");

		if (n <= 2 && strspn(p, ".") >= n)
			return -EINVAL;
		p += n + (p[n] == '/');
	}
	return 0;
}

int sysctl_namespace(const char *path)
{
	static const struct {
		const char *name;
		enum ns_kind ns;
	} known[] = {
		{ "kernel/msgmax", NS_IPC },	  { "kernel/msgmnb", NS_IPC },
		{ "kernel/msgmni", NS_IPC },	  { "kernel/sem", NS_IPC },
		{ "kernel/shmall", NS_IPC },	  { "kernel/shmmax", NS_IPC },
		{ "kernel/shmmni", NS_IPC },	  { "kernel/shm_rmid_forced", NS_IPC },
		{ "kernel/msg_next_id", NS_IPC }, { "kernel/sem_next_id", NS_IPC },
		{ "kernel/shm_next_id", NS_IPC }, { "kernel/auto_msgmni", NS_IPC },
		{ "kernel/domainname", NS_UTS },  { "kernel/hostname", NS_UTS },
	};

	if (str_starts(path, "net/"))
		return NS_NET;
	if (str_starts(path, "fs/mqueue/"))
		return NS_IPC;
	if (str_starts(path, "user/max_"))
		return NS_USER;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (streq(known[i].name, path))
			return (int)known[i].ns;
	return -EINVAL;
}

int sysctl_check(const struct oci_config *c, struct err *e)
{
	for (size_t i = 0; i < c->n_sysctls; i++) {
		const char *name = c->sysctls[i].name;
		char path[SYSCTL_PATH_MAX];
		int ns;

		if (sysctl_path(name, path) < 0)
			return err_set(e, ERR_INVALID,
				       "$.linux.sysctl: \"%.200s\" is not the name of a "
				       "sysctl",
				       name);
		ns = sysctl_namespace(path);
		if (ns < 0)
			return err_set(e, ERR_DENIED,
				       "sysctl \"%.200s\" is not in a namespace: it would "
				       "change the host",
				       name);
		if (!c->ns[ns].present)
			return err_set(e, ERR_DENIED,
				       "sysctl \"%.200s\" needs a %s namespace of the "
				       "container's own",
				       name, ns_types[ns].name);
	}
	return 0;
}

/* Through a procfs of our own, not what an image or a mount may have put at /proc. */
static int open_proc(struct setup *s, struct err *e)
{
	int mnt;

	if (s->proc_fd >= 0)
		return fd_dup(s->proc_fd);
	mnt = mount_new_fs("proc", "proc", NULL, &(struct mount_attrs){ 0 }, e);
	return mnt < 0 ? fd_dup(s->host_proc_fd) : mnt;
}

int sysctl_write_all(struct setup *s, struct err *e)
{
	auto_close int proc = FD_NONE;

	if (s->cfg->n_sysctls == 0)
		return 0;
	proc = open_proc(s, e);
	if (proc < 0)
		return err_sys(e, proc, "open a procfs for the sysctls");
	for (size_t i = 0; i < s->cfg->n_sysctls; i++) {
		char path[SYSCTL_PATH_MAX], full[SYSCTL_PATH_MAX + 4];
		int r = sysctl_path(s->cfg->sysctls[i].name, path);

		if (r == 0) {
			(void)snprintf(full, sizeof(full), "sys/%s", path);
			r = procfs_write(proc, full, s->cfg->sysctls[i].value);
		}
		if (r < 0)
			return err_sys(e, r, "set the sysctl %s", s->cfg->sysctls[i].name);
	}
	return 0;
}
