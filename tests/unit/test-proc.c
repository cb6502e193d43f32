/* Processes: spawning with exactly the given descriptors, waiting, signals by name. */
#include <sys/prctl.h>
#include <time.h>

#include "proc.h"
#include "test.h"

static int spawn_sh(const char *script, const struct proc_fd *fds, size_t n, struct proc *ret)
{
	char *const argv[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c",
			       (char *)(uintptr_t)script, NULL };
	const struct proc_spawn s = { .path = "/bin/sh", .argv = argv, .fds = fds, .n_fds = n,
				      .dir_fd = FD_NONE };
	struct err e = ERR_INIT;
	int r = proc_spawn(&s, ret, &e);

	CHECK_OK(r, e);
	return r;
}

static int run_sh(const char *script)
{
	struct proc p = PROC_INIT;
	int status;

	(void)spawn_sh(script, NULL, 0, &p);
	CHECK_INT(proc_wait(&p, &status), 0);
	proc_done(&p);
	return proc_exit_code(status);
}

TEST(exit_codes)
{
	CHECK_INT(run_sh("exit 0"), 0);
	CHECK_INT(run_sh("exit 255"), 255);
	CHECK_INT(run_sh("kill -9 $$"), 137);
	CHECK_INT(run_sh("kill -TERM $$"), 143);
}

TEST(a_program_that_does_not_exist_is_an_error_and_no_zombie)
{
	char *const argv[] = { (char *)(uintptr_t)"x", NULL };
	const struct proc_spawn s = { .path = "/nonexistent", .argv = argv, .dir_fd = FD_NONE };
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;
	int fds = test_open_fds();

	CHECK_ERR(proc_spawn(&s, &p, &e), e, ERR_NOT_FOUND);
	CHECK_CONTAINS(e.text, "/nonexistent");
	CHECK_INT(p.pid, -1);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	CHECK_INT(test_open_fds(), fds);
}

TEST(only_listed_descriptors_pass)
{
	int keep[2], leak, status;
	char text[200];
	ssize_t n;
	struct proc p = PROC_INIT;

	CHECK(pipe2(keep, O_CLOEXEC) == 0);
	leak = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
	CHECK(leak >= 0);
	{
		const struct proc_fd fds[] = { { keep[1], 1 }, { keep[1], 7 } };

		/* 3 is the shell's own, for reading the directory. */
		(void)spawn_sh("for f in /proc/$$/fd/*; do echo ${f##*/}; done", fds, 2, &p);
	}
	(void)close(keep[1]);
	CHECK_INT(proc_wait(&p, &status), 0);
	proc_done(&p);
	n = fd_read_full(keep[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	CHECK_STR(text, "0\n1\n2\n3\n7\n");
}

/* Sources and targets that overlap in every way. */
TEST(descriptors_can_be_swapped)
{
	int p1[2], p2[2], status;
	struct proc p = PROC_INIT;
	char c;

	CHECK(pipe2(p1, O_CLOEXEC) == 0 && pipe2(p2, O_CLOEXEC) == 0);
	{
		const struct proc_fd fds[] = { { p1[1], p2[1] }, { p2[1], p1[1] } };
		char script[100];

		(void)snprintf(script, sizeof(script), "printf a >&%d; printf b >&%d", p2[1], p1[1]);
		(void)spawn_sh(script, fds, 2, &p);
	}
	CHECK_INT(proc_wait(&p, &status), 0);
	CHECK_INT(status, 0);
	CHECK(read(p1[0], &c, 1) == 1 && c == 'a');
	CHECK(read(p2[0], &c, 1) == 1 && c == 'b');
	proc_done(&p);
}

TEST(signals_are_reset_in_the_child)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* By builtins: while it waits for a child the shell blocks signals itself. */
	CHECK_INT(run_sh("n=0; while read -r key value; do case $key in SigBlk:|SigIgn:) "
			 "[ $value = 0000000000000000 ] || exit 1; n=$((n+1));; esac; done "
			 "</proc/self/status; exit $((n-2))"), 0);
	CHECK_INT(run_sh("kill -USR1 $$; sleep 5"), 128 + SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGTERM)); /* ours as before */
}

static int failing(void *arg)
{
	(void)arg;
	return -EXDEV;
}

TEST(prepare_can_refuse)
{
	char *const argv[] = { (char *)(uintptr_t)"sh", NULL };
	const struct proc_spawn s = { .path = "/bin/sh", .argv = argv, .dir_fd = FD_NONE,
				      .prepare = failing };
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;

	CHECK_INT(proc_spawn(&s, &p, &e), -EXDEV);
	CHECK_CONTAINS(e.text, "prepare");
}

TEST(directory_session_and_environment)
{
	char *const argv[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c",
			       (char *)(uintptr_t)"[ \"$(pwd)\" = / ] && [ \"$A\" = b ] && [ -z \"$HOME\" ] &&"
			       "read -r x </proc/$$/stat && set -- $x && [ $6 = $$ ]", NULL };
	char *const envp[] = { (char *)(uintptr_t)"A=b", (char *)(uintptr_t)"PATH=/bin:/usr/bin", NULL };
	auto_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct proc_spawn s = { .path = "/bin/sh", .argv = argv, .envp = envp, .dir_fd = root,
				      .new_session = true };
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;
	int status;

	CHECK_OK(proc_spawn(&s, &p, &e), e);
	CHECK_INT(proc_wait(&p, &status), 0);
	CHECK_INT(proc_exit_code(status), 0);
	proc_done(&p);
}

TEST(several_start_at_once)
{
	char *const argv[] = { (char *)(uintptr_t)"true", NULL };
	const struct proc_spawn good = { .path = "/bin/true", .argv = argv, .dir_fd = FD_NONE };
	const struct proc_spawn bad = { .path = "/nonexistent", .argv = argv, .dir_fd = FD_NONE };
	struct proc_spawning s[2] = { PROC_SPAWNING_INIT, PROC_SPAWNING_INIT };
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;
	int status;

	CHECK_OK(proc_spawn_begin(&bad, &s[0], &e), e);
	CHECK_OK(proc_spawn_begin(&good, &s[1], &e), e);
	CHECK_ERR(proc_spawn_end(&s[0], &p, &e), e, ERR_NOT_FOUND);
	CHECK_OK(proc_spawn_end(&s[1], &p, &e), e);
	CHECK_INT(proc_wait(&p, &status), 0);
	CHECK_INT(status, 0);
	proc_done(&p);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0);
}

TEST(poll_and_signal_by_pidfd)
{
	struct proc p = PROC_INIT;
	int status;

	(void)spawn_sh("exec sleep 30", NULL, 0, &p);
	CHECK_INT(proc_poll(&p, 0), 0);
	CHECK_INT(proc_signal(&p, SIGKILL), 0);
	CHECK_INT(proc_poll(&p, 5000), 1);
	CHECK_INT(proc_wait(&p, &status), 0);
	CHECK_INT(proc_exit_code(status), 137);
	CHECK_INT(proc_signal(&p, SIGKILL), -ESRCH);
	proc_done(&p);
	proc_done(&p);
}

TEST(start_time_names_a_process)
{
	uint64_t start, again;
	struct proc p = PROC_INIT;

	CHECK_INT(proc_start_time(getpid(), &start), 0);
	CHECK(start > 0);
	(void)prctl(PR_SET_NAME, ") 1 (x)"); /* what could mislead a reader of stat */
	CHECK_INT(proc_start_time(getpid(), &again), 0);
	CHECK_UINT(start, again);
	CHECK_INT(proc_open(getpid(), start, &p), 0);
	CHECK_INT(proc_poll(&p, 0), 0);
	proc_done(&p);
	CHECK_INT(proc_open(getpid(), start + 1, &p), -ESRCH);
	CHECK_INT(proc_start_time(INT32_MAX, &start), -ESRCH);
}

TEST(pdeathsig_ends_the_child_with_us)
{
	struct timespec t = { .tv_nsec = 20000000 };
	int pipefd[2], status;
	pid_t pid;
	char c;

	CHECK(pipe2(pipefd, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		const struct proc_fd fd = { pipefd[1], 5 };
		char *const argv[] = { (char *)(uintptr_t)"sleep", (char *)(uintptr_t)"50", NULL };
		const struct proc_spawn s = { .path = "/bin/sleep", .argv = argv, .fds = &fd, .n_fds = 1,
					      .dir_fd = FD_NONE, .pdeathsig = SIGKILL };
		struct proc p = PROC_INIT;

		(void)proc_spawn(&s, &p, NULL);
		(void)nanosleep(&t, NULL);
		_exit(0);
	}
	(void)close(pipefd[1]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(read(pipefd[0], &c, 1) == 0); /* the last holder is gone */
}

TEST(signal_names)
{
	static const struct {
		const char *text;
		int sig;
	} cases[] = {
		{ "KILL", 9 },	 { "SIGKILL", 9 },  { "kill", 9 },	 { "sigkill", 9 },
		{ "9", 9 },	 { "64", 64 },	    { "RTMIN", 34 },	 { "SIGRTMIN+3", 37 },
		{ "rtmax", 64 }, { "RTMAX-1", 63 }, { "CLD", SIGCHLD },	 { "0", -EINVAL },
		{ "65", -EINVAL }, { "", -EINVAL }, { "SIG", -EINVAL },	 { "-9", -EINVAL },
		{ "+9", -EINVAL }, { " 9", -EINVAL }, { "RTMIN+31", -EINVAL }, { "SIGSIGKILL", -EINVAL },
		{ "9x", -EINVAL }, { "4294967305", -EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_MSG(sig_parse(cases[i].text) == cases[i].sig, "\"%s\" is %d", cases[i].text,
			  sig_parse(cases[i].text));
	CHECK_STR(sig_name(SIGTERM), "SIGTERM");
	CHECK_STR(sig_name(34), "SIGRTMIN");
	CHECK_STR(sig_name(37), "SIGRTMIN+3");
	CHECK_STR(sig_name(50), "SIGRTMAX-14");
	CHECK_STR(sig_name(64), "SIGRTMAX");
	CHECK_STR(sig_name(65), NULL);
	for (int i = 34; i <= 64; i++)
		CHECK_INT(sig_parse(sig_name(i)), i);
	CHECK_STR(sig_name(0), NULL);
	CHECK_STR(sig_name(1000), NULL);
	CHECK_STR(sig_name(-1), NULL);
}
