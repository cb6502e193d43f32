/* User namespaces: writing id maps, forking into a mapped namespace. */
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"

int idmap_format(const struct idmap_range *r, uint32_t n, char *buf, size_t cap)
{
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		int k = snprintf(buf + len, cap - len, "%s%u:%u:%u", i ? "," : "", r[i].container,
				 r[i].host, r[i].count);

		if (k < 0 || (size_t)k >= cap - len)
			return -E2BIG;
		len += (size_t)k;
	}
	return 0;
}

static bool ranges_overlap(uint32_t a, uint32_t na, uint32_t b, uint32_t nb)
{
	return a < b ? b - a < na : a - b < nb;
}

int idmap_parse(const char *s, struct idmap_range *r, uint32_t *ret_n)
{
	uint32_t n = 0;

	while (*s) {
		uint32_t v[3];

		if (n == IDMAP_MAX)
			return -E2BIG;
		for (int i = 0; i < 3; i++) {
			size_t len = strspn(s, "0123456789");
			char num[12];

			if (len == 0 || len >= sizeof(num))
				return -EINVAL;
			memcpy(num, s, len);
			num[len] = '\0';
			if (str_u32(num, UINT32_MAX - 1, &v[i]) < 0)
				return -EINVAL;
			s += len;
			if (*s != (i < 2 ? ':' : ',') && !(i == 2 && *s == '\0'))
				return -EINVAL;
			if (*s && !*++s)
				return -EINVAL; /* a separator with nothing behind it */
		}
		if (v[2] == 0 || v[0] > UINT32_MAX - v[2] || v[1] > UINT32_MAX - v[2])
			return -EINVAL;
		for (uint32_t i = 0; i < n; i++)
			if (ranges_overlap(r[i].container, r[i].count, v[0], v[2]) ||
			    ranges_overlap(r[i].host, r[i].count, v[1], v[2]))
				return -EINVAL;
		r[n++] = (struct idmap_range){ v[0], v[1], v[2] };
	}
	if (n == 0)
		return -EINVAL;
	*ret_n = n;
	return 0;
}

bool idmap_to_host(const struct idmap_range *r, uint32_t n, uint32_t id, uint32_t *ret)
{
	for (uint32_t i = 0; i < n; i++)
		if (id >= r[i].container && id - r[i].container < r[i].count) {
			*ret = r[i].host + (id - r[i].container);
			return true;
		}
	return false;
}

bool idmap_to_container(const struct idmap_range *r, uint32_t n, uint32_t host, uint32_t *ret)
{
	for (uint32_t i = 0; i < n; i++)
		if (host >= r[i].host && host - r[i].host < r[i].count) {
			*ret = r[i].container + (host - r[i].host);
			return true;
		}
	return false;
}

bool idmap_is_single(const struct idmap *m)
{
	return m->n_uid == 1 && m->n_gid == 1 && m->uid[0].count == 1 && m->gid[0].count == 1 &&
	       m->uid[0].host == geteuid() && m->gid[0].host == getegid();
}

static int write_proc(pid_t pid, const char *file, const char *text, struct err *e)
{
	auto_close int fd = FD_NONE;
	char name[64];
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, file);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open %s", name);
	n = write(fd, text, strlen(text)); /* the kernel wants the map in one write */
	if (n < 0)
		return err_sys(e, errno, "write %s", name);
	return 0;
}

static int write_map(pid_t pid, const char *file, const struct idmap_range *r, uint32_t n,
		     struct err *e)
{
	char text[4096]; /* the kernel takes less than one page */
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		int k = snprintf(text + len, sizeof(text) - len, "%u %u %u\n", r[i].container,
				 r[i].host, r[i].count);

		if (k < 0 || (size_t)k >= sizeof(text) - len)
			return err_set(e, ERR_LIMIT, "id map has too many ranges for the kernel");
		len += (size_t)k;
	}
	return write_proc(pid, file, text, e);
}

static bool can_map_directly(void)
{
	return geteuid() == 0;
}

/* Start newuidmap or newgidmap for @pid; what it says on stderr can be read from *@ret_err_fd. */
static int mapper_begin(const char *prog, pid_t pid, const struct idmap_range *r, uint32_t n,
			struct proc_spawning *ret, int *ret_err_fd, struct err *e)
{
	char nums[3 * IDMAP_MAX + 1][12];
	char *argv[3 * IDMAP_MAX + 3];
	auto_close int rd = FD_NONE, wr = FD_NONE;
	auto_free char *path = path_find_program(prog);
	struct proc_fd fd = { .to = STDERR_FILENO };
	struct proc_spawn s = { .path = path, .argv = argv, .fds = &fd, .n_fds = 1, .dir_fd = FD_NONE };
	size_t a = 0, k = 0;
	int fds[2], res;

	if (!path)
		return err_set(e, ERR_UNSUPPORTED, "%s is not installed; install it with: "
			       "apt-get install uidmap (Debian) or dnf install shadow-utils (Fedora)", prog);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, errno, "map ids: make a pipe");
	rd = fds[0];
	fd.from = wr = fds[1];
	argv[a++] = path;
	(void)snprintf(nums[k], sizeof(nums[k]), "%d", (int)pid);
	argv[a++] = nums[k++];
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t v[3] = { r[i].container, r[i].host, r[i].count };

		for (int j = 0; j < 3; j++) {
			(void)snprintf(nums[k], sizeof(nums[k]), "%u", v[j]);
			argv[a++] = nums[k++];
		}
	}
	argv[a] = NULL;
	res = proc_spawn_begin(&s, ret, e);
	ret->path = prog; /* outlives us, unlike the path */
	if (res == 0)
		*ret_err_fd = take_fd(&rd);
	else
		ret->path = NULL;
	return res;
}

static int mapper_end(struct proc_spawning *sp, const char *db, int *err_fd, struct err *e)
{
	auto_close int rd = take_fd(err_fd);
	const char *prog = take_ptr(&sp->path);
	struct proc p = PROC_INIT;
	char text[256] = "";
	int status = 0, r;
	ssize_t n;

	if (!prog)
		return 0;
	sp->path = prog;
	r = proc_spawn_end(sp, &p, e);
	sp->path = NULL;
	if (r < 0)
		return r;
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "wait for %s", prog);
	if (status == 0)
		return 0;
	n = read(rd, text, sizeof(text) - 1); /* the pipe holds what it said; all writers are gone */
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err_set(e, ERR_DENIED, "%s failed: %s (check that %s is set-uid root or has file "
		       "capabilities, and the ranges of uid %u in %s)", prog,
		       text[0] ? text : "no message", prog, (unsigned int)getuid(), db);
}

static int map_directly(pid_t pid, const struct idmap *m, struct err *e)
{
	int r;

	/* Without CAP_SETGID the kernel wants setgroups denied before a gid map is written. */
	if (!can_map_directly()) {
		r = write_proc(pid, "setgroups", "deny", e);
		if (r < 0)
			return r;
	}
	r = write_map(pid, "uid_map", m->uid, m->n_uid, e);
	return r < 0 ? r : write_map(pid, "gid_map", m->gid, m->n_gid, e);
}

int userns_map_begin(pid_t pid, const struct idmap *m, struct userns_mapping *ret, struct err *e)
{
	int r;

	*ret = (struct userns_mapping)USERNS_MAPPING_INIT;
	if (can_map_directly() || idmap_is_single(m))
		return map_directly(pid, m, e);
	r = mapper_begin("newuidmap", pid, m->uid, m->n_uid, &ret->uid, &ret->uid_err, e);
	if (r == 0)
		r = mapper_begin("newgidmap", pid, m->gid, m->n_gid, &ret->gid, &ret->gid_err, e);
	if (r < 0)
		(void)userns_map_end(ret, NULL); /* the first failure is the one to report */
	return r;
}

int userns_map_end(struct userns_mapping *mp, struct err *e)
{
	int r = mapper_end(&mp->uid, "/etc/subuid", &mp->uid_err, e);
	int r2 = mapper_end(&mp->gid, "/etc/subgid", &mp->gid_err, r == 0 ? e : NULL);

	return r < 0 ? r : r2;
}

int userns_write_maps(pid_t pid, const struct idmap *m, struct err *e)
{
	struct userns_mapping mp;
	int r = userns_map_begin(pid, m, &mp, e);

	return r < 0 ? r : userns_map_end(&mp, e);
}

int userns_clone_err(struct err *e, int r)
{
	int code = r < 0 ? -r : r;

	if (code != EPERM && code != ENOSPC && code != EUSERS)
		return err_sys(e, code, "make a user namespace");
	return err_set(e, ERR_UNSUPPORTED, "this host does not let uid %u make a user namespace (%s); "
		       "look at: sysctl user.max_user_namespaces kernel.unprivileged_userns_clone "
		       "kernel.apparmor_restrict_unprivileged_userns", (unsigned int)getuid(),
		       strerror(code));
}

int userns_set_root_ids(void)
{
	return setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -errno : 0;
}

int userns_become_root(void)
{
	/* EPERM: setgroups is denied in a single-id namespace, and there is nothing to drop to. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return -errno;
	return userns_set_root_ids();
}

int userns_fork(const struct idmap *m, uint64_t flags, struct proc *ret, struct err *e)
{
	auto_close int go_rd = FD_NONE, go_wr = FD_NONE;
	int fds[2], r;
	char byte = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a user namespace: make a pipe");
	go_rd = fds[0];
	go_wr = fds[1];
	r = proc_clone(CLONE_NEWUSER | flags, ret);
	if (r < 0)
		return userns_clone_err(e, r);
	if (r == 0) {
		go_wr = fd_close(go_wr);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd_read_full(go_rd, &byte, 1) != 1)
			_exit(127); /* the parent said why, or is dead */
		if (userns_become_root() < 0)
			_exit(127);
		/* The change of ids cleared both. */
		(void)prctl(PR_SET_DUMPABLE, 1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 0;
	}
	r = userns_write_maps(ret->pid, m, e);
	if (r == 0)
		r = fd_write_all(go_wr, "g", 1) < 0 ? err_set(e, ERR_OS, "the namespace's process died") : 0;
	if (r < 0) {
		(void)proc_signal(ret, SIGKILL);
		(void)proc_wait(ret, NULL); /* killed: only to reap */
		proc_done(ret);
		return r;
	}
	return 1;
}

bool userns_is_initial(void)
{
	char map[64] = "";
	auto_close int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	unsigned int inside, outside, count;

	if (fd < 0 || read(fd, map, sizeof(map) - 1) <= 0)
		return true; /* a kernel without user namespaces */
	return sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}
