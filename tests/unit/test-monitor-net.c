/* Network helpers: each way of being ready, failing, and going with the container. */
#include "monitor-harness.h"

/* A helper that is `sh -c SCRIPT`. */
static void begin(struct run *r, const char *cmd, const char *ready, const char *script,
		  const char *more)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	run_setup(r, cmd);
	run_add(&b, "attach=1");
	run_add(&b, "rm=1");
	run_add(&b, "net-path=/bin/sh");
	run_add(&b, "net-arg=sh");
	run_add(&b, "net-arg=-c");
	strbuf_addf(&b, "net-arg=%s%c", script, 0);
	strbuf_addf(&b, "net-ready=%s%c", ready, 0);
	if (more)
		run_add(&b, more);
	run_begin(r, b.data);
}

static pid_t helper_pid(const struct run *r)
{
	char path[3 * PATH_MAX];
	char *text, *at;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/state.json", r->rundir);
	text = run_read(path);
	at = strstr(text, "\"net_pid\":");
	CHECK(at != NULL);
	pid = (pid_t)atoi(at + 10);
	free(text);
	return pid;
}

static void check_lives_with_container(struct run *r)
{
	pid_t pid;

	run_until(r, r->sock, MON_STARTED);
	pid = helper_pid(r);
	CHECK(pid > 1 && kill(pid, 0) == 0);
	(void)kill(r->started.pid, SIGKILL);
	run_until(r, r->sock, MON_EXIT);
	CHECK(kill(pid, 0) < 0 && errno == ESRCH);
	run_end(r);
	run_check_gone(true);
}

TEST(ready_by_pid_file)
{
	struct run r;

	begin(&r, "exec sleep 60", "pidfile", "sleep 0.1; echo $$ >@PIDFILE@; exec sleep 60", NULL);
	check_lives_with_container(&r);
}

TEST(ready_by_descriptor)
{
	struct run r;

	begin(&r, "exec sleep 60", "fd", "sleep 0.1; echo 1 >&@READYFD@; exec sleep 60", NULL);
	check_lives_with_container(&r);
}

TEST(ready_by_closing_the_descriptor)
{
	struct run r;

	begin(&r, "exec sleep 60", "fd", "exec @READYFD@>&-; exec sleep 60", NULL);
	check_lives_with_container(&r);
}

TEST(ready_by_exit)
{
	struct run r;

	begin(&r, "exec sleep 60", "exit", "sleep 60 & echo $! >@PIDFILE@", NULL);
	check_lives_with_container(&r);
}

TEST(the_container_starts_only_when_it_is_ready)
{
	struct run r;
	auto_free char *order = NULL;

	begin(&r, "echo container >>../../order", "fd",
	      "sleep 0.3; echo helper >>../../order; echo 1 >&3; exec sleep 60", NULL);
	run_until(&r, r.sock, MON_EXIT);
	run_end(&r);
	order = run_read(run_path("order"));
	CHECK(strstr(order, "helper"));
}

TEST(its_words_are_replaced)
{
	struct run r;
	char *text, *second;

	begin(&r, "true", "fd", "readlink @NETNS@ >../../words; readlink /proc/@PID@/ns/net "
	      ">>../../words; pwd >>../../words; echo 1 >&@READYFD@; exec sleep 60", NULL);
	run_until(&r, r.sock, MON_EXIT);
	text = run_read(run_path("words"));
	CHECK(strncmp(text, "net:[", 5) == 0);
	/* Both name the same namespace, and it works in the run directory. */
	second = strchr(text, '\n') + 1;
	CHECK(strncmp(text, second, (size_t)(second - text)) == 0);
	CHECK_CONTAINS(second, "/run/" RUN_ID "\n");
	run_end(&r);
	free(text);
}

TEST(only_its_descriptors_pass)
{
	struct run r;
	auto_free char *text = NULL;

	begin(&r, "true", "fd", "for f in /proc/$$/fd/*; do echo ${f##*/}; done >../../fds; "
	      "echo 1 >&3; exec sleep 60", NULL);
	run_until(&r, r.sock, MON_EXIT);
	text = run_read(run_path("fds"));
	CHECK(!strstr(text, "6\n") && !strstr(text, "7\n") && !strstr(text, "8\n"));
	run_end(&r);
}

static void check_failure(struct run *r, const char *want)
{
	run_until(r, r->sock, MON_FAILED);
	CHECK_CONTAINS(r->err.text, want);
	run_end(r);
	run_check_gone(true);
}

TEST(its_last_words_are_the_error)
{
	struct run r;

	begin(&r, "true", "fd", "echo no such interface >&2; exit 1", NULL);
	check_failure(&r, "network helper sh failed: no such interface");
	begin(&r, "true", "pidfile", "echo port is taken >&2; exit 1", NULL);
	check_failure(&r, "failed: port is taken");
	begin(&r, "true", "exit", "echo broken >&2; exit 1", NULL);
	check_failure(&r, "failed: broken");
	begin(&r, "true", "exit", "exit 0", NULL);
	check_failure(&r, "pid file");
	begin(&r, "true", "exit", "echo 1 >@PIDFILE@", NULL); /* not our child */
	check_failure(&r, "no usable pid");
	begin(&r, "true", "exit", "echo -5 >@PIDFILE@", NULL);
	check_failure(&r, "no usable pid");
	begin(&r, "true", "fd", "kill -9 $$", NULL);
	check_failure(&r, "failed");
}

TEST(a_program_that_is_not_there)
{
	struct run r;

	run_setup(&r, "true");
	run_begin(&r, "attach=1\0rm=1\0net-path=/nonexistent/pasta\0net-arg=pasta\0net-ready=fd\0");
	check_failure(&r, "/nonexistent/pasta");
}

TEST(it_ends_when_the_runtime_fails)
{
	struct run r;

	run_setup(&r, NULL);
	test_write(run_path("store/containers/" RUN_ID "/die"), "4");
	run_begin(&r, "attach=1\0rm=1\0net-path=/bin/sh\0net-arg=sh\0net-arg=-c\0"
		  "net-arg=echo 1 >&3; exec sleep 60\0net-ready=fd\0");
	check_failure(&r, "status 4");
}

TEST(its_chatter_does_not_block_it)
{
	struct run r;

	begin(&r, "sleep 0.4; cat ../../done", "fd",
	      "echo 1 >&3; head -c 500000 /dev/zero >&2; echo said >../../done; exec sleep 60", NULL);
	/* The container's directory is not the helper's: by an absolute path. */
	run_until(&r, r.sock, MON_EXIT);
	CHECK(run_exists("done"));
	run_end(&r);
}
