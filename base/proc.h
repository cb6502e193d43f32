/*
 * Processes: spawned with an explicit list of inherited descriptors, named by pidfd.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct proc {
	pid_t pid;
	int pidfd;	/* owned; FD_NONE when there is none */
};
#define PROC_INIT { .pid = -1, .pidfd = -EBADF }

void proc_done(struct proc *p);	/* closes the pidfd; does not kill or wait */

struct proc_fd {
	int from;	/* a descriptor of ours, borrowed */
	int to;		/* its number in the child */
};

struct proc_spawn {
	const char *path;		/* absolute program, or with path_fd >= 0 only its name for messages */
	char *const *argv;
	char *const *envp;		/* NULL: ours */
	const struct proc_fd *fds;	/* everything else (but 0, 1, 2) is closed on exec */
	size_t n_fds;
	int dir_fd;			/* working directory; FD_NONE (or 0): ours */
	bool new_session;		/* setsid() */
	int pdeathsig;			/* 0: none */
	/* Called in the child before exec; async-signal-safe only.  0 or -errno, which the spawner
	 * gets as its own failure. */
	int (*prepare)(void *arg);
	void *prepare_arg;
};

/*
 * Fork (vfork-like speed is not assumed) and exec.  Returns once exec has happened: 0, or -errno
 * with @e saying which step failed.  Signal mask and dispositions in the child are default.
 */
int proc_spawn(const struct proc_spawn *s, struct proc *ret, struct err *e);

/* The same in two halves, for starting several at once: begin returns with the child still on its
 * way to exec, end waits for that.  Each begun spawning is ended, also after other failures. */
struct proc_spawning {
	const char *path;
	struct proc proc;
	int report;
};
#define PROC_SPAWNING_INIT { .path = NULL, .proc = PROC_INIT, .report = -EBADF }
int proc_spawn_begin(const struct proc_spawn *s, struct proc_spawning *ret, struct err *e);
int proc_spawn_end(struct proc_spawning *sp, struct proc *ret, struct err *e);

/* Default dispositions and an empty mask, as a program expects them that is about to be executed. */
void proc_reset_signals(void);

/* Fork with a pidfd: returns 0 in the child, 1 in the parent with @ret filled, or -errno. */
int proc_fork(struct proc *ret);
/* clone3 without CLONE_VM: extra CLONE_NEW* or CLONE_PARENT @flags.  As proc_fork(). */
int proc_clone(uint64_t flags, struct proc *ret);
/* The same, born in the cgroup (version 2) whose directory is @cgroup_fd. */
int proc_clone_into(uint64_t flags, int cgroup_fd, struct proc *ret);

/* Wait for it to end.  *@ret_status is as from waitpid(2). */
int proc_wait(struct proc *p, int *ret_status);
/* Wait at most @timeout_ms: 1 ended, 0 still there, or -errno.  Does not reap. */
int proc_poll(const struct proc *p, int timeout_ms);
int proc_signal(const struct proc *p, int sig);
/* The shell's number for a wait status: 0..255, 128+n for a signal. */
int proc_exit_code(int wait_status);

/* Start time of @pid in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it names
 * a process across our own restarts.  0 or -errno. */
int proc_start_time(pid_t pid, uint64_t *ret);
/* A pidfd of @pid if it is the one that started at @start_time; else -ESRCH. */
int proc_open(pid_t pid, uint64_t start_time, struct proc *ret);

/* "KILL", "SIGKILL", "kill", "9", "RTMIN+3": the number, or -EINVAL.  0 is refused. */
int sig_parse(const char *s);
/* "SIGTERM"; borrowed; NULL for numbers that have no name. */
const char *sig_name(int sig);

#endif
