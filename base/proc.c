/* Processes: spawning, waiting, signals by name. */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

extern char **environ;

void proc_done(struct proc *p)
{
	p->pidfd = fd_close(p->pidfd);
	p->pid = -1;
}

static int do_clone(uint64_t flags, int cgroup_fd, struct proc *ret)
{
	int pidfd = FD_NONE;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		/* a sibling's death is told as ours would be; the kernel wants 0 then */
		.exit_signal = (flags & CLONE_PARENT) ? 0 : SIGCHLD,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return -errno;
	if (pid == 0)
		return 0;
	ret->pid = (pid_t)pid;
	ret->pidfd = pidfd;
	return 1;
}

int proc_clone(uint64_t flags, struct proc *ret)
{
	return do_clone(flags, FD_NONE, ret);
}

int proc_clone_into(uint64_t flags, int cgroup_fd, struct proc *ret)
{
	return do_clone(flags | CLONE_INTO_CGROUP, cgroup_fd, ret);
}

int proc_fork(struct proc *ret)
{
	return proc_clone(0, ret);
}

enum spawn_step { STEP_SESSION, STEP_DIR, STEP_FDS, STEP_PREPARE, STEP_EXEC };

static const char *const step_words[] = {
	[STEP_SESSION] = "start a session",
	[STEP_DIR] = "change directory",
	[STEP_FDS] = "pass descriptors",
	[STEP_PREPARE] = "prepare",
	[STEP_EXEC] = "execute",
};

struct spawn_failure {
	int step;
	int code;
};

static void child_fail(int fd, enum spawn_step step, int r)
{
	struct spawn_failure f = { .step = (int)step, .code = r < 0 ? -r : r };

	(void)!write(fd, &f, sizeof(f)); /* the parent sees our exit status in any case */
	_exit(127);
}

void proc_reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL); /* KILL and STOP refuse, as they should */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Place s->fds at their numbers.  First everything is moved above all targets, so that no dup2
 * overwrites a source that is still needed; the report pipe moves too. */
static int child_place_fds(const struct proc_spawn *s, int *report)
{
	int moved[32], floor_fd = 3, r;

	/* Also what our own caller let us inherit.  Kernels before 5.11 cannot: there it is only what
	 * we opened ourselves, all of it close-on-exec. */
	(void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (s->n_fds > sizeof(moved) / sizeof(moved[0]))
		return -E2BIG;
	for (size_t i = 0; i < s->n_fds; i++)
		if (s->fds[i].to >= floor_fd)
			floor_fd = s->fds[i].to + 1;
	r = fcntl(*report, F_DUPFD_CLOEXEC, floor_fd);
	if (r < 0)
		return -errno;
	*report = r;
	for (size_t i = 0; i < s->n_fds; i++) {
		moved[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, floor_fd);
		if (moved[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < s->n_fds; i++)
		if (dup2(moved[i], s->fds[i].to) < 0) /* without close-on-exec: that is the point */
			return -errno;
	return 0;
}

static void __attribute__((noreturn)) child_run(const struct proc_spawn *s, int report)
{
	int r;

	proc_reset_signals();
	if (s->pdeathsig && prctl(PR_SET_PDEATHSIG, s->pdeathsig) < 0)
		child_fail(report, STEP_SESSION, errno);
	if (s->new_session && setsid() < 0)
		child_fail(report, STEP_SESSION, errno);
	if (s->dir_fd > 0 && fchdir(s->dir_fd) < 0)
		child_fail(report, STEP_DIR, errno);
	r = child_place_fds(s, &report);
	if (r < 0)
		child_fail(report, STEP_FDS, r);
	r = s->prepare ? s->prepare(s->prepare_arg) : 0;
	if (r < 0)
		child_fail(report, STEP_PREPARE, r);
	(void)execve(s->path, s->argv, s->envp ? s->envp : environ);
	child_fail(report, STEP_EXEC, errno);
	_exit(127);
}

int proc_spawn_begin(const struct proc_spawn *s, struct proc_spawning *ret, struct err *e)
{
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc p = PROC_INIT;
	sigset_t all, old;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "start %s: make a pipe", s->path);
	rd = fds[0];
	wr = fds[1];
	/* Our handlers must not run in the child before it has reset them. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	r = proc_fork(&p);
	if (r == 0)
		child_run(s, wr);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return err_sys(e, r, "start %s: fork", s->path);
	*ret = (struct proc_spawning){ .path = s->path, .proc = p, .report = take_fd(&rd) };
	return 0;
}

int proc_spawn_end(struct proc_spawning *sp, struct proc *ret, struct err *e)
{
	struct proc p = sp->proc;
	struct spawn_failure f;
	ssize_t n;

	n = fd_read_full(sp->report, &f, sizeof(f));
	sp->report = fd_close(sp->report);
	sp->proc = (struct proc)PROC_INIT;
	if (n == 0) {
		*ret = p;
		return 0;
	}
	(void)proc_wait(&p, NULL); /* it has failed and ends by itself */
	proc_done(&p);
	if (n != (ssize_t)sizeof(f) || f.step < 0 || f.step > STEP_EXEC)
		return err_set(e, ERR_OS, "start %s: the child died", sp->path);
	return err_sys(e, f.code, "start %s: %s", sp->path, step_words[f.step]);
}

int proc_spawn(const struct proc_spawn *s, struct proc *ret, struct err *e)
{
	struct proc_spawning sp = PROC_SPAWNING_INIT;
	int r = proc_spawn_begin(s, &sp, e);

	return r < 0 ? r : proc_spawn_end(&sp, ret, e);
}

int proc_wait(struct proc *p, int *ret_status)
{
	int status = 0;
	pid_t r;

	do
		r = waitpid(p->pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (ret_status)
		*ret_status = status;
	return 0;
}

int proc_poll(const struct proc *p, int timeout_ms)
{
	struct pollfd pfd = { .fd = p->pidfd, .events = POLLIN };
	int r = poll(&pfd, 1, timeout_ms);

	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r > 0;
}

int proc_signal(const struct proc *p, int sig)
{
	return syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int proc_exit_code(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

int proc_start_time(pid_t pid, uint64_t *ret)
{
	char name[40], buf[1024];
	auto_close int fd = FD_NONE;
	unsigned long long ticks;
	const char *p;
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = fd_read_full(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return n < 0 ? (int)n : -ESRCH;
	buf[n] = '\0';
	p = strrchr(buf, ')'); /* the name before it may hold anything */
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
				" %*d %*d %llu", &ticks) != 1)
		return -EBADMSG;
	*ret = ticks;
	return 0;
}

int proc_open(pid_t pid, uint64_t start_time, struct proc *ret)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t now;
	int r;

	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	r = proc_start_time(pid, &now);
	if (r < 0)
		return r;
	if (now != start_time)
		return -ESRCH;
	ret->pid = pid;
	ret->pidfd = take_fd(&pidfd);
	return 0;
}

static const char *const sig_names[] = {
	[SIGHUP] = "SIGHUP", [SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
	[SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",
	[SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP", [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",
	[SIGURG] = "SIGURG", [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ",
	[SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
	[SIGIO] = "SIGIO", [SIGPWR] = "SIGPWR", [SIGSYS] = "SIGSYS",
};

/* From 34 on, as glibc counts and bash names them. */
#define SIG_RT_FIRST 34
static const char *const sig_rt_names[] = {
	"SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5",
	"SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11",
	"SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13",
	"SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7",
	"SIGRTMAX-6", "SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1",
	"SIGRTMAX",
};

const char *sig_name(int sig)
{
	if (sig >= SIG_RT_FIRST && sig < SIG_RT_FIRST + (int)(sizeof(sig_rt_names) / sizeof(sig_rt_names[0])))
		return sig_rt_names[sig - SIG_RT_FIRST];
	if (sig <= 0 || (size_t)sig >= sizeof(sig_names) / sizeof(sig_names[0]))
		return NULL;
	return sig_names[sig];
}

int sig_parse(const char *s)
{
	const char *name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
	uint32_t n;

	if (str_u32(s, 64, &n) == 0)
		return n > 0 ? (int)n : -EINVAL;
	for (int i = 1; i < (int)(sizeof(sig_names) / sizeof(sig_names[0])); i++)
		if (sig_names[i] && strcasecmp(name, sig_names[i] + 3) == 0)
			return i;
	if (strcasecmp(name, "CLD") == 0)
		return SIGCHLD;
	if (strcasecmp(name, "POLL") == 0)
		return SIGIO;
	/* Containers see the kernel's range, 34 to 64 as glibc has it. */
	if (strcasecmp(name, "RTMIN") == 0)
		return 34;
	if (strcasecmp(name, "RTMAX") == 0)
		return 64;
	if (strncasecmp(name, "RTMIN+", 6) == 0 && str_u32(name + 6, 30, &n) == 0)
		return 34 + (int)n;
	if (strncasecmp(name, "RTMAX-", 6) == 0 && str_u32(name + 6, 30, &n) == 0)
		return 64 - (int)n;
	return -EINVAL;
}
