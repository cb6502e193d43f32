/* base/cgroup.c: on a cgroup2 where the host has a place for us in one, else on plain files. */
#include "cgroup.h"

#include <poll.h>
#include <sys/syscall.h>

#include "proc.h"
#include "test.h"

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static int open_here(void)
{
	int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_INT(fchdir(fd), 0);
	return fd;
}

TEST(keys_are_whole_words_at_the_start_of_a_line)
{
	static const char text[] = "low 1\noom 2\noom_kill 30\nbad x\nmaximum max\nhuge "
				   "18446744073709551615";
	uint64_t v = 7;

	CHECK_INT(cgroup_key(text, "oom_kill", &v), 0);
	CHECK_UINT(v, 30);
	CHECK_INT(cgroup_key(text, "oom", &v), 0);
	CHECK_UINT(v, 2);
	CHECK_INT(cgroup_key(text, "maximum", &v), 0);
	CHECK_UINT(v, CGROUP_NO_LIMIT);
	CHECK_INT(cgroup_key(text, "huge", &v), 0);
	CHECK_UINT(v, UINT64_MAX);
	v = 7;
	CHECK_INT(cgroup_key(text, "kill", &v), -ENODATA);
	CHECK_INT(cgroup_key(text, "bad", &v), -EBADMSG);
	CHECK_INT(cgroup_key("", "oom", &v), -ENODATA);
	CHECK_UINT(v, 7);
}

TEST(words_are_compared_whole)
{
	CHECK(cgroup_has_word("cpuset cpu io", "cpu"));
	CHECK(cgroup_has_word("cpuset cpu io", "io"));
	CHECK(!cgroup_has_word("cpuset io", "cpu"));
	CHECK(!cgroup_has_word("", "cpu"));
}

TEST(files_are_read_without_the_newline_and_refused_outside)
{
	int fd = open_here();
	char *text = NULL;
	uint64_t v;

	write_file("memory.max", "max\n");
	write_file("pids.max", "12\n");
	write_file("memory.events", "low 0\noom_kill 3\n");
	CHECK_INT(cgroup_read(fd, "memory.max", &text), 0);
	CHECK_STR(text, "max");
	free(text);
	CHECK_INT(cgroup_read_u64(fd, "memory.max", &v), 0);
	CHECK_UINT(v, CGROUP_NO_LIMIT);
	CHECK_INT(cgroup_read_u64(fd, "pids.max", &v), 0);
	CHECK_UINT(v, 12);
	CHECK_INT(cgroup_read_key(fd, "memory.events", "oom_kill", &v), 0);
	CHECK_UINT(v, 3);
	CHECK_INT(cgroup_read_u64(fd, "memory.events", &v), -EBADMSG);
	CHECK_INT(cgroup_read_u64(fd, "nothing", &v), -ENOENT);
	CHECK_INT(cgroup_read(fd, "../x", &text), -EINVAL);
	CHECK_INT(cgroup_write(fd, "..", "1"), -EINVAL);
	CHECK_INT(cgroup_write(fd, "sub/pids.max", "1"), -EINVAL);
	CHECK_INT(symlink("pids.max", "link"), 0);
	CHECK_INT(cgroup_write(fd, "link", "1"), -ELOOP);
	CHECK(!cgroup_is_v2(fd));
}

TEST(a_process_that_is_not_there_has_no_cgroup)
{
	char *path = NULL;

	CHECK_INT(cgroup_of_pid(INT32_MAX, &path), -ESRCH);
	CHECK(!path);
}

/* Controllers are enabled from the top down, never in the cgroup itself; plain files stand in for
 * the kernel's, which a host may not have. */
TEST(controllers_are_enabled_in_those_above)
{
	int fd = open_here();
	char *where = NULL, *text;

	CHECK_INT(mkdir("a", 0700), 0);
	CHECK_INT(mkdir("a/b", 0700), 0);
	write_file("cgroup.controllers", "cpu memory\n");
	write_file("cgroup.subtree_control", "memory\n");
	write_file("a/cgroup.controllers", "memory cpu\n");
	write_file("a/cgroup.subtree_control", "\n");
	write_file("a/b/cgroup.controllers", "memory\n");
	write_file("a/b/cgroup.subtree_control", "");
	CHECK_INT(cgroup_enable(fd, "/a/b", "memory", &where), 0);
	CHECK(!where);
	CHECK_INT(cgroup_read(fd, "cgroup.subtree_control", &text), 0);
	CHECK_STR(text, "memory");
	free(text);
	CHECK_INT(cgroup_open(fd, "/a") >= 0, 1);
	CHECK_INT(cgroup_read(cgroup_open(fd, "/a"), "cgroup.subtree_control", &text), 0);
	CHECK_STR(text, "+memory");
	free(text);
	CHECK_INT(cgroup_read(cgroup_open(fd, "a/b"), "cgroup.subtree_control", &text), 0);
	CHECK_STR(text, "");
	free(text);
	CHECK_INT(cgroup_enable(fd, "/a/b", "io", &where), -ENOENT);
	CHECK_STR(where, "/");
	free(where);
	where = NULL;
	write_file("cgroup.subtree_control", "cpu memory pids\n");
	CHECK_INT(cgroup_enable(fd, "/a/b", "pids", &where), -ENOENT);
	CHECK_STR(where, "/a");
	free(where);
	CHECK_INT(cgroup_enable(fd, "/", "io", NULL), 0); /* nothing is above */
	CHECK_INT(cgroup_open(fd, "/a/../../etc"), -EXDEV);
}

/*
 * With the kernel's own: a cgroup2 that we may write to.  As root a mount of our own of the same
 * hierarchy; the host's mounts stay as they are, and what is made is removed.
 */
static char base_path[128];

static int real_mount(void)
{
	static const char *const places[] = { CGROUP_MOUNT, CGROUP_MOUNT "/unified" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC), made;
		char *own = NULL;

		if (fd < 0 || !cgroup_is_v2(fd))
			continue;
		if (geteuid() != 0 && cgroup_of_pid(0, &own) < 0)
			continue;
		(void)snprintf(base_path, sizeof(base_path), "%s/test-cgroup-%d",
			       own && strlen(own) < 90 && own[1] ? own : "", (int)getpid());
		free(own);
		made = cgroup_make(fd, base_path, NULL);
		if (made >= 0) {
			(void)close(made);
			return fd;
		}
		(void)close(fd);
	}
	test_skip("no cgroup2 that we may make cgroups in");
}

static struct proc sleeper(int cgroup)
{
	struct proc p = PROC_INIT;
	int r = proc_fork(&p);

	if (r == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a check fails while it is frozen */
		for (;;)
			(void)pause();
	}
	CHECK_INT(r, 1);
	CHECK_INT(cgroup_add(cgroup, p.pid), 0);
	return p;
}

TEST(real_make_list_freeze_kill_remove)
{
	int mount = real_mount(), top = cgroup_open(mount, base_path), deep, status = 0;
	char path[200], *got = NULL;
	struct proc a, b;
	pid_t *pids;
	bool made = false;
	size_t n;

	CHECK(top >= 0);
	(void)snprintf(path, sizeof(path), "%s/x/y", base_path);
	deep = cgroup_make(mount, path, &made);
	CHECK(deep >= 0 && made);
	CHECK_INT(cgroup_make(mount, path, &made) >= 0, 1);
	CHECK(!made);
	CHECK_INT(cgroup_populated(top), 0);
	a = sleeper(top);
	b = sleeper(deep);
	CHECK_INT(cgroup_of_pid(b.pid, &got), 0);
	CHECK(strlen(got) >= strlen(path) && test_streq(got + strlen(got) - strlen(path), path));
	free(got);
	CHECK_INT(cgroup_populated(top), 1);
	CHECK_INT(cgroup_procs(top, false, &pids, &n), 0);
	CHECK(n == 1 && pids[0] == a.pid);
	free(pids);
	CHECK_INT(cgroup_procs(top, true, &pids, &n), 0);
	CHECK_UINT(n, 2);
	free(pids);
	CHECK_INT(cgroup_remove(mount, base_path, 50), -EBUSY);

	CHECK_INT(cgroup_frozen(top), 0);
	CHECK_INT(cgroup_freeze(top, true, 5000), 0);
	CHECK_INT(cgroup_frozen(top), 1);
	/* A signal does not thaw it. */
	CHECK_INT(cgroup_signal(top, SIGCONT), 0);
	CHECK_INT(cgroup_frozen(top), 1);
	CHECK_INT(cgroup_freeze(top, false, 5000), 0);
	CHECK_INT(cgroup_frozen(top), 0);
	CHECK_INT(cgroup_freeze(top, true, 5000), 0);

	/* Also what is frozen can be killed. */
	CHECK_INT(cgroup_kill(top), 0);
	CHECK_INT(cgroup_wait_empty(top, 5000), 0);
	CHECK_INT(proc_wait(&a, &status), 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_INT(proc_wait(&b, &status), 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_INT(cgroup_remove(mount, base_path, 5000), 0);
	CHECK_INT(cgroup_open(mount, base_path), -ENOENT);
	CHECK_INT(cgroup_remove(mount, base_path, 5000), 0); /* and that is no error */
}

TEST(real_signals_reach_all_below)
{
	int mount = real_mount(), top = cgroup_open(mount, base_path), status;
	struct proc p[8];
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/x", base_path);
	for (int i = 0; i < 8; i++)
		p[i] = sleeper(i % 2 ? cgroup_make(mount, path, NULL) : top);
	CHECK_INT(cgroup_signal(top, SIGTERM), 0);
	CHECK_INT(cgroup_frozen(top), 0);
	for (int i = 0; i < 8; i++) {
		CHECK_INT(proc_wait(&p[i], &status), 0);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	}
	CHECK_INT(cgroup_remove(mount, base_path, 5000), 0);
}

/* What a container may have made of its cgroup: deep and wide. */
TEST(real_remove_of_a_deep_tree)
{
	int mount = real_mount(), at = cgroup_open(mount, base_path);
	pid_t *pids;
	size_t n;

	for (int i = 0; i < 300; i++) {
		int next;

		CHECK_INT(mkdirat(at, "d", 0755), 0);
		CHECK_INT(mkdirat(at, "e", 0755), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CHECK(next >= 0);
		(void)close(at);
		at = next;
	}
	CHECK_INT(cgroup_procs(cgroup_open(mount, base_path), true, &pids, &n), -ELOOP);
	CHECK_INT(cgroup_remove(mount, base_path, 5000), 0);
	CHECK_INT(cgroup_open(mount, base_path), -ENOENT);
}

TEST(remove_refuses_the_mount_and_stays_below_it)
{
	int fd = open_here();

	CHECK_INT(mkdir("in", 0700), 0);
	CHECK_INT(mkdir("out", 0700), 0);
	fd = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(cgroup_remove(fd, "/", 0), -EINVAL);
	CHECK_INT(cgroup_remove(fd, "../out", 0), 0); /* means "/out", which is not there */
	CHECK_INT(access("out", F_OK), 0);
	CHECK_INT(cgroup_make(fd, "a/../../out/x", NULL), -EINVAL);
	CHECK_INT(access("out/x", F_OK), -1);
}
