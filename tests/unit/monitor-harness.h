/*
 * Runs the real ctr-lite-monitor with tests/helpers/fake-runtime in the test's directory, playing
 * the command line's part.
 */
#ifndef TESTS_MONITOR_HARNESS_H
#define TESTS_MONITOR_HARNESS_H

#include <dirent.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "test.h"

#include "monitor-proto.h"
#include "msg.h"
#include "str.h"

#define RUN_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct run {
	int sock;		/* launch socket */
	pid_t monitor;
	char rundir[2 * PATH_MAX], ctrdir[2 * PATH_MAX];
	struct mon_started started;
	struct mon_exit exit;
	struct err err;
	struct strbuf out[2];	/* what came from stdout and stderr */
	size_t n_acks;
};

static inline const char *run_path(const char *name)
{
	static char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	return path;
}

static inline void run_sleep_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* The directories, as the engine would have made them, and the container's command. */
static inline void run_setup(struct run *r, const char *cmd)
{
	static const char *const dirs[] = { "run", "store", "store/containers", "store/tmp",
					    "store/names", "rt", "store/containers/" RUN_ID,
					    "run/" RUN_ID };

	*r = (struct run){ .sock = -1, .monitor = -1 };
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		(void)mkdir(run_path(dirs[i]), 0700); /* a second run in one test has them already */
	(void)snprintf(r->rundir, sizeof(r->rundir), "%s", run_path("run/" RUN_ID));
	(void)snprintf(r->ctrdir, sizeof(r->ctrdir), "%s", run_path("store/containers/" RUN_ID));
	(void)mkdir(run_path("store/containers/" RUN_ID "/rootfs"), 0700);
	if (cmd)
		test_write(run_path("store/containers/" RUN_ID "/cmd"), cmd);
	/* What the monitor leaves behind becomes ours: so that it can be seen. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static inline void run_launch(struct run *r)
{
	const char *build = getenv("TEST_BUILD_ROOT");
	char path[PATH_MAX];
	int sp[2];

	if (!build)
		test_skip("TEST_BUILD_ROOT is not set");
	(void)snprintf(path, sizeof(path), "%s/monitor/ctr-lite-monitor", build);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == 0);
	r->monitor = fork();
	CHECK(r->monitor >= 0);
	if (r->monitor == 0) {
		if (sp[1] == 3)
			(void)fcntl(3, F_SETFD, 0);
		else
			(void)dup2(sp[1], 3);
		/* Its stderr is closed: under a sanitizer the exit status tells. */
		(void)setenv("ASAN_OPTIONS", "exitcode=99:log_path=/tmp/ctr-monitor-asan", 1);
		(void)setenv("UBSAN_OPTIONS", "exitcode=99:halt_on_error=1:log_path=/tmp/ctr-monitor-ubsan",
			     1);
		(void)setenv("LSAN_OPTIONS", "exitcode=99", 1);
		(void)execl(path, "ctr-lite-monitor", RUN_ID, (char *)NULL);
		_exit(99);
	}
	(void)close(sp[1]);
	r->sock = sp[0];
}

/* MON_PREPARE with the NUL-separated @extra ("a=b\0c=d\0" ""). */
static inline void run_prepare_with(struct run *r, const char *extra)
{
	char text[600] = "netns=host";
	size_t len = strlen(text) + 1;

	for (; *extra; extra += strlen(extra) + 1)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", extra) + 1;

	/* The stage needs a mount namespace; a user gets one with a user namespace of one id. */
	if (geteuid() != 0) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "uidmap=0:%u:1", geteuid()) + 1;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "gidmap=0:%u:1", getegid()) + 1;
	}
	CHECK_INT(msg_send(r->sock, MON_PREPARE, text, len, NULL, 0), 0);
}

static inline void run_prepare(struct run *r)
{
	run_prepare_with(r, "");
}

static inline void run_add(struct strbuf *b, const char *text)
{
	strbuf_addn(b, text, strlen(text) + 1);
}

/* MON_RUN with what every run has and the NUL-separated @extra ("a=b\0c=d\0" ""). */
static inline void run_run_msg(struct run *r, const char *extra)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	run_add(&b, "id=" RUN_ID);
	strbuf_addf(&b, "rundir=%s%c", r->rundir, 0);
	strbuf_addf(&b, "ctrdir=%s%c", r->ctrdir, 0);
	strbuf_addf(&b, "tmpdir=%s%c", run_path("store/tmp"), 0);
	strbuf_addf(&b, "namesdir=%s%c", run_path("store/names"), 0);
	strbuf_addf(&b, "bundle=%s%c", r->ctrdir, 0);
	strbuf_addf(&b, "rootfs=%s/rootfs%c", r->ctrdir, 0);
	strbuf_addf(&b, "runtime=%s/tests/helpers/fake-runtime%c", getenv("TEST_BUILD_ROOT"), 0);
	strbuf_addf(&b, "runtime-root=%s%c", run_path("rt"), 0);
	run_add(&b, "runtime-ours=1");
	strbuf_addf(&b, "log-path=%s/ctr.log%c", r->ctrdir, 0);
	for (; *extra; extra += strlen(extra) + 1)
		run_add(&b, extra);
	CHECK(!b.failed);
	CHECK_INT(msg_send(r->sock, MON_RUN, b.data, b.len, NULL, 0), 0);
}

static inline void run_begin(struct run *r, const char *extra)
{
	run_launch(r);
	run_prepare(r);
	run_run_msg(r, extra);
}

/* The next message of @sock; 0 when it was closed. */
static inline uint16_t run_recv(struct run *r, int sock)
{
	static char body[MSG_BODY_MAX];
	uint16_t type = 0;
	size_t len = 0;
	int n = msg_recv(sock, &type, body, sizeof(body), &len, NULL, 0, NULL);

	if (n == 0)
		return 0;
	CHECK_INT(n, 1);
	if (type == MON_STARTED)
		memcpy(&r->started, body, sizeof(r->started));
	else if (type == MON_FAILED)
		memcpy(&r->err, body, sizeof(r->err));
	else if (type == MON_EXIT)
		memcpy(&r->exit, body, sizeof(r->exit));
	else if (type == MON_STDOUT || type == MON_STDERR)
		strbuf_addn(&r->out[type == MON_STDERR], body, len);
	else if (type == MON_STDIN_ACK)
		r->n_acks++;
	return type;
}

/* Receive up to and with @type. */
static inline void run_until(struct run *r, int sock, uint16_t type)
{
	uint16_t got;

	do {
		got = run_recv(r, sock);
		if (got == MON_FAILED && type != MON_FAILED)
			CHECK_MSG(false, "it failed: %s", r->err.text);
		CHECK_MSG(got != 0, "the monitor closed the socket before message %u", type);
	} while (got != type);
}

static inline int run_attach(const struct run *r, uint32_t out)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct mon_hello hello = { out, out, 1 };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int dir = open(r->rundir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/attach", dir);
	CHECK_MSG(connect(s, (struct sockaddr *)&addr, sizeof(addr)) == 0, "attach: %s",
		  strerror(errno));
	(void)close(dir);
	CHECK_INT(msg_send(s, MON_HELLO, &hello, sizeof(hello), NULL, 0), 0);
	return s;
}

/* The monitor ends, and with it every process that was left to us. */
static inline void run_end(struct run *r)
{
	int status;

	(void)fd_close(r->sock);
	r->sock = -1;
	CHECK_INT(waitpid(r->monitor, &status, 0), r->monitor);
	CHECK_MSG(status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 1),
		  "the monitor ended with wait status %#x", status);
	r->monitor = -1;
	for (int i = 0; i < 2; i++)
		strbuf_done(&r->out[i]);
}

static inline bool run_exists(const char *name)
{
	return access(run_path(name), F_OK) == 0;
}

static inline size_t run_entries(const char *name)
{
	auto_dir DIR *d = opendir(run_path(name));
	size_t n = 0;

	while (d && readdir(d))
		n++;
	return n < 2 ? 0 : n - 2;
}

/* Not inlined: gcc 12 then sees a dangling pointer that is none. */
__attribute__((noinline, unused)) static char *run_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;

	CHECK_MSG(fd >= 0, "open %s: %s", path, strerror(errno));
	CHECK_INT(fd_read_file(fd, 1u << 30, &text, NULL), 0);
	(void)close(fd);
	return text;
}

/* Nothing of the container runs, and the run directory is as before. */
static inline void run_check_gone(bool container_too)
{
	CHECK_MSG(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a process is left");
	CHECK_INT(run_entries("run"), 0);
	CHECK_INT(run_entries("rt"), 0);
	CHECK_INT(run_entries("store/tmp"), 0);
	CHECK_INT(run_entries("store/containers"), container_too ? 0 : 1);
}

#endif
