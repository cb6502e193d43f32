/* Mount targets in a tree that belongs to an attacker. */
#include "test.h"

#include "rootfs.h"

/* A root below the test's directory, and a canary beside it. */
static int make_root(void)
{
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), root;

	CHECK(dir >= 0);
	CHECK_INT(mkdirat(dir, "root", 0755), 0);
	CHECK_INT(mkdirat(dir, "canary", 0755), 0);
	root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(root >= 0);
	return root;
}

static bool is_inside(int root, int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(root, path, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool canary_is_empty(void)
{
	char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/canary", test_tmpdir());
	return rmdir(path) == 0 && mkdir(path, 0755) == 0;
}

TEST(makes_what_is_missing)
{
	int root = make_root();
	auto_close int dir = rootfs_target(root, "/a/b/c", true);
	auto_close int file = rootfs_target(root, "a/x/file", false);
	struct stat st;

	CHECK(dir >= 0 && is_inside(root, dir, "a/b/c"));
	CHECK(file >= 0 && is_inside(root, file, "a/x/file"));
	CHECK(fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0);
}

TEST(links_mean_what_they_mean_inside)
{
	int root = make_root();
	char abs[PATH_MAX + 64];

	CHECK_INT(mkdirat(root, "etc", 0755), 0);
	CHECK_INT(mkdirat(root, "run", 0755), 0);
	CHECK_INT(symlinkat("../run/resolv", root, "etc/resolv.conf"), 0);
	(void)snprintf(abs, sizeof(abs), "%s/canary", test_tmpdir());
	CHECK_INT(symlinkat(abs, root, "abs"), 0);
	CHECK_INT(symlinkat("../../../../../../../../../..", root, "up"), 0);
	CHECK_INT(symlinkat("/", root, "slash"), 0);

	auto_close int dangling = rootfs_target(root, "/etc/resolv.conf", false);
	CHECK(dangling >= 0 && is_inside(root, dangling, "run/resolv"));
	/* An absolute link to the canary means that path inside, which is made there. */
	auto_close int outside = rootfs_target(root, "/abs/file", false);
	CHECK(outside >= 0);
	CHECK(canary_is_empty());
	auto_close int up = rootfs_target(root, "/up/new", true);
	CHECK(up >= 0 && is_inside(root, up, "new"));
	auto_close int slash = rootfs_target(root, "/slash/../../../new2/../new3", true);
	CHECK(slash >= 0 && is_inside(root, slash, "new3"));
	CHECK(canary_is_empty());
}

TEST(loops_and_long_names_end)
{
	int root = make_root();
	char name[NAME_MAX + 2], path[PATH_MAX + 10];

	CHECK_INT(symlinkat("loop/x", root, "loop"), 0);
	CHECK_INT(symlinkat("b", root, "a"), 0);
	CHECK_INT(symlinkat("a", root, "b"), 0);
	CHECK_INT(rootfs_target(root, "/loop/y", true), -ELOOP);
	CHECK_INT(rootfs_target(root, "/a", true), -ELOOP);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_INT(rootfs_target(root, name, true), -ENAMETOOLONG);
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CHECK_INT(rootfs_target(root, path, true), -ENAMETOOLONG);
}

TEST(files_and_fifos_in_the_way)
{
	int root = make_root();
	struct stat st;

	CHECK_INT(mkfifoat(root, "fifo", 0666), 0);
	CHECK_INT(mknodat(root, "file", S_IFREG | 0644, 0), 0);
	/* Found without being opened: it would block. */
	auto_close int fifo = rootfs_target(root, "/fifo", false);
	CHECK(fifo >= 0 && fstat(fifo, &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK_INT(rootfs_target(root, "/fifo/x", true), -ENOTDIR);
	CHECK_INT(rootfs_target(root, "/file/x", false), -ENOTDIR);
}

TEST(magic_links_are_not_followed)
{
	/* The host's /proc as a root: self/root and self/cwd would lead out of it. */
	auto_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(proc >= 0);
	CHECK_INT(rootfs_target(proc, "/self/root/etc", true), -ELOOP);
	CHECK_INT(rootfs_target(proc, "/self/cwd", true), -ELOOP);
}
