/*
 * Every system call of the start fails once: whatever the monitor then says, it ends, no process
 * and no run directory is left, and a failed start is reported as one.  And both sides are killed
 * at random moments.
 */
#include "monitor-harness.h"

static bool strace_works(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(1);
		(void)close(2);
		(void)execlp("strace", "strace", "-o", "/dev/null", "-e", "inject=getppid:error=EPERM",
			     "/bin/true", (char *)NULL);
		_exit(1);
	}
	(void)waitpid(pid, &status, 0);
	return status == 0;
}

/* What the start uses, and how often at most; wait4 is left out, as it has no such failures. */
static const struct {
	const char *call;
	int most;
} calls[] = {
	{ "openat", 14 },    { "openat2", 4 },	 { "fcntl", 10 },	{ "pipe2", 6 },
	{ "socketpair", 1 }, { "socket", 2 },	 { "bind", 1 },		{ "listen", 1 },
	{ "fchmod", 3 },     { "clone3", 2 },	 { "sendmsg", 5 },	{ "recvmsg", 5 },
	{ "read", 9 },	     { "write", 4 },	 { "pread64", 1 },	{ "epoll_create1", 1 },
	{ "epoll_ctl", 7 },  { "epoll_wait", 3 }, { "signalfd4", 1 },
	{ "waitid", 1 },     { "pidfd_open", 1 }, { "poll", 2 },	{ "prctl", 4 },
	{ "chdir", 2 },	     { "dup2", 3 },	 { "dup3", 3 },		{ "setsid", 1 },
	{ "rt_sigprocmask", 3 }, { "rt_sigaction", 5 }, { "newfstatat", 3 }, { "fstat", 3 },
	{ "renameat", 2 },   { "renameat2", 1 }, { "flock", 1 },	{ "mmap", 3 },
	{ "madvise", 2 },    { "mount", 2 },	 { "ioctl", 2 },	{ "accept4", 1 },
	{ "getsockopt", 2 }, { "setsockopt", 1 }, { "kill", 1 },	{ "pidfd_send_signal", 1 },
	{ "mkdir", 1 },	     { "execve", 2 },	 { "unlinkat", 1 },	{ "getrandom", 2 },
};

/* The monitor under strace -D, which leaves it our child; the @when-th @call fails. */
static void launch_injected(struct run *r, bool children, const char *call, int when)
{
	char path[PATH_MAX], inject[200];
	int sp[2];

	(void)snprintf(path, sizeof(path), "%s/monitor/ctr-lite-monitor", getenv("TEST_BUILD_ROOT"));
	(void)snprintf(inject, sizeof(inject), "inject=%s:error=ENOMEM:when=%d", call, when);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == 0);
	r->monitor = fork();
	CHECK(r->monitor >= 0);
	if (r->monitor == 0) {
		if (sp[1] == 3)
			(void)fcntl(3, F_SETFD, 0);
		else
			(void)dup2(sp[1], 3);
		(void)execlp("strace", "strace", "-D", children ? "-fq" : "-q", "-o", "/dev/null", "-e",
			     inject, path, RUN_ID, (char *)NULL);
		_exit(99);
	}
	(void)close(sp[1]);
	r->sock = sp[0];
}

/* Until the socket closes; the last message. */
static uint16_t last_message(struct run *r)
{
	uint16_t last = 0, type;

	while ((type = run_recv(r, r->sock)) != 0)
		last = type;
	return last;
}

/* All that is left to us ends by itself; strace's own process is among it. */
static void reap_all(struct run *r)
{
	int status;

	(void)fd_close(r->sock);
	while (waitpid(-1, &status, 0) > 0)
		;
	for (int i = 0; i < 2; i++)
		strbuf_done(&r->out[i]);
}

struct tally {
	int failed, exited, silent;
};

static void inject_one(bool children, const char *call, int when, struct tally *t)
{
	struct run r;
	uint16_t last;

	(void)alarm(20);
	(void)fprintf(stderr, "%s %d\r", call, when); /* the last one before a hang */
	run_setup(&r, "echo out; exit 3");
	launch_injected(&r, children, call, when);
	run_prepare(&r);
	run_run_msg(&r, "attach=1\0rm=1\0log-driver=k8s-file\0stdin=1\0");
	last = last_message(&r);
	reap_all(&r);
	t->failed += last == MON_FAILED;
	t->exited += last == MON_EXIT;
	t->silent += last != MON_FAILED && last != MON_EXIT;
	if (last == MON_FAILED) {
		CHECK_MSG(r.err.kind != ERR_NONE && r.err.text[0], "%s %d: no reason given", call, when);
		/* Without the lock nothing there is the monitor's. */
		CHECK_MSG(strstr(r.err.text, "lock") || !run_exists("run/" RUN_ID) ||
			  run_entries("run/" RUN_ID) == 0, "%s %d: \"%s\" left files", call, when,
			  r.err.text);
	}
	if (last == MON_EXIT)
		CHECK_MSG(r.exit.exit_code == 3 || children, "%s %d: exit code %d", call, when,
			  r.exit.exit_code);
	/* What a failed clean-up leaves is the next command's: here ours. */
	(void)path_remove_tree(AT_FDCWD, run_path("run"));
	(void)path_remove_tree(AT_FDCWD, run_path("rt"));
	(void)path_remove_tree(AT_FDCWD, run_path("store"));
}

static void inject_all(bool children)
{
	struct tally t = { 0 };

#ifdef __SANITIZE_ADDRESS__
	/* What would fail is the dynamic loader and the sanitizer, before there is a monitor. */
	test_skip("failing calls are injected into the static build");
#endif
	if (!getenv("TEST_BUILD_ROOT") || !strace_works())
		test_skip("strace cannot inject failures here");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (int when = 1; when <= calls[i].most; when++) {
			if (!children && streq(calls[i].call, "execve"))
				continue; /* strace's own */
			inject_one(children, calls[i].call, when, &t);
		}
	(void)printf("  %d failed starts, %d good ends, %d silent ends\n", t.failed, t.exited, t.silent);
	CHECK(t.failed > 30 && t.exited > 30);
}

TEST(each_call_of_the_monitor_fails_once)
{
	inject_all(false);
}

TEST(each_call_of_all_its_processes_fails_once)
{
	inject_all(true);
}

static unsigned int next_random(unsigned int *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 8;
}

static void usleep_random(unsigned int *seed, unsigned int max_us)
{
	const struct timespec t = { .tv_nsec = (long)(next_random(seed) % max_us) * 1000 };

	(void)nanosleep(&t, NULL);
}

/* The command line dies: the container either never ran, and nothing is left, or it runs to its
 * end and is removed. */
TEST(the_command_line_is_killed_at_random_moments)
{
	unsigned int seed = (unsigned int)getpid();

	(void)printf("  seed %u\n", seed);
	for (int i = 0; i < 150; i++) {
		struct run r;
		int status;

		run_setup(&r, "echo out; exit 3");
		run_launch(&r);
		usleep_random(&seed, 3000);
		run_prepare(&r);
		usleep_random(&seed, 3000);
		run_run_msg(&r, "attach=1\0rm=1\0log-driver=k8s-file\0");
		usleep_random(&seed, 6000);
		(void)fd_close(r.sock);
		CHECK_INT(waitpid(r.monitor, &status, 0), r.monitor);
		CHECK(WIFEXITED(status));
		run_check_gone(true);
	}
}

/* The monitor dies: no process of the container survives it. */
TEST(the_monitor_is_killed_at_random_moments)
{
	unsigned int seed = (unsigned int)getpid();

	(void)printf("  seed %u\n", seed);
	for (int i = 0; i < 200; i++) {
		struct run r;

		run_setup(&r, "exec sleep 60");
		run_begin(&r, "attach=1\0rm=1\0log-driver=k8s-file\0");
		usleep_random(&seed, 8000);
		(void)kill(r.monitor, SIGKILL);
		/* Everything it started comes to us and ends; a survivor would take a minute. */
		(void)alarm(30);
		reap_all(&r);
	}
}
