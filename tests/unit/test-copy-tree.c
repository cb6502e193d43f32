/* Copying a tree with everything its files have. */
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "copy-tree.h"
#include "test.h"

static int src, dst;

static void make_dirs(void)
{
	test_mkdir("src");
	test_mkdir("dst");
	src = open("src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dst = open("dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(src >= 0 && dst >= 0);
}

static void copy(void)
{
	struct err e = ERR_INIT;
	int fds = test_open_fds();

	CHECK_OK(copy_tree(src, dst, NULL, &e), e);
	CHECK_INT(test_open_fds(), fds);
}

TEST(emptiness)
{
	make_dirs();
	CHECK_INT(dir_is_empty(src), 1);
	test_write("src/.hidden", "x");
	CHECK_INT(dir_is_empty(src), 0);
	CHECK(dir_is_empty(-1) < 0);
}

TEST(modes_times_and_content)
{
	const struct timespec t[2] = { { 1000000000, 123456789 }, { 999999999, 987654321 } };
	struct stat a, b;
	auto_free char *text = NULL;
	int fd;

	make_dirs();
	test_write("src/f", "content");
	CHECK(chmod("src/f", 04751) == 0);
	test_mkdir("src/d");
	test_write("src/d/g", "");
	CHECK(utimensat(AT_FDCWD, "src/f", t, 0) == 0);
	CHECK(chmod("src/d", 01700) == 0 && utimensat(AT_FDCWD, "src/d", t, 0) == 0);
	CHECK(chmod("src", 0711) == 0);
	copy();
	CHECK(stat("src/f", &a) == 0 && stat("dst/f", &b) == 0);
	CHECK_INT(b.st_mode, a.st_mode);
	CHECK_INT(b.st_mode & 07777, 04751);
	CHECK_INT(b.st_mtim.tv_sec, 999999999);
	CHECK_INT(b.st_mtim.tv_nsec, 987654321);
	CHECK(stat("dst/d", &b) == 0);
	CHECK_INT(b.st_mode & 07777, 01700);
	CHECK_INT(b.st_mtim.tv_nsec, 987654321);
	CHECK(stat("dst", &b) == 0);
	CHECK_INT(b.st_mode & 07777, 0711);
	fd = open("dst/f", O_RDONLY | O_CLOEXEC);
	CHECK_INT(fd_read_file(fd, 100, &text, NULL), 0);
	CHECK_STR(text, "content");
	(void)close(fd);
	CHECK_INT(access("dst/d/g", F_OK), 0);
}

TEST(owners)
{
	struct stat st;

	if (geteuid() != 0)
		test_skip("changing owners needs root");
	make_dirs();
	test_write("src/f", "");
	CHECK(chown("src/f", 12, 34) == 0 && chown("src", 56, 78) == 0);
	test_symlink("x", "src/l");
	CHECK(lchown("src/l", 9, 10) == 0);
	copy();
	CHECK(stat("dst/f", &st) == 0 && st.st_uid == 12 && st.st_gid == 34);
	CHECK(stat("dst", &st) == 0 && st.st_uid == 56 && st.st_gid == 78);
	CHECK(lstat("dst/l", &st) == 0 && st.st_uid == 9 && st.st_gid == 10);
}

TEST(hard_links_stay_together)
{
	struct stat a, b, c;
	char name[40];

	make_dirs();
	test_write("src/a", "x");
	test_mkdir("src/d");
	CHECK(link("src/a", "src/d/b") == 0 && link("src/a", "src/c") == 0);
	for (int i = 0; i < 200; i++) { /* more than the table starts with */
		(void)snprintf(name, sizeof(name), "src/h%d", i);
		test_write(name, "");
		{
			char other[40];

			(void)snprintf(other, sizeof(other), "src/d/h%d", i);
			CHECK(link(name, other) == 0);
		}
	}
	copy();
	CHECK(stat("dst/a", &a) == 0 && stat("dst/d/b", &b) == 0 && stat("dst/c", &c) == 0);
	CHECK(a.st_ino == b.st_ino && a.st_ino == c.st_ino);
	CHECK_INT(a.st_nlink, 3);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "dst/d/h%d", i);
		CHECK(stat(name, &a) == 0 && a.st_nlink == 2);
	}
}

TEST(links_are_copied_and_not_followed)
{
	char target[64] = "";

	make_dirs();
	test_write("canary", "safe");
	test_symlink("../../canary", "src/l");
	test_symlink("/etc", "src/dir");
	test_symlink("nowhere", "src/dangling");
	copy();
	CHECK(readlink("dst/l", target, sizeof(target) - 1) == 12);
	CHECK_STR(target, "../../canary");
	memset(target, 0, sizeof(target));
	CHECK(readlink("dst/dir", target, sizeof(target) - 1) == 4);
	CHECK_STR(target, "/etc");
	CHECK(readlink("dst/dangling", target, sizeof(target) - 1) == 7);
}

TEST(holes_stay_holes)
{
	struct stat st;
	char c;
	int fd;

	make_dirs();
	fd = open("src/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(ftruncate(fd, 1l << 40) == 0);
	CHECK(pwrite(fd, "a", 1, 1 << 20) == 1);
	CHECK(pwrite(fd, "z", 1, (1l << 40) - 1) == 1);
	(void)close(fd);
	copy();
	CHECK(stat("dst/sparse", &st) == 0);
	CHECK_INT(st.st_size, 1l << 40);
	CHECK(st.st_blocks < 4096);
	fd = open("dst/sparse", O_RDONLY | O_CLOEXEC);
	CHECK(pread(fd, &c, 1, 1 << 20) == 1 && c == 'a');
	CHECK(pread(fd, &c, 1, (1l << 40) - 1) == 1 && c == 'z');
	CHECK(pread(fd, &c, 1, 1 << 21) == 1 && c == 0);
	(void)close(fd);
}

TEST(attributes)
{
	char value[16] = "";

	make_dirs();
	test_write("src/f", "");
	if (setxattr("src/f", "user.color", "green", 5, 0) < 0)
		test_skip("no user attributes here: %s", strerror(errno));
	CHECK(setxattr("src/f", "user.overlay.opaque", "y", 1, 0) == 0);
	CHECK(setxattr("src", "user.top", "1", 1, 0) == 0);
	copy();
	CHECK(getxattr("dst/f", "user.color", value, sizeof(value)) == 5);
	CHECK(memcmp(value, "green", 5) == 0);
	CHECK(getxattr("dst/f", "user.overlay.opaque", value, sizeof(value)) < 0);
	CHECK(getxattr("dst", "user.top", value, sizeof(value)) == 1);
}

TEST(special_files)
{
	struct stat st;
	bool devices;

	make_dirs();
	CHECK(mkfifo("src/fifo", 0640) == 0);
	CHECK(mknod("src/sock", S_IFSOCK | 0600, 0) == 0);
	devices = mknod("src/null", S_IFCHR | 0666, makedev(1, 3)) == 0;
	copy();
	CHECK(stat("dst/fifo", &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0640);
	CHECK(lstat("dst/sock", &st) < 0);
	if (devices)
		CHECK(stat("dst/null", &st) == 0 && st.st_rdev == makedev(1, 3));
}

TEST(too_deep_is_a_named_limit_and_is_undone)
{
	struct err e = ERR_INIT;
	int fd;

	make_dirs();
	test_write("src/a-file", "x");
	fd = fd_dup(src);
	for (int i = 0; i < PATH_MAX / 2 + 5; i++) {
		int next;

		CHECK(mkdirat(fd, "d", 0700) == 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CHECK(next >= 0);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
	CHECK_ERR(copy_tree(src, dst, NULL, &e), e, ERR_LIMIT);
	CHECK_INT(dir_is_empty(dst), 1);
}

TEST(a_failure_is_undone)
{
	struct err e = ERR_INIT;

	if (geteuid() == 0)
		test_skip("root reads everything");
	make_dirs();
	test_write("src/a", "x");
	test_write("src/b", "x");
	CHECK(chmod("src/b", 0) == 0);
	CHECK_ERR(copy_tree(src, dst, NULL, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "b");
	CHECK_INT(dir_is_empty(dst), 1);
}
