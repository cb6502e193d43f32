/* Namespaces of the container: one below the stage's, and those of other processes. */
#include <sched.h>

#include "monitor-harness.h"
#include "userns.h"

/* A process in namespaces of its own. */
static void other_start(struct proc *ret, uint64_t *ret_start)
{
	static struct idmap m;
	struct err e = ERR_INIT;
	int r;

	m.uid[0] = (struct idmap_range){ 0, geteuid(), 1 };
	m.gid[0] = (struct idmap_range){ 0, getegid(), 1 };
	m.n_uid = m.n_gid = 1;
	r = userns_fork(&m, CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS, ret, &e);
	CHECK_MSG(r >= 0, "%s", e.text);
	if (r == 0)
		for (;;)
			(void)pause();
	CHECK_INT(proc_start_time(ret->pid, ret_start), 0);
}

static void other_stop(struct proc *p)
{
	(void)proc_signal(p, SIGKILL);
	(void)proc_wait(p, NULL);
	proc_done(p);
}

static void begin(struct run *r, const char *cmd, const char *prepare)
{
	run_setup(r, cmd);
	run_launch(r);
	run_prepare_with(r, prepare);
	run_run_msg(r, "attach=1\0rm=1\0");
}

/* Refused while the namespaces are prepared; @other ends meanwhile. */
static void check_refused(const char *prepare, struct proc *other, enum err_kind kind, const char *part)
{
	struct run r;

	run_setup(&r, "true");
	run_launch(&r);
	run_prepare_with(&r, prepare);
	run_until(&r, r.sock, MON_FAILED);
	CHECK_CONTAINS(r.err.text, part);
	CHECK_INT(r.err.kind, kind);
	if (other)
		other_stop(other);
	run_end(&r);
}

static char *link_of(pid_t pid, const char *ns)
{
	static char text[2][64];
	static int next;
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns);
	next = !next;
	n = readlink(path, text[next], sizeof(text[next]) - 1);
	CHECK(n > 0);
	text[next][n] = '\0';
	return text[next];
}

TEST(the_inner_user_namespace_is_at_its_place_and_nowhere_else)
{
	struct run r;
	char path[3 * PATH_MAX];
	struct stat here;

	begin(&r, "nsenter --preserve-credentials --user=ns/user cat /proc/self/uid_map 2>&1; sleep 0.2",
	      "inner-uidmap=5:0:1\0inner-gidmap=6:0:1\0");
	run_until(&r, r.sock, MON_STARTED);
	(void)snprintf(path, sizeof(path), "%s/ns/user", r.rundir);
	/* For the host it is an empty file. */
	CHECK(stat(path, &here) == 0 && S_ISREG(here.st_mode) && here.st_size == 0);
	run_until(&r, r.sock, MON_EXIT);
	CHECK_CONTAINS(r.out[0].data, "         5          0          1");
	run_end(&r);
	run_check_gone(true);
}

TEST(an_inner_map_that_cannot_be_is_reported)
{
	struct run r;

	if (geteuid() == 0)
		test_skip("root may map any id");
	begin(&r, "true", "inner-uidmap=0:70000:5\0inner-gidmap=0:0:1\0");
	run_until(&r, r.sock, MON_FAILED);
	CHECK_CONTAINS(r.err.text, "uid_map");
	run_end(&r);
	run_check_gone(true);
}

TEST(namespaces_of_a_process_are_shared)
{
	struct proc p = PROC_INIT;
	struct run r;
	char text[300];
	uint64_t start;
	int n;

	if (geteuid() == 0)
		test_skip("for an ordinary user");
	other_start(&p, &start);
	n = snprintf(text, sizeof(text), "join=net:%d:%llu%cjoin=uts:%d:%llu%cjoin=ipc:/proc/%d/ns/ipc%c", p.pid,
		     (unsigned long long)start, 0, p.pid, (unsigned long long)start, 0, p.pid, 0);
	text[n] = '\0';
	begin(&r, "exec sleep 60", text);
	run_until(&r, r.sock, MON_STARTED);
	CHECK_STR(link_of(r.started.pid, "net"), link_of(p.pid, "net"));
	CHECK_STR(link_of(r.started.pid, "uts"), link_of(p.pid, "uts"));
	CHECK_STR(link_of(r.started.pid, "ipc"), link_of(p.pid, "ipc"));
	/* They can be entered from that user namespace only. */
	CHECK_STR(link_of(r.started.pid, "user"), link_of(p.pid, "user"));
	CHECK(strcmp(link_of(r.started.pid, "mnt"), link_of(p.pid, "mnt")) != 0);
	(void)kill(r.started.pid, SIGKILL);
	run_until(&r, r.sock, MON_EXIT);
	other_stop(&p);
	run_end(&r);
	run_check_gone(true);
}

TEST(a_reused_number_is_not_joined)
{
	struct proc p = PROC_INIT;
	char text[100];
	uint64_t start;
	int n;

	other_start(&p, &start);
	n = snprintf(text, sizeof(text), "join=net:%d:%llu%c", p.pid, (unsigned long long)start + 1, 0);
	text[n] = '\0';
	check_refused(text, &p, ERR_BUSY, "not running");
}

TEST(a_dead_process_is_not_joined)
{
	struct proc p = PROC_INIT;
	char text[100];
	uint64_t start;
	int n;

	other_start(&p, &start);
	(void)proc_signal(&p, SIGKILL);
	CHECK_INT(proc_poll(&p, 10000), 1);
	n = snprintf(text, sizeof(text), "join=user:%d:%llu%c", p.pid, (unsigned long long)start, 0);
	text[n] = '\0';
	check_refused(text, &p, ERR_BUSY, "not running");
}

TEST(what_is_no_such_namespace_is_refused)
{
	check_refused("join=net:/proc/self/ns/uts\0", NULL, ERR_INVALID, "/proc/self/ns/uts is no net namespace");
	check_refused("join=net:/dev/null\0", NULL, ERR_INVALID, "/dev/null is no net namespace");
	check_refused("join=net:/nonexistent\0", NULL, ERR_NOT_FOUND, "/nonexistent");
	check_refused("join=mnt:/proc/self/ns/mnt\0", NULL, ERR_INVALID, "join=mnt");
	check_refused("join=net:12\0", NULL, ERR_INVALID, "join=net:12");
	check_refused("join=net:0:1\0", NULL, ERR_INVALID, "join=net:0:1");
}

TEST(namespaces_in_different_user_namespaces_do_not_go_together)
{
	struct proc p = PROC_INIT, q = PROC_INIT;
	struct run r;
	char text[200];
	uint64_t s1, s2;
	int n;

	if (geteuid() == 0)
		test_skip("root may enter them all");
	other_start(&p, &s1);
	other_start(&q, &s2);
	n = snprintf(text, sizeof(text), "join=net:%d:%llu%cjoin=uts:%d:%llu%c", p.pid, (unsigned long long)s1,
		     0, q.pid, (unsigned long long)s2, 0);
	text[n] = '\0';
	run_setup(&r, "true");
	run_launch(&r);
	run_prepare_with(&r, text);
	run_until(&r, r.sock, MON_FAILED);
	CHECK_CONTAINS(r.err.text, "different user namespaces");
	CHECK_INT(r.err.kind, ERR_UNSUPPORTED);
	other_stop(&p);
	other_stop(&q);
	run_end(&r);
}
