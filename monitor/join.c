/* Sharing namespaces with another container or with what a path names. */
#include "join.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fd.h"
#include "msg.h"
#include "ns.h"
#include "path.h"
#include "proc.h"
#include "str.h"

static const struct join_type {
	const char *word; /* in MON_PREPARE and in messages */
	const char *proc; /* its name in /proc/PID/ns */
	int flag;
} types[] = {
	[JOIN_USER] = { "user", "user", CLONE_NEWUSER },
	[JOIN_NET] = { "net", "net", CLONE_NEWNET },
	[JOIN_IPC] = { "ipc", "ipc", CLONE_NEWIPC },
	[JOIN_UTS] = { "uts", "uts", CLONE_NEWUTS },
	[JOIN_PID] = { "pid", "pid", CLONE_NEWPID },
	[JOIN_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP },
	[JOIN_SHM] = { "shm", "mnt", CLONE_NEWNS },
};
static_assert(sizeof(types) / sizeof(types[0]) == JOIN_COUNT_, "a row for every kind");

void joins_done(struct joins *j)
{
	for (int k = 0; k < JOIN_COUNT_; k++)
		j->fd[k] = fd_close(j->fd[k]);
	j->outer = fd_close(j->outer);
}

static int find_type(const char *spec, const char **ret_rest)
{
	for (int k = 0; k < JOIN_COUNT_; k++) {
		const char *rest = str_after(spec, types[k].word);

		if (rest && rest[0] == ':') {
			*ret_rest = rest + 1;
			return k;
		}
	}
	return -EINVAL;
}

/* "PID:START" */
static int open_process(const char *text, struct proc *ret)
{
	const char *colon = strchr(text, ':');
	char num[16] = "";
	uint64_t start;
	uint32_t pid;

	if (!colon || (size_t)(colon - text) >= sizeof(num))
		return -EINVAL;
	memcpy(num, text, (size_t)(colon - text));
	if (str_u32(num, INT32_MAX, &pid) < 0 || pid == 0 ||
	    str_u64(colon + 1, UINT64_MAX, &start) < 0)
		return -EINVAL;
	return proc_open((pid_t)pid, start, ret) < 0 ? -ESRCH : 0;
}

static int open_by_process(const struct join_type *t, const char *text, struct err *e)
{
	struct proc p = PROC_INIT;
	int r = open_process(text, &p);

	if (r == -EINVAL)
		return err_set(e, ERR_INVALID, "bad value in the request to the monitor: join=%s:%s",
			       t->word, text);
	if (r == 0)
		r = ns_open(&p, t->proc);
	proc_done(&p);
	if (r == -ESRCH)
		return err_set(e, ERR_BUSY,
			       "cannot share the %s namespace of a container that is not running: "
			       "container state improper",
			       t->word);
	return r < 0 ? err_sys(e, r, "open the %s namespace of the other container", t->word) : r;
}

static int open_by_path(const struct join_type *t, const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return err_sys(e, errno, "open the %s namespace %s", t->word, path);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || ns_kind(fd) != t->flag)
		return err_set(e, ERR_INVALID, "%s is no %s namespace", path, t->word);
	return take_fd(&fd);
}

/* The user namespace that the stage has to be root of, found from one that is joined. */
static int add_outer(struct joins *j, int k, struct err *e)
{
	auto_close int owner = ns_owner(j->fd[k]), outer = FD_NONE;
	int r = owner < 0 ? owner : ns_below_ours(owner, &outer);

	if (r == 0) {
		auto_free char *mine = str_printf("/proc/self/ns/%s", types[k].proc);
		auto_close int fd = mine ? open(mine, O_RDONLY | O_CLOEXEC) : FD_NONE;

		if (fd >= 0 && ns_same(fd, j->fd[k])) { /* our own: nothing is entered */
			j->fd[k] = fd_close(j->fd[k]);
			return 0;
		}
		r = -EPERM;
	}
	if (r == -EPERM)
		return err_set(e, ERR_DENIED,
			       "the %s namespace belongs to another user or to the host: an "
			       "ordinary user may join those that he made himself",
			       types[k].word);
	if (r < 0)
		return err_sys(e, r, "find the owner of the %s namespace", types[k].word);
	if (j->outer < 0)
		j->outer = take_fd(&outer);
	else if (!ns_same(j->outer, outer))
		return err_set(e, ERR_UNSUPPORTED,
			       "the namespaces to join are in different user namespaces, in none "
			       "of which one could join them all (namespace %s)",
			       types[k].word);
	return 0;
}

int joins_open(struct joins *j, const struct param_list *specs, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < specs->n; i++) {
		const char *rest;
		int k = find_type(specs->items[i], &rest);

		if (k < 0)
			return err_set(e, ERR_INVALID,
				       "bad value in the request to the monitor: join=%s",
				       specs->items[i]);
		(void)fd_close(j->fd[k]);
		j->fd[k] = rest[0] == '/' ? open_by_path(&types[k], rest, e)
					  : open_by_process(&types[k], rest, e);
		if (j->fd[k] < 0)
			return j->fd[k];
	}
	for (int k = 0; r == 0 && geteuid() != 0 && k < JOIN_COUNT_; k++)
		r = j->fd[k] >= 0 ? add_outer(j, k, e) : 0;
	if (r == 0 && j->fd[JOIN_USER] >= 0) {
		auto_close int ours = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);

		j->nested = !ns_same(j->fd[JOIN_USER], j->outer >= 0 ? j->outer : ours);
	}
	return r;
}

int joins_enter_outer(const struct joins *j, struct err *e)
{
	if (j->outer >= 0 && setns(j->outer, CLONE_NEWUSER) < 0)
		return err_sys(e, errno, "join the user namespace");
	return 0;
}

int joins_enter(const struct joins *j, struct err *e)
{
	static const enum join_kind kinds[] = { JOIN_NET, JOIN_IPC, JOIN_UTS };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct join_type *t = &types[kinds[i]];

		if (j->fd[kinds[i]] >= 0 && setns(j->fd[kinds[i]], t->flag) < 0)
			return err_sys(e, errno, "join the %s namespace", t->word);
	}
	return 0;
}

/* In a child: in that mount namespace, of a container that may be hostile. */
static int clone_shm(int mnt_ns, struct err *e)
{
	auto_close int root = FD_NONE, dir = FD_NONE;
	struct statfs fs;
	int mnt;

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setns(mnt_ns, CLONE_NEWNS) < 0)
		return err_sys(e, errno, "join the other container's mount namespace");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, errno, "open the other container's root");
	dir = path_open_beneath(root, "dev/shm", O_PATH | O_DIRECTORY);
	if (dir < 0)
		return err_sys(e, dir, "open the other container's /dev/shm");
	if (fstatfs(dir, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return err_set(e, ERR_DENIED, "the other container's /dev/shm is no tmpfs any more");
	mnt = open_tree(dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	return mnt < 0 ? err_sys(e, errno, "copy the mount at the other container's /dev/shm") : mnt;
}

static void __attribute__((noreturn)) send_shm(int mnt_ns, int sock)
{
	struct err e = ERR_INIT;
	int mnt = clone_shm(mnt_ns, &e);

	(void)msg_send(sock, 0, &e, sizeof(e), &mnt, mnt >= 0);
	_exit(0);
}

int joins_shm(const struct joins *j, int *ret_mnt, struct err *e)
{
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	struct proc p = PROC_INIT;
	struct err said = ERR_INIT;
	int pair[2], mnt = FD_NONE, r;
	size_t len = 0, n = 0;
	uint16_t type;

	if (j->fd[JOIN_SHM] < 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket");
	ours = pair[0];
	theirs = pair[1];
	r = proc_fork(&p);
	if (r == 0)
		send_shm(j->fd[JOIN_SHM], theirs);
	if (r < 0)
		return err_sys(e, r, "fork");
	theirs = fd_close(theirs);
	r = msg_recv(ours, &type, &said, sizeof(said), &len, &mnt, 1, &n);
	(void)proc_wait(&p, NULL); /* only to reap */
	proc_done(&p);
	if (r > 0 && n == 1) {
		*ret_mnt = mnt;
		return 0;
	}
	if (r <= 0 || len != sizeof(said) || said.kind == ERR_NONE)
		return err_set(e, ERR_OS, "the helper for /dev/shm died");
	*e = said;
	return err_kind_errno(said.kind);
}
