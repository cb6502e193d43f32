/*
 * The end of a container: its record, then its traces.  Everything here goes on after a failure:
 * what cannot be removed now is found by the next command.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "fd.h"
#include "file.h"
#include "mon.h"
#include "path.h"
#include "userns.h"

#define RECORD_BYTES 512 /* more than the record ever has */
#define RECORD_TMP ".exit.json"
#define RUNTIME_DELETE_MS 10000
#define KILL_ROUNDS 64
#define CGROUP_REMOVE_MS 5000

static void write_reserve(struct mon *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void write_reserve(struct mon *m, const char *fmt, ...)
{
	char room[RECORD_BYTES];
	va_list ap;
	int n;

	memset(room, ' ', sizeof(room));
	va_start(ap, fmt);
	n = vsnprintf(room, sizeof(room), fmt, ap);
	va_end(ap);
	room[n < RECORD_BYTES ? n : RECORD_BYTES - 1] = '\n';
	if (m->reserve_fd < 0)
		m->reserve_fd = openat(m->ctrdir_fd, RECORD_TMP,
				       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->reserve_fd >= 0 && pwrite(m->reserve_fd, room, sizeof(room), 0) != RECORD_BYTES)
		m->reserve_fd =
			fd_close(m->reserve_fd); /* full already: then it is tried at the end */
}

/* Room for the record, so that a full disk cannot take it; and until then what is true if the host goes
 * down with us.  With rm=1 the record goes with the container, and clients have MON_EXIT. */
void finish_reserve(struct mon *m)
{
	if (m->p.rm)
		return;
	write_reserve(m,
		      "{\"version\":1,\"exit_code\":137,\"started_ns\":%lld,\"pid\":%d,"
		      "\"pid_start\":%llu,\"net_pid\":%d,\"net_pid_start\":%llu,\"restarts\":%u}",
		      (long long)m->started_ns, (int)m->init.pid, (unsigned long long)m->init_start,
		      m->net.pid > 0 ? (int)m->net.pid : 0, (unsigned long long)m->net_start,
		      m->restarts);
}

void finish_between(struct mon *m)
{
	watch_oom(m);
	m->exit.oom_killed = m->oom_killed;
	if (m->p.rm)
		return;
	write_reserve(m,
		      "{\"version\":1,\"exit_code\":%d,\"finished_ns\":%lld,\"oom_killed\":%s,"
		      "\"started_ns\":%lld,\"restarts\":%u}",
		      m->exit.exit_code, (long long)m->exit.finished_ns,
		      m->oom_killed ? "true" : "false", (long long)m->started_ns, m->restarts);
}

static int record_in_reserve(struct mon *m, const char *text, size_t len)
{
	if (pwrite(m->reserve_fd, text, len, 0) != (ssize_t)len ||
	    ftruncate(m->reserve_fd, (off_t)len) < 0)
		return -EIO;
	if (m->p.exit_sync && fsync(m->reserve_fd) < 0)
		return -errno;
	if (renameat(m->ctrdir_fd, RECORD_TMP, m->ctrdir_fd, "exit.json") < 0)
		return -errno;
	return m->p.exit_sync && fsync(m->ctrdir_fd) < 0 ? -errno : 0;
}

/* With rm=1 it only has to outlive us and not the host: in the run directory, without a disk. */
void finish_record(struct mon *m)
{
	char text[RECORD_BYTES];
	int n, r = -EBADF;

	watch_oom(m);
	m->exit.oom_killed |= m->oom_killed;
	m->recorded_loss = m->log.lost_bytes;
	n = snprintf(text, sizeof(text),
		     "{\"version\":1,\"exit_code\":%d,\"finished_ns\":%lld,"
		     "\"oom_killed\":%s,\"started_ns\":%lld,\"log_lost_bytes\":%llu,"
		     "\"restarts\":%u,\"stopped\":%s,\"error\":\"%s\"}\n",
		     m->exit.exit_code, (long long)m->exit.finished_ns,
		     m->exit.oom_killed ? "true" : "false", (long long)m->started_ns,
		     (unsigned long long)m->recorded_loss, m->restarts,
		     m->stopped ? "true" : "false", m->failure);
	if (m->reserve_fd >= 0) {
		r = record_in_reserve(m, text, (size_t)n);
		m->reserve_fd = fd_close(m->reserve_fd);
	}
	if (r < 0)
		r = file_replace(m->p.rm ? m->rundir_fd : m->ctrdir_fd, "exit.json", text,
				 (size_t)n, 0600,
				 m->p.exit_sync && !m->p.rm ? FILE_SYNC_FULL : FILE_SYNC_NONE);
	if (r < 0 && !m->p.rm)
		(void)unlinkat(m->ctrdir_fd, RECORD_TMP, 0);
}

int mon_enter_userns(void *arg)
{
	const struct mon *m = arg;

	if (m->userns_fd < 0)
		return 0;
	if (setns(m->userns_fd, CLONE_NEWUSER) < 0)
		return -errno;
	return userns_become_root();
}

/* Let the runtime forget the container: hooks, cgroup, state. */
static void runtime_delete(struct mon *m)
{
	auto_strv struct strv argv = STRV_INIT;
	struct proc p = PROC_INIT;
	struct proc_spawn s = {
		.path = m->p.runtime,
		.dir_fd = FD_NONE,
		.pdeathsig = SIGKILL,
		.prepare = mon_enter_userns,
		.prepare_arg = m,
	};
	int r = strv_add(&argv, m->p.runtime);

	for (size_t i = 0; r == 0 && i < m->p.runtime_arg.n; i++)
		r = strv_add(&argv, m->p.runtime_arg.items[i]);
	r = r < 0 ? r : strv_addf(&argv, "--root=%s", m->p.runtime_root);
	r = r < 0 ? r : strv_add(&argv, "delete");
	r = r < 0 ? r : strv_add(&argv, "--force");
	r = r < 0 ? r : strv_add(&argv, m->p.id);
	s.argv = strv_argv(&argv);
	if (r < 0 || proc_spawn(&s, &p, NULL) < 0)
		return;
	if (proc_poll(&p, RUNTIME_DELETE_MS) == 0)
		(void)proc_signal(&p, SIGKILL);
	(void)proc_wait(&p, NULL);
	proc_done(&p);
}

/* Remove @name under @dir_fd; files of mapped ids by a child that is root of the namespace that
 * maps them. */
static int remove_tree(struct mon *m, int dir_fd, const char *name)
{
	struct proc p = PROC_INIT;
	int r = path_remove_tree(dir_fd, name);

	if ((r != -EACCES && r != -EPERM) || m->userns_fd < 0)
		return r;
	r = proc_fork(&p);
	if (r == 0)
		_exit(mon_enter_userns(m) == 0 && path_remove_tree(dir_fd, name) == 0 ? 0 : 1);
	if (r < 0)
		return r;
	(void)proc_wait(&p, NULL);
	proc_done(&p);
	return path_remove_tree(dir_fd, name); /* the directory itself may be ours alone */
}

void finish_runtime(struct mon *m)
{
	auto_close int root = FD_NONE;

	if (!m->p.runtime_ours || m->p.runtime_delete)
		runtime_delete(m);
	root = open(m->p.runtime_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		(void)remove_tree(m, root, m->p.id);
}

static void release_name(const struct mon *m)
{
	auto_close int dir = FD_NONE;
	char target[160];
	ssize_t n;

	if (!m->p.name)
		return;
	dir = open(m->p.namesdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The lock is that of the store: nobody takes the name over between look and removal. */
	if (dir < 0 || file_lock(dir, true, true) < 0)
		return;
	n = readlinkat(dir, m->p.name, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	target[strcspn(target, "/")] = '\0'; /* a maker's stage may follow the id */
	if (streq(target, m->p.id))
		(void)unlinkat(dir, m->p.name, 0);
}

/* Move the directory @path into tmpdir, where it is garbage for everyone.  @lock_fd: the directory
 * itself, locked so that nobody else collects it while we do. */
static void move_to_trash(struct mon *m, const char *path, int lock_fd)
{
	auto_close int tmp = open(m->p.tmpdir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[17];

	if (tmp < 0 || str_random_hex(8, name) < 0)
		return;
	/* Held by another command: then two of us may remove it, which does no harm. */
	if (lock_fd >= 0)
		(void)file_lock(lock_fd, true, false);
	if (renameat2(AT_FDCWD, path, tmp, name, RENAME_NOREPLACE) == 0)
		(void)strv_add(&m->trash, name); /* without memory the next command collects it */
}

/* Unless another container uses it, or is about to: see ctrlite/volume.h. */
static void release_volume(struct mon *m, const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && file_lock(fd, true, false) == 0 &&
	    faccessat(fd, "shared", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		move_to_trash(m, path, FD_NONE);
		mon_event_volume(m, "remove", path_base(path));
	}
}

static void release_container(struct mon *m)
{
	release_name(m);
	if (m->p.cidfile)
		(void)unlink(m->p.cidfile);
	move_to_trash(m, m->p.ctrdir, m->ctrdir_fd);
	for (size_t i = 0; i < m->p.volume_rm.n; i++)
		release_volume(m, m->p.volume_rm.items[i]);
}

void finish_cgroup(const struct mon *m)
{
	const char *path = m->p.cgroup ? m->p.cgroup : m->cgroup;
	auto_close int mount_fd = path ? cgroup_open_mount() : FD_NONE;
	auto_close int fd = mount_fd < 0 ? FD_NONE : cgroup_open(mount_fd, path);

	if (fd < 0)
		return;
	/* Whoever shared a pid namespace with others has not died with its first process. */
	if (cgroup_populated(fd) == 1)
		(void)cgroup_kill(fd);
	/* Where systemd made it systemd removes it, as soon as it is empty. */
	if (m->p.cgroup)
		(void)cgroup_remove(mount_fd, path, CGROUP_REMOVE_MS);
}

static void finish_helpers(struct mon *m)
{
	health_stop(m);
	net_helper_stop(m);
	guard_stop(m);
	source_close(m, &m->oom);
}

void finish_release(struct mon *m)
{
	finish_helpers(m);
	if (m->lock_fd < 0)
		return; /* not ours */
	finish_runtime(m);
	finish_cgroup(m);
	if (m->p.rm)
		release_container(m);
	mon_event(m, m->p.rm ? "remove" : "cleanup");
}

static void remove_rundir(struct mon *m)
{
	int fd = openat(m->rundir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, "..") &&
		    !streq(de->d_name, "lock"))
			(void)remove_tree(m, m->rundir_fd, de->d_name);
	(void)unlinkat(m->rundir_fd, "lock", 0);
	(void)rmdir(m->p.rundir);
}

void finish_remove(struct mon *m)
{
	auto_close int tmp = FD_NONE;

	if (m->released || m->lock_fd < 0)
		return;
	m->released = true;
	if (!m->p.rm && m->log.lost_bytes != m->recorded_loss)
		finish_record(m);
	source_close(m, &m->listener);
	console_close(m);
	if (m->trash.n > 0)
		tmp = open(m->p.tmpdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < m->trash.n && tmp >= 0; i++)
		(void)remove_tree(m, tmp, m->trash.items[i]);
	strv_done(&m->trash);
	remove_rundir(m);
	m->lock_fd = fd_close(m->lock_fd);
}

/* Our children are known by /proc; none of their numbers is reused before we reap it. */
static void kill_children(void)
{
	char name[64], text[4096];

	(void)snprintf(name, sizeof(name), "/proc/self/task/%d/children", (int)getpid());
	for (int round = 0; round < KILL_ROUNDS; round++) {
		auto_close int fd = open(name, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : fd_read_full(fd, text, sizeof(text) - 1);
		char *save = NULL;

		if (n <= 0)
			return;
		text[n] = '\0';
		for (char *s = strtok_r(text, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
			pid_t pid = (pid_t)atoi(s);

			if (pid > 1 && kill(pid, SIGKILL) == 0)
				(void)waitpid(pid, NULL, 0);
		}
	}
}

void finish_run(struct mon *m)
{
	finish_helpers(m);
	kill_children();
	finish_runtime(m);
	finish_cgroup(m);
	proc_done(&m->init);
	for (int i = 0; i < 2; i++)
		source_close(m, &m->out[i].src);
	source_close(m, &m->in);
	console_close(m);
	/* Where it was mounted so it may not be mounted again, unless this goes. */
	if (m->p.volatile_ && m->p.upper)
		(void)remove_tree(m, m->ctrdir_fd, "work/work");
	m->userns_fd = fd_close(m->userns_fd);
	free(take_ptr(&m->cgroup));
	m->oom_killed = false;
}

void finish_failed(struct mon *m)
{
	net_helper_stop(m);
	guard_stop(m);
	kill_children();
	finish_release(m);
	if (m->reserve_fd >= 0) {
		m->reserve_fd = fd_close(m->reserve_fd);
		(void)unlinkat(m->ctrdir_fd, RECORD_TMP, 0);
	}
	finish_remove(m);
}
