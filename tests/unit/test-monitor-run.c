/* The monitor from launch to removal: starting, exit codes, failures, deaths of either side. */
#include <sys/prctl.h>

#include "monitor-harness.h"

static void run_all(struct run *r, const char *cmd, const char *extra)
{
	run_setup(r, cmd);
	run_begin(r, extra);
	run_until(r, r->sock, MON_STARTED);
	run_until(r, r->sock, MON_EXIT);
}

TEST(passes_output_and_exit_code)
{
	struct run r;

	run_all(&r, "echo out; echo err >&2; exit 3", "attach=1\0rm=1\0");
	CHECK_INT(r.exit.exit_code, 3);
	CHECK_STR(r.out[0].data, "out\n");
	CHECK_STR(r.out[1].data, "err\n");
	CHECK(r.started.pid > 1 && r.started.pid_start > 0);
	CHECK_INT(r.started.monitor_pid, r.monitor);
	run_end(&r);
	run_check_gone(true);
}

TEST(reports_signals_as_128_plus_n)
{
	struct run r;

	run_all(&r, "kill -9 $$", "attach=1\0rm=1\0");
	CHECK_INT(r.exit.exit_code, 137);
	run_end(&r);
	run_check_gone(true);
}

TEST(stdin_is_null_unless_asked_for)
{
	struct run r;

	run_all(&r, "cat; readlink /proc/self/fd/0", "attach=1\0rm=1\0");
	CHECK_STR(r.out[0].data, "/dev/null\n");
	run_end(&r);
}

TEST(record_stays_without_rm)
{
	auto_free char *text = NULL;
	struct run r;

	run_all(&r, "exit 7", "attach=1\0exit-sync=1\0");
	run_end(&r);
	run_check_gone(false);
	text = run_read(run_path("store/containers/" RUN_ID "/exit.json"));
	CHECK_CONTAINS(text, "{\"version\":1,\"exit_code\":7,\"finished_ns\":");
	CHECK_CONTAINS(text, ",\"oom_killed\":false,\"started_ns\":");
	CHECK_CONTAINS(text, ",\"log_lost_bytes\":0,\"restarts\":0,\"stopped\":false,\"error\":\"\"}\n");
	CHECK(!run_exists("store/containers/" RUN_ID "/.exit.json"));
}

TEST(an_old_record_does_not_survive_the_next_start)
{
	struct run r;

	run_setup(&r, "exec sleep 60");
	test_write(run_path("store/containers/" RUN_ID "/exit.json"), "{\"exit_code\":5}");
	run_begin(&r, "attach=1\0");
	run_until(&r, r.sock, MON_STARTED);
	CHECK(!run_exists("store/containers/" RUN_ID "/exit.json"));
	(void)kill(r.started.pid, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	run_end(&r);
}

TEST(a_killed_monitor_s_run_directory_can_be_used_again)
{
	static const char *const left[] = { "attach", "console", "net.pid", "pid", "runtime.log",
					    "state.json", "exit.json", "lock" };
	struct run r;

	run_setup(&r, "exit 4");
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		char path[200];

		(void)snprintf(path, sizeof(path), "run/" RUN_ID "/%s", left[i]);
		test_write(run_path(path), "{\"level\":\"error\",\"msg\":\"old\"}");
	}
	test_mkdir(run_path("rt/" RUN_ID));
	test_write(run_path("rt/" RUN_ID "/state.json"), "{}");
	run_begin(&r, "attach=1\0rm=1\0terminal=1\0net-path=/bin/sh\0net-arg=sh\0net-arg=-c\0"
		  "net-arg=echo $$ >@PIDFILE@; exec sleep 60\0net-ready=pidfile\0");
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 4);
	run_end(&r);
	run_check_gone(true);
}

TEST(state_names_the_processes_while_it_runs)
{
	auto_free char *text = NULL;
	char want[64];
	struct run r;

	run_setup(&r, "exec sleep 60");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STARTED);
	text = run_read(run_path("run/" RUN_ID "/state.json"));
	(void)snprintf(want, sizeof(want), "{\"version\":1,\"pid\":%d,\"pid_start\":%llu,", r.started.pid,
		       (unsigned long long)r.started.pid_start);
	CHECK_CONTAINS(text, want);
	(void)kill(r.started.pid, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 137);
	run_end(&r);
	run_check_gone(true);
}

TEST(rm_releases_name_cidfile_and_volumes)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct run r;

	run_setup(&r, "true");
	test_symlink(RUN_ID, run_path("store/names/web"));
	test_write(run_path("cid"), RUN_ID);
	test_mkdir(run_path("vol"));
	test_write(run_path("vol/data"), "x");
	run_add(&b, "attach=1");
	run_add(&b, "rm=1");
	run_add(&b, "name=web");
	strbuf_addf(&b, "cidfile=%s%c", run_path("cid"), 0);
	strbuf_addf(&b, "volume-rm=%s%c", run_path("vol"), 0);
	run_begin(&r, b.data);
	run_until(&r, r.sock, MON_EXIT);
	/* With the message all of it is gone already. */
	CHECK(!run_exists("cid") && !run_exists("vol"));
	CHECK_INT(run_entries("store/names"), 0);
	CHECK_INT(run_entries("store/containers"), 0);
	run_end(&r);
	run_check_gone(true);
}

TEST(rm_leaves_a_name_that_is_another_s)
{
	struct run r;

	run_setup(&r, "true");
	test_symlink("ffff", run_path("store/names/web"));
	run_begin(&r, "attach=1\0rm=1\0name=web\0");
	run_until(&r, r.sock, MON_EXIT);
	run_end(&r);
	CHECK_INT(run_entries("store/names"), 1);
}

TEST(timeout_kills_with_255)
{
	struct run r;

	run_all(&r, "exec sleep 60", "attach=1\0rm=1\0timeout=1\0");
	CHECK_INT(r.exit.exit_code, 255);
	run_end(&r);
	run_check_gone(true);
}

TEST(signals_reach_the_container)
{
	const uint32_t sig = SIGTERM;
	struct run r;

	run_setup(&r, "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STDOUT);
	CHECK_INT(msg_send(r.sock, MON_SIGNAL, &sig, sizeof(sig), NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 9);
	CHECK_STR(r.out[0].data, "ready\ngot\n");
	run_end(&r);
}

TEST(term_to_the_monitor_is_passed_on)
{
	struct run r;

	run_setup(&r, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STDOUT);
	(void)kill(r.monitor, SIGHUP); /* means nothing to it */
	(void)kill(r.monitor, SIGTERM);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 9);
	run_end(&r);
	run_check_gone(true);
}

TEST(term_to_the_monitor_ends_what_ignores_it)
{
	struct run r;

	run_setup(&r, "trap '' TERM; echo ready; exec sleep 60");
	run_begin(&r, "attach=1\0rm=1\0stop-timeout=1\0");
	run_until(&r, r.sock, MON_STDOUT);
	(void)kill(r.monitor, SIGTERM);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 137);
	run_end(&r);
	run_check_gone(true);
}

TEST(a_runtime_s_error_comes_through)
{
	struct run r;

	run_setup(&r, NULL);
	test_write(run_path("store/containers/" RUN_ID "/fail"), "11 executable nosuch not found");
	run_begin(&r, "attach=1\0");
	run_until(&r, r.sock, MON_FAILED);
	CHECK_INT(r.err.kind, ERR_CMD_NOT_FOUND);
	CHECK_STR(r.err.text, "executable nosuch not found");
	run_end(&r);
	run_check_gone(false);
	CHECK(!run_exists("store/containers/" RUN_ID "/exit.json"));
}

TEST(a_failed_start_with_rm_removes_the_container)
{
	struct run r;

	run_setup(&r, NULL);
	test_symlink(RUN_ID, run_path("store/names/web"));
	test_write(run_path("store/containers/" RUN_ID "/die"), "4");
	run_begin(&r, "attach=1\0rm=1\0name=web\0");
	run_until(&r, r.sock, MON_FAILED);
	CHECK_CONTAINS(r.err.text, "status 4");
	run_end(&r);
	run_check_gone(true);
	CHECK_INT(run_entries("store/names"), 0);
}

TEST(a_runtime_without_a_container_is_a_failure)
{
	struct run r;

	run_setup(&r, NULL);
	test_write(run_path("store/containers/" RUN_ID "/nopid"), "");
	run_begin(&r, "attach=1\0");
	run_until(&r, r.sock, MON_FAILED);
	CHECK_CONTAINS(r.err.text, "pid");
	run_end(&r);
	run_check_gone(false);
}

TEST(refuses_what_it_does_not_know)
{
	static const char *const bad[] = {
		"nosuch=1", "rm=yes", "rows=70000", "rows=-1", "upper=/x", "lower=relative",
		"log-driver=journald", "name=a/b", "cidfile=/x\ny", "id=short", "copyup=/x", "net-fwd=x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char extra[100] = { 0 };
		struct run r;

		(void)snprintf(extra, sizeof(extra) - 1, "%s", bad[i]);
		run_setup(&r, "true");
		run_begin(&r, extra);
		CHECK_MSG(run_recv(&r, r.sock) == MON_FAILED, "%s was accepted", bad[i]);
		CHECK_INT(r.err.kind, ERR_INVALID);
		run_end(&r);
	}
}

TEST(a_second_monitor_is_refused_and_harms_nothing)
{
	struct run r, second;

	run_setup(&r, "exec sleep 60");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STARTED);
	run_setup(&second, NULL);
	run_begin(&second, "attach=1\0rm=1\0");
	run_until(&second, second.sock, MON_FAILED);
	CHECK_INT(second.err.kind, ERR_BUSY);
	run_end(&second);
	CHECK(run_exists("run/" RUN_ID "/attach"));
	CHECK(run_exists("store/containers/" RUN_ID));
	(void)kill(r.started.pid, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	run_end(&r);
	run_check_gone(true);
}

TEST(nothing_is_left_when_the_cli_dies_before_run)
{
	struct run r;

	run_setup(&r, "true");
	run_launch(&r);
	run_end(&r); /* before anything */
	CHECK(waitpid(-1, NULL, WNOHANG) < 0);
	run_launch(&r);
	run_prepare(&r);
	run_end(&r);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0);
	CHECK_INT(run_entries("run/" RUN_ID), 0);
}

TEST(the_container_goes_on_when_the_cli_dies)
{
	auto_free char *text = NULL;
	struct run r;

	run_setup(&r, "sleep 0.3; echo late; exit 5");
	run_begin(&r, "attach=1\0log-driver=k8s-file\0");
	run_end(&r); /* at once after MON_RUN */
	run_check_gone(false);
	text = run_read(run_path("store/containers/" RUN_ID "/exit.json"));
	CHECK_CONTAINS(text, "\"exit_code\":5");
	free(text);
	text = run_read(run_path("store/containers/" RUN_ID "/ctr.log"));
	CHECK_CONTAINS(text, "+00:00 stdout F late\n");
}

TEST(the_container_dies_with_its_monitor)
{
	struct run r;
	int status;

	run_setup(&r, "exec sleep 60");
	run_begin(&r, "attach=1\0");
	run_until(&r, r.sock, MON_STARTED);
	(void)kill(r.monitor, SIGKILL);
	CHECK_INT(waitpid(r.monitor, NULL, 0), r.monitor);
	CHECK_INT(waitpid(r.started.pid, &status, 0), r.started.pid); /* ours now */
	/* By the signal, or by itself when the monitor was gone before it asked for the signal. */
	CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 91);
}

TEST(a_foreign_runtime_s_container_dies_with_its_monitor)
{
	struct run r;
	int status;

	run_setup(&r, "exec sleep 60");
	run_begin(&r, "attach=1\0runtime-ours=0\0");
	run_until(&r, r.sock, MON_STARTED);
	run_sleep_ms(50); /* the guard is set up behind the message */
	(void)kill(r.monitor, SIGKILL);
	CHECK_INT(waitpid(r.monitor, NULL, 0), r.monitor);
	CHECK_INT(waitpid(r.started.pid, &status, 0), r.started.pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(waitpid(-1, NULL, 0) > 0); /* the guard follows */
	CHECK(waitpid(-1, NULL, 0) < 0);
}

TEST(without_attach_the_launch_socket_closes)
{
	struct run r;

	run_setup(&r, "sleep 0.1; exit 2");
	run_begin(&r, "rm=1\0");
	run_until(&r, r.sock, MON_STARTED);
	CHECK_INT(run_recv(&r, r.sock), 0);
	run_end(&r);
	run_check_gone(true);
}

TEST(descendants_that_hold_the_output_do_not_hold_the_end)
{
	struct run r;
	pid_t left;

	run_all(&r, "sleep 5 & echo $!; exit 1", "attach=1\0rm=1\0");
	CHECK_INT(r.exit.exit_code, 1);
	left = (pid_t)atoi(r.out[0].data);
	CHECK(left > 1);
	run_end(&r);
	(void)kill(left, SIGKILL);
}

TEST(a_pty_has_its_size_before_the_process_starts)
{
	struct mon_size size = { 10, 20 };
	struct run r;

	run_setup(&r, "stty size; read x; stty size; tty");
	run_begin(&r, "attach=1\0rm=1\0terminal=1\0stdin=1\0rows=33\0cols=77\0");
	run_until(&r, r.sock, MON_STDOUT);
	CHECK_STR(r.out[0].data, "33 77\r\n");
	CHECK_INT(msg_send(r.sock, MON_RESIZE, &size, sizeof(size), NULL, 0), 0);
	CHECK_INT(msg_send(r.sock, MON_STDIN, "go\n", 3, NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_CONTAINS(r.out[0].data, "10 20\r\n/dev/pts/");
	run_end(&r);
	run_check_gone(true);
}

TEST(a_pty_that_nobody_holds_for_a_while_is_kept)
{
	struct run r;

	run_setup(&r, "echo first; exec <&- >&- 2>&-; sleep 0.5; echo back >/dev/tty");
	run_begin(&r, "attach=1\0rm=1\0terminal=1\0");
	run_until(&r, r.sock, MON_EXIT);
	CHECK_STR(r.out[0].data, "first\r\nback\r\n");
	run_end(&r);
	run_check_gone(true);
}

TEST(end_of_input_reaches_a_pty)
{
	struct run r;

	run_setup(&r, "cat; echo done");
	run_begin(&r, "attach=1\0rm=1\0terminal=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STARTED);
	CHECK_INT(msg_send(r.sock, MON_STDIN_EOF, NULL, 0, NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_CONTAINS(r.out[0].data, "done\r\n");
	run_end(&r);
}
