/* The monitor's input, output and clients: order, back-pressure, slow and dying peers, floods. */
#include <sys/resource.h>

#include "monitor-harness.h"

TEST(input_arrives_whole_and_in_order)
{
	const size_t total = 3u << 20;
	size_t sent = 0, acks = 0;
	char piece[50000];
	struct run r;

	/* The reader is slow to start: the pipe fills and the monitor holds what does not fit. */
	run_setup(&r, "sleep 0.3; cksum");
	run_begin(&r, "attach=1\0rm=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STARTED);
	while (sent < total) {
		size_t n = total - sent < sizeof(piece) ? total - sent : sizeof(piece);

		for (size_t i = 0; i < n; i++)
			piece[i] = (char)((sent + i) * 7 >> 3);
		CHECK_INT(msg_send(r.sock, MON_STDIN, piece, n, NULL, 0), 0);
		run_until(&r, r.sock, MON_STDIN_ACK);
		acks++;
		sent += n;
	}
	CHECK_INT(r.n_acks, acks);
	CHECK_INT(msg_send(r.sock, MON_STDIN_EOF, NULL, 0, NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_STR(r.out[0].data, "1995543701 3145728\n");
	run_end(&r);
}

TEST(a_signal_passes_input_that_nobody_reads)
{
	const uint32_t sig = SIGTERM;
	static char piece[MSG_BODY_MAX];
	struct run r;

	run_setup(&r, "exec sleep 60");
	run_begin(&r, "attach=1\0rm=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STARTED);
	CHECK_INT(msg_send(r.sock, MON_STDIN, piece, sizeof(piece), NULL, 0), 0);
	run_until(&r, r.sock, MON_STDIN_ACK);
	CHECK_INT(msg_send(r.sock, MON_STDIN, piece, sizeof(piece), NULL, 0), 0); /* held */
	CHECK_INT(msg_send(r.sock, MON_SIGNAL, &sig, sizeof(sig), NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 128 + SIGTERM);
	run_end(&r);
	run_check_gone(true);
}

TEST(input_to_a_container_that_closed_it_is_taken)
{
	static char piece[MSG_BODY_MAX];
	struct run r;

	run_setup(&r, "exec <&-; echo closed; sleep 0.3; exit 4");
	run_begin(&r, "attach=1\0rm=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STDOUT);
	for (int i = 0; i < 4; i++) {
		CHECK_INT(msg_send(r.sock, MON_STDIN, piece, sizeof(piece), NULL, 0), 0);
		run_until(&r, r.sock, MON_STDIN_ACK);
	}
	run_until(&r, r.sock, MON_EXIT);
	CHECK_INT(r.exit.exit_code, 4);
	run_end(&r);
}

TEST(a_client_s_input_outlives_the_client)
{
	static char piece[MSG_BODY_MAX];
	struct run r;
	int c;

	run_setup(&r, "echo ready; sleep 0.5; wc -c");
	run_begin(&r, "attach=1\0rm=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STDOUT);
	c = run_attach(&r, 0);
	CHECK_INT(msg_send(c, MON_STDIN, piece, sizeof(piece), NULL, 0), 0);
	run_until(&r, c, MON_STDIN_ACK);
	CHECK_INT(msg_send(c, MON_STDIN, piece, 1000, NULL, 0), 0);
	CHECK_INT(msg_send(c, MON_DETACH, NULL, 0, NULL, 0), 0);
	CHECK_INT(run_recv(&r, c), 0);
	(void)close(c);
	run_sleep_ms(700);
	CHECK_INT(msg_send(r.sock, MON_STDIN_EOF, NULL, 0, NULL, 0), 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_CONTAINS(r.out[0].data, "66536");
	run_end(&r);
}

TEST(later_clients_see_what_comes_and_the_end)
{
	struct run r, seen = { .sock = -1 };
	int c;

	run_setup(&r, "echo early; read x; echo late; exit 6");
	run_begin(&r, "attach=1\0rm=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STDOUT);
	c = run_attach(&r, 1);
	CHECK_INT(msg_send(c, MON_STDIN, "x\n", 2, NULL, 0), 0);
	run_until(&seen, c, MON_EXIT);
	CHECK_STR(seen.out[0].data, "late\n");
	CHECK_INT(seen.exit.exit_code, 6);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_STR(r.out[0].data, "early\nlate\n");
	strbuf_done(&seen.out[0]);
	run_end(&r);
	run_check_gone(true);
}

TEST(wrong_messages_end_only_their_connection)
{
	static const struct {
		uint16_t type;
		size_t len;
		bool hello;
	} bad[] = {
		{ MON_STDIN, 3, false }, { MON_SIGNAL, 4, false }, { MON_HELLO, 12, true },
		{ MON_SIGNAL, 3, true }, { MON_SIGNAL, 4, true /* signal 0 */ }, { MON_RESIZE, 5, true },
		{ MON_STDIN, 0, true },	 { MON_EXIT, 16, true },   { MON_PREPARE, 4, true },
		{ 999, 0, true },
	};
	static const char zeros[64];
	struct run r;

	run_setup(&r, "exec sleep 60");
	run_begin(&r, "attach=1\0rm=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STARTED);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		int c, dir = open(r.rundir, O_PATH | O_CLOEXEC);

		if (bad[i].hello) {
			c = run_attach(&r, 1);
		} else {
			c = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
			(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/attach", dir);
			CHECK(connect(c, (struct sockaddr *)&addr, sizeof(addr)) == 0);
		}
		CHECK_INT(msg_send(c, bad[i].type, zeros, bad[i].len, NULL, 0), 0);
		CHECK_MSG(run_recv(&r, c) == 0, "bad message %zu was taken", i);
		(void)close(c);
		(void)close(dir);
	}
	(void)kill(r.started.pid, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	run_end(&r);
}

TEST(junk_on_the_socket_is_a_hang_up)
{
	struct run r;
	int c;

	run_setup(&r, "exec sleep 60");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STARTED);
	c = run_attach(&r, 1);
	CHECK(send(c, "no header", 9, 0) == 9);
	CHECK_INT(run_recv(&r, c), 0);
	(void)close(c);
	(void)kill(r.started.pid, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	run_end(&r);
}

TEST(a_reading_pause_of_the_launcher_stalls_and_loses_nothing)
{
	struct run r;
	size_t lines = 0;

	run_setup(&r, "i=0; while [ $i -lt 20000 ]; do echo \"line $i of a long output ....\"; "
		  "i=$((i+1)); done; exit 5");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STARTED);
	run_sleep_ms(1500); /* longer than what is waited for anywhere after an end */
	run_until(&r, r.sock, MON_EXIT);
	for (const char *p = r.out[0].data; (p = strchr(p, '\n')); p++)
		lines++;
	CHECK_INT(lines, 20000);
	CHECK_INT(r.exit.exit_code, 5);
	run_end(&r);
	run_check_gone(true);
}

TEST(output_left_in_the_pipe_at_the_end_reaches_a_slow_launcher)
{
	struct run r;

	/* 60 KB fit into the pipe: the container is gone before anybody reads. */
	run_setup(&r, "head -c 300000 /dev/zero; exit 5");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STARTED);
	for (;;) {
		run_sleep_ms(300);
		if (run_recv(&r, r.sock) == MON_EXIT)
			break;
	}
	CHECK_INT(r.out[0].len, 300000);
	run_end(&r);
}

TEST(a_killed_launcher_changes_nothing)
{
	auto_free char *text = NULL;
	struct run r;

	/* It goes while the container is stalled by it. */
	run_setup(&r, "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end; exit 5");
	run_begin(&r, "attach=1\0log-driver=k8s-file\0");
	run_until(&r, r.sock, MON_STARTED);
	run_sleep_ms(200);
	run_end(&r);
	run_check_gone(false);
	text = run_read(run_path("store/containers/" RUN_ID "/exit.json"));
	CHECK_CONTAINS(text, "\"exit_code\":5");
	free(text);
	text = run_read(run_path("store/containers/" RUN_ID "/ctr.log"));
	CHECK_CONTAINS(text, " stdout F end\n");
}

TEST(a_stuck_later_client_is_dropped_after_ten_seconds)
{
	struct timespec t0, t1;
	struct run r;
	int c;

	run_setup(&r, "read x; head -c 1000000 /dev/zero; echo");
	run_begin(&r, "rm=1\0stdin=1\0");
	run_until(&r, r.sock, MON_STARTED);
	c = run_attach(&r, 1);
	(void)clock_gettime(CLOCK_MONOTONIC, &t0);
	CHECK_INT(msg_send(c, MON_STDIN, "x\n", 2, NULL, 0), 0);
	run_end(&r);
	(void)clock_gettime(CLOCK_MONOTONIC, &t1);
	CHECK(t1.tv_sec - t0.tv_sec >= 9 && t1.tv_sec - t0.tv_sec <= 12);
	run_check_gone(true);
	(void)close(c);
}

static long private_kb(pid_t pid)
{
	char path[64], line[256];
	long kb, sum = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %ld", &kb) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &kb) == 1)
			sum += kb;
	(void)fclose(f);
	return sum;
}

#if defined(__SANITIZE_ADDRESS__)
#define PRIVATE_MAX_KB 0	/* its shadow is not ours */
#else
#define PRIVATE_MAX_KB 150
#endif

TEST(an_idle_monitor_is_small)
{
	struct run r;
	long kb;

	run_setup(&r, "echo hello; exec sleep 60");
	run_begin(&r, "attach=1\0rm=1\0stdin=1\0log-driver=k8s-file\0");
	run_until(&r, r.sock, MON_STDOUT);
	run_sleep_ms(300);
	kb = private_kb(r.monitor);
	(void)printf("  idle monitor: %ld KB private\n", kb);
	if (PRIVATE_MAX_KB)
		CHECK(kb <= PRIVATE_MAX_KB);
	(void)kill(r.started.pid, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	run_end(&r);
}

TEST(a_flood_does_not_grow_it)
{
	uint64_t bytes = 0, newlines = 0;
	struct run r;
	long kb = 0;

	run_setup(&r, "head -c 200000000 /dev/zero; yes | head -c 20000000");
	run_begin(&r, "attach=1\0rm=1\0");
	run_until(&r, r.sock, MON_STARTED);
	for (;;) {
		uint16_t type = run_recv(&r, r.sock);

		CHECK(type != 0);
		if (type == MON_EXIT)
			break;
		bytes += r.out[0].len;
		if (bytes > 210000000 && !kb)
			kb = private_kb(r.monitor);
		for (size_t i = 0; i < r.out[0].len; i++)
			newlines += r.out[0].data[i] == '\n';
		r.out[0].len = 0;
	}
	CHECK_UINT(bytes, 220000000);
	CHECK_UINT(newlines, 10000000);
	(void)printf("  flooded monitor: %ld KB private\n", kb);
	if (PRIVATE_MAX_KB)
		CHECK(kb <= 1200); /* its program's text, too, when no other monitor shares it */
	run_end(&r);
}
