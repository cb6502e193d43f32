/* The monitor's restarts: policies, back-off, and the ways out of them. */
#include "monitor-harness.h"

/* Runs are counted in <ctrdir>/runs by the container itself. */
#define COUNT "echo x >>../../store/containers/" RUN_ID "/runs; "

static size_t runs(const struct run *r)
{
	char path[3 * PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/runs", r->ctrdir);
	return stat(path, &st) < 0 ? 0 : (size_t)st.st_size / 2;
}

static void wait_runs(const struct run *r, size_t n)
{
	for (int i = 0; i < 2000 && runs(r) < n; i++)
		run_sleep_ms(5);
	CHECK(runs(r) >= n);
}

/* Until state.json says that the monitor waits. */
static void wait_state(const struct run *r, const char *part)
{
	char path[3 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/state.json", r->rundir);
	for (int i = 0; i < 2000; i++) {
		auto_free char *text = access(path, F_OK) == 0 ? run_read(path) : NULL;

		if (text && strstr(text, part))
			return;
		run_sleep_ms(5);
	}
	CHECK_MSG(false, "state.json never said %s", part);
}

static void check_record(const struct run *r, const char *part)
{
	char path[3 * PATH_MAX];
	auto_free char *text = NULL;

	(void)snprintf(path, sizeof(path), "%s/exit.json", r->ctrdir);
	text = run_read(path);
	CHECK_MSG(strstr(text, part), "%s lacks %s", text, part);
}

static void stop(int sock, uint32_t sig)
{
	CHECK_INT(msg_send(sock, MON_STOP, &sig, sizeof(sig), NULL, 0), 0);
}

TEST(on_failure_tries_n_times_and_the_client_sees_all_of_it)
{
	struct run r;

	run_setup(&r, COUNT "echo hello; exit 7");
	run_begin(&r, "attach=1\0restart=on-failure\0restart-max=2\0");
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 7);
	CHECK_STR(r.out[0].data, "hello\nhello\nhello\n");
	CHECK_INT(runs(&r), 3);
	run_end(&r);
	run_check_gone(false);
	check_record(&r, "\"exit_code\":7,");
	check_record(&r, "\"restarts\":2,\"stopped\":false");
	CHECK(!run_exists("store/containers/" RUN_ID "/.exit.json"));
}

TEST(on_failure_leaves_success_alone)
{
	struct run r;

	run_setup(&r, COUNT "exit 0");
	run_begin(&r, "attach=1\0restart=on-failure\0");
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(runs(&r), 1);
	run_end(&r);
}

TEST(always_restarts_success_until_it_is_stopped)
{
	struct run r;

	run_setup(&r, COUNT "[ $(wc -l <../../store/containers/" RUN_ID "/runs) -ge 3 ] || exit 0; "
			    "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done");
	run_begin(&r, "attach=1\0restart=always\0");
	run_until(&r, r.sock, MON_STDOUT);
	stop(r.sock, SIGTERM);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 5);
	CHECK_INT(runs(&r), 3);
	run_end(&r);
	run_check_gone(false);
	check_record(&r, "\"restarts\":2,\"stopped\":true");
}

TEST(a_stop_while_it_waits_ends_it_at_once)
{
	struct run r;
	int s;

	run_setup(&r, COUNT "exit 4");
	run_begin(&r, "attach=1\0restart=unless-stopped\0");
	run_until(&r, r.sock, MON_STARTED);
	wait_runs(&r, 4); /* the next wait is 800 ms */
	wait_state(&r, "\"restarting\":true,\"exit_code\":4");
	s = run_attach(&r, 0);
	stop(s, SIGTERM);
	run_until(&r, s, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 4);
	CHECK_INT(runs(&r), 4);
	(void)close(s);
	run_end(&r);
	run_check_gone(false);
}

TEST(term_to_the_monitor_means_no_restart)
{
	struct run r;

	run_setup(&r, COUNT "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done");
	run_begin(&r, "attach=1\0restart=always\0");
	run_until(&r, r.sock, MON_STDOUT);
	(void)kill(r.monitor, SIGTERM);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(runs(&r), 1);
	run_end(&r);
	check_record(&r, "\"stopped\":false"); /* it is to run again when the host is back */
}

TEST(a_monitor_killed_while_it_waits_leaves_what_is_known)
{
	struct run r;
	char path[3 * PATH_MAX];
	auto_free char *text = NULL;
	int status;

	run_setup(&r, COUNT "exit 4");
	run_begin(&r, "attach=1\0restart=always\0");
	wait_runs(&r, 4);
	wait_state(&r, "\"pid\":0,");
	(void)kill(r.monitor, SIGKILL);
	CHECK_INT(waitpid(r.monitor, &status, 0), r.monitor);
	(void)snprintf(path, sizeof(path), "%s/.exit.json", r.ctrdir);
	text = run_read(path);
	CHECK_MSG(strstr(text, "\"exit_code\":4,"), "%s", text);
	/* Where it had just begun to start again, that dies with it. */
	for (int i = 0; i < 1000 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		run_sleep_ms(5);
	CHECK_MSG(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a process is left");
	(void)close(r.sock);
}

TEST(a_start_that_fails_counts_as_an_end)
{
	struct run r;

	run_setup(&r, "echo '10 no such program' >../../store/containers/" RUN_ID "/fail; exit 1");
	run_begin(&r, "attach=1\0restart=on-failure\0restart-max=2\0");
	run_until(&r, r.sock, MON_EXIT);
	CHECK(r.exit.exit_code >= 125);
	run_end(&r);
	run_check_gone(false);
	check_record(&r, "\"restarts\":2,");
	check_record(&r, "no such program");
}

TEST(a_restart_on_request_is_at_once_and_without_a_policy)
{
	struct run r;

	run_setup(&r, COUNT "echo up; exec sleep 60");
	run_begin(&r, "attach=1\0stop-signal=15\0stop-timeout=5\0");
	run_until(&r, r.sock, MON_STDOUT);
	CHECK_INT(msg_send(r.sock, MON_RESTART, NULL, 0, NULL, 0), 0);
	run_until(&r, r.sock, MON_STDOUT);
	CHECK_INT(runs(&r), 2);
	stop(r.sock, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 137);
	run_end(&r);
	run_check_gone(false);
}

TEST(the_policy_can_change_while_it_runs)
{
	const struct mon_policy always = { MON_RESTART_ALWAYS, 0 }, no = { MON_RESTART_NO, 0 };
	struct run r;

	run_setup(&r, COUNT "echo up; read x; exit 3");
	run_begin(&r, "attach=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STDOUT);
	CHECK_INT(msg_send(r.sock, MON_POLICY, &always, sizeof(always), NULL, 0), 0);
	CHECK_INT(msg_send(r.sock, MON_STDIN, "\n", 1, NULL, 0), 0);
	run_until(&r, r.sock, MON_STDOUT);
	CHECK_INT(msg_send(r.sock, MON_POLICY, &no, sizeof(no), NULL, 0), 0);
	CHECK_INT(msg_send(r.sock, MON_STDIN, "\n", 1, NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(runs(&r), 2);
	run_end(&r);
}

TEST(input_that_ended_stays_ended)
{
	struct run r;

	run_setup(&r, "cat; exit 3");
	run_begin(&r, "attach=1\0stdin=1\0restart=on-failure\0restart-max=1\0");
	run_until(&r, r.sock, MON_STARTED);
	CHECK_INT(msg_send(r.sock, MON_STDIN_EOF, NULL, 0, NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 3);
	run_end(&r);
}

TEST(rm_and_a_policy_are_refused_together)
{
	struct run r;

	run_setup(&r, "exit 0");
	run_begin(&r, "attach=1\0rm=1\0restart=always\0");
	run_until(&r, r.sock, MON_FAILED);
	CHECK(strstr(r.err.text, "restarts"));
	run_end(&r);
}
