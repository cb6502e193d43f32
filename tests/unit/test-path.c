/* Paths: what resolves inside hostile trees, and removal of what hostile images leave. */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "str.h"

/* root/ is the untrusted tree; canary is outside of it. */
static int hostile_root(void)
{
	int fd;

	test_write("canary", "safe");
	test_mkdir("root");
	test_mkdir("root/etc");
	test_write("root/etc/passwd", "root:x:0:0");
	test_symlink("../../../../../../../../../../etc", "root/up");
	test_symlink("/etc", "root/abs");
	test_symlink("../canary", "root/to-canary");
	test_symlink("loop-b", "root/loop-a");
	test_symlink("loop-a", "root/loop-b");
	test_symlink("nowhere", "root/dangling");
	test_symlink("/proc/self/root", "root/magic");
	fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void check_content(int fd, const char *want)
{
	auto_close int own = fd;
	char buf[100];
	ssize_t n;

	CHECK_MSG(own >= 0, "open: %s", strerror(-own));
	n = fd_read_full(own, buf, sizeof(buf) - 1);
	CHECK(n >= 0);
	buf[n] = '\0';
	CHECK_STR(buf, want);
}

TEST(links_resolve_inside_the_root)
{
	auto_close int root = hostile_root();

	check_content(path_open_in(root, "/etc/passwd", O_RDONLY), "root:x:0:0");
	check_content(path_open_in(root, "etc/passwd", O_RDONLY), "root:x:0:0");
	check_content(path_open_in(root, "/up/passwd", O_RDONLY), "root:x:0:0");
	check_content(path_open_in(root, "/abs/passwd", O_RDONLY), "root:x:0:0");
	check_content(path_open_in(root, "../../../etc/passwd", O_RDONLY), "root:x:0:0");
	CHECK_INT(path_open_in(root, "/to-canary", O_RDONLY), -ENOENT);
	CHECK_INT(path_open_in(root, "/../canary", O_RDONLY), -ENOENT);
	CHECK_INT(path_open_in(root, "/loop-a", O_RDONLY), -ELOOP);
	CHECK_INT(path_open_in(root, "/dangling", O_RDONLY), -ENOENT);
	CHECK_INT(path_open_in(root, "/magic", O_RDONLY), -ENOENT);
}

TEST(magic_links_are_not_followed)
{
	auto_close int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(path_open_in(slash, "/proc/self/root/etc", O_PATH), -ELOOP);
	CHECK_INT(path_open_in(slash, "/proc/self/exe", O_RDONLY), -ELOOP);
}

TEST(descriptors_are_close_on_exec)
{
	auto_close int root = hostile_root();
	auto_close int a = path_open_in(root, "etc", O_PATH);
	auto_close int b = path_create_in(root, "new", O_RDWR, 0600);
	auto_close int c = path_open_beneath(root, "etc", O_PATH);
	auto_close int d = path_create_beneath(root, "new2", O_RDWR, 0600);

	CHECK_INT(fcntl(a, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(b, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(c, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(d, F_GETFD), FD_CLOEXEC);
}

TEST(creation_stays_inside_and_exclusive_refuses_links)
{
	auto_close int root = hostile_root();
	struct stat st;

	CHECK_INT(path_create_in(root, "/to-canary", O_WRONLY | O_EXCL, 0600), -EEXIST);
	CHECK_INT(path_create_in(root, "/dangling", O_WRONLY | O_EXCL, 0600), -EEXIST);
	/* Without O_EXCL the link means what it means inside: root/canary. */
	(void)fd_close(path_create_in(root, "/to-canary", O_WRONLY | O_TRUNC, 0600));
	CHECK_INT(stat("root/canary", &st), 0);
	check_content(open("canary", O_RDONLY | O_CLOEXEC), "safe");
}

TEST(beneath_refuses_every_link_and_every_way_up)
{
	auto_close int root = hostile_root();

	check_content(path_open_beneath(root, "etc/passwd", O_RDONLY), "root:x:0:0");
	CHECK_INT(path_open_beneath(root, "abs/passwd", O_RDONLY), -ELOOP);
	CHECK_INT(path_open_beneath(root, "to-canary", O_RDONLY), -ELOOP);
	CHECK_INT(path_open_beneath(root, "../canary", O_RDONLY), -EXDEV);
	CHECK_INT(path_open_beneath(root, "etc/../../canary", O_RDONLY), -EXDEV);
	CHECK_INT(path_open_beneath(root, "/etc/passwd", O_RDONLY), -EXDEV);
	CHECK_INT(path_create_beneath(root, "dangling", O_WRONLY, 0600), -ELOOP);
	CHECK_INT(path_create_beneath(root, "../new", O_WRONLY, 0600), -EXDEV);
	CHECK_INT(access("new", F_OK), -1);
}

TEST(mkdirs_in_makes_the_way_inside_only)
{
	auto_close int root = hostile_root();
	auto_close int a = path_mkdirs_in(root, "/a/b/c", 0750);
	auto_close int b = path_mkdirs_in(root, "/up/d", 0755);
	auto_close int again = path_mkdirs_in(root, "/a/b/c", 0700);
	struct stat st;

	CHECK_MSG(a >= 0 && b >= 0 && again >= 0, "%d %d %d", a, b, again);
	CHECK_INT(stat("root/a/b/c", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0750);
	CHECK_INT(stat("root/etc/d", &st), 0);
	CHECK_INT(path_mkdirs_in(root, "/etc/passwd/x", 0755), -ENOTDIR);
	CHECK_INT(path_mkdirs_in(root, "/etc/passwd", 0755), -ENOTDIR);
	CHECK(path_mkdirs_in(root, "/dangling/x", 0755) < 0);
	CHECK(path_mkdirs_in(root, "/loop-a/x", 0755) < 0);
	CHECK_INT(access("nowhere", F_OK), -1);
}

TEST(mkdirs_makes_each_level)
{
	struct stat st;

	CHECK_INT(path_mkdirs("x/y/z", 0700), 0);
	CHECK_INT(path_mkdirs("x/y/z", 0700), 0);
	CHECK_INT(stat("x/y", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	test_write("file", "");
	CHECK(path_mkdirs("file/sub", 0700) < 0);
	CHECK_INT(path_mkdirs("", 0700), -EINVAL);
}

TEST(no_descriptor_is_left_behind)
{
	auto_close int root = hostile_root();
	int before = test_open_fds();

	(void)path_open_in(root, "/dangling", O_RDONLY);
	(void)fd_close(path_mkdirs_in(root, "/a/b/c/d/e", 0755));
	(void)path_mkdirs_in(root, "/dangling/x/y", 0755);
	(void)path_mkdirs_in(root, "/etc/passwd/y", 0755);
	CHECK_INT(path_remove_tree(root, "a"), 0);
	CHECK_INT(test_open_fds(), before);
}

TEST(remove_takes_links_not_targets)
{
	auto_close int root = hostile_root();
	auto_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	test_mkdir("outside");
	test_write("outside/file", "safe");
	test_symlink("../outside", "root/outside-link");
	CHECK_INT(path_remove_tree(root, "to-canary"), 0);
	CHECK_INT(path_remove_tree(root, "outside-link"), 0);
	CHECK_INT(path_remove_tree(here, "root"), 0);
	CHECK_INT(access("root", F_OK), -1);
	check_content(open("canary", O_RDONLY | O_CLOEXEC), "safe");
	check_content(open("outside/file", O_RDONLY | O_CLOEXEC), "safe");
}

TEST(remove_of_nothing_succeeds)
{
	CHECK_INT(path_remove_tree(AT_FDCWD, "absent"), 0);
}

TEST(remove_takes_every_kind_of_file)
{
	test_mkdir("t");
	CHECK_INT(mkfifo("t/fifo", 0600), 0);
	CHECK_INT(mknod("t/sock", S_IFSOCK | 0600, 0), 0);
	test_write("t/-rf", "");
	test_write("t/a\nb", "");
	CHECK_INT(path_remove_tree(AT_FDCWD, "t"), 0);
	CHECK_INT(access("t", F_OK), -1);
}

static void make_deep(const char *top, int levels, mode_t mode)
{
	auto_close int fd = FD_NONE;

	test_mkdir(top);
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < levels; i++) {
		int next;

		CHECK_INT(mkdirat(fd, "d", 0755), 0);
		(void)fd_close(openat(fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CHECK(next >= 0);
		CHECK_INT(fchmod(fd, mode), 0);
		(void)fd_close(fd);
		fd = next;
	}
}

TEST(remove_copes_with_any_depth)
{
	make_deep("deep", 5000, 0755);
	CHECK_INT(path_remove_tree(AT_FDCWD, "deep"), 0);
	CHECK_INT(access("deep", F_OK), -1);
}

/* Few descriptors: the depth of a tree must not decide how many are needed. */
TEST(remove_copes_with_depth_on_few_descriptors)
{
	struct rlimit few = { 90, 90 };

	make_deep("deep", 1000, 0755);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_INT(path_remove_tree(AT_FDCWD, "deep"), 0);
}

/* Root ignores modes, so these rows are meant for an ordinary user. */
static void become_ordinary(void)
{
	if (geteuid() != 0)
		return;
	CHECK_INT(chown(".", 65534, 65534), 0);
	CHECK_INT(setresgid(65534, 65534, 65534), 0);
	CHECK_INT(setresuid(65534, 65534, 65534), 0);
}

TEST(remove_makes_its_way_through_read_only_directories)
{
	become_ordinary();
	make_deep("ro", 10, 0555);
	CHECK_INT(path_remove_tree(AT_FDCWD, "ro"), 0);
	CHECK_INT(access("ro", F_OK), -1);
}

TEST(remove_makes_its_way_through_deep_read_only_directories)
{
	become_ordinary();
	make_deep("ro", 300, 0555);
	CHECK_INT(path_remove_tree(AT_FDCWD, "ro"), 0);
	CHECK_INT(access("ro", F_OK), -1);
}

TEST(remove_makes_its_way_through_mode_zero)
{
	become_ordinary();
	test_mkdir("w");
	test_mkdir("w/work");
	test_mkdir("w/work/inner");
	test_write("w/work/inner/f", "");
	CHECK_INT(chmod("w/work/inner", 0), 0);
	CHECK_INT(chmod("w/work", 0), 0);
	CHECK_INT(chmod("w", 0), 0);
	CHECK_INT(path_remove_tree(AT_FDCWD, "w"), 0);
	CHECK_INT(access("w", F_OK), -1);
}

static bool own_mount_namespace(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	if (uid != 0) {
		test_write("/proc/self/setgroups", "deny");
		(void)snprintf(map, sizeof(map), "0 %u 1", uid);
		test_write("/proc/self/uid_map", map);
		(void)snprintf(map, sizeof(map), "0 %u 1", gid);
		test_write("/proc/self/gid_map", map);
	}
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

TEST(remove_never_crosses_a_mount)
{
	if (!own_mount_namespace())
		test_skip("no mount namespace to be had: %s", strerror(errno));
	test_mkdir("t");
	test_mkdir("t/mnt");
	test_mkdir("keep");
	test_write("keep/file", "safe");
	CHECK_INT(mount("keep", "t/mnt", NULL, MS_BIND, NULL), 0);
	CHECK(path_remove_tree(AT_FDCWD, "t") < 0);
	check_content(open("keep/file", O_RDONLY | O_CLOEXEC), "safe");
	CHECK_INT(umount2("t/mnt", MNT_DETACH), 0);
	CHECK_INT(mount("none", "t/mnt", "tmpfs", 0, NULL), 0);
	test_write("t/mnt/file", "safe");
	CHECK_INT(path_remove_tree(AT_FDCWD, "t"), -EXDEV);
	check_content(open("t/mnt/file", O_RDONLY | O_CLOEXEC), "safe");
	CHECK_INT(umount2("t/mnt", MNT_DETACH), 0);
	CHECK_INT(path_remove_tree(AT_FDCWD, "t"), 0);
}

TEST(components)
{
	static const char *const good[] = { "a", "...", ".a", "a.", " ", "-", "a\nb" };
	static const char *const bad[] = { "", ".", "..", "/", "a/", "/a", "a/b" };
	char big[NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_MSG(path_is_component(good[i]), "\"%s\" refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(!path_is_component(bad[i]), "\"%s\" accepted", bad[i]);
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	CHECK(!path_is_component(big));
	big[NAME_MAX] = '\0';
	CHECK(path_is_component(big));
}

TEST(clean_abs)
{
	static const char *const rows[][2] = {
		{ "", "/" }, { "/", "/" }, { "//", "/" }, { "a", "/a" }, { "/a/", "/a" },
		{ "/a//b", "/a/b" }, { "/./a/.", "/a" }, { "..", "/" }, { "/../..", "/" },
		{ "/a/..", "/" }, { "/a/../b", "/b" }, { "/a/b/../../c", "/c" },
		{ "/a/../../b", "/b" }, { "...", "/..." }, { "/a/..b", "/a/..b" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_free char *got = path_clean_abs(rows[i][0]);

		CHECK_STR(got, rows[i][1]);
	}
}

TEST(join_and_base)
{
	static const char *const rows[][3] = {
		{ "a", "b", "a/b" }, { "a/", "/b", "a/b" }, { "/", "b", "/b" },
		{ "//", "b", "/b" }, { "/a", "", "/a/" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_free char *got = path_join(rows[i][0], rows[i][1]);

		CHECK_STR(got, rows[i][2]);
	}
	CHECK_STR(path_base("/a/b"), "b");
	CHECK_STR(path_base("b"), "b");
	CHECK_STR(path_base("/a/"), "");
}

TEST(find_program_ignores_relative_path_entries)
{
	auto_free char *sh = NULL, *own = NULL;

	test_write("sh", "#!/bin/true\n");
	test_write("only-here", "#!/bin/true\n");
	CHECK_INT(chmod("sh", 0755) | chmod("only-here", 0755), 0);
	CHECK_INT(setenv("PATH", ".::/bin", 1), 0);
	sh = path_find_program("sh");
	CHECK(sh && sh[0] == '/');
	CHECK(path_find_program("only-here") == NULL);
	CHECK_INT(errno, ENOENT);
	own = path_find_program("./only-here");
	CHECK_STR(own, "./only-here");
	CHECK(path_find_program("./absent") == NULL);
	CHECK(path_find_program("/etc/passwd") == NULL);
	CHECK(path_find_program("/etc") == NULL);
}

TEST(find_program_falls_back_without_path)
{
	auto_free char *sh = NULL;

	CHECK_INT(unsetenv("PATH"), 0);
	sh = path_find_program("sh");
	CHECK(sh && sh[0] == '/');
}
