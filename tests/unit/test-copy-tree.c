/* Copying a tree with everything its files have. */
#include <linux/securebits.h>
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

TEST(other_kinds_have_several_names_too)
{
	struct stat a, b;

	make_dirs();
	test_symlink("x", "src/l");
	CHECK(link("src/l", "src/m") == 0);
	CHECK(mkfifo("src/p", 0600) == 0 && link("src/p", "src/q") == 0);
	copy();
	CHECK(lstat("dst/l", &a) == 0 && lstat("dst/m", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(lstat("dst/p", &a) == 0 && lstat("dst/q", &b) == 0 && a.st_ino == b.st_ino);
}

TEST(threads_share_the_work)
{
	struct err e = ERR_INIT;
	struct stat a, b;
	char name[60], other[60];
	int fds;

	make_dirs();
	for (int d = 0; d < 30; d++) {
		(void)snprintf(name, sizeof(name), "src/d%d", d);
		test_mkdir(name);
		for (int i = 0; i < 40; i++) {
			(void)snprintf(name, sizeof(name), "src/d%d/f%d", d, i);
			if (d == 0)
				test_write(name, "shared");
			(void)snprintf(other, sizeof(other), "src/d0/f%d", i);
			CHECK(d == 0 || link(other, name) == 0);
			(void)snprintf(name, sizeof(name), "src/d%d/own%d", d, i);
			test_write(name, name);
		}
	}
	fds = test_open_fds();
	CHECK_OK(copy_tree_by_threads(src, dst, NULL, 4, &e), e);
	CHECK_INT(test_open_fds(), fds);
	for (int d = 0; d < 30; d++)
		for (int i = 0; i < 40; i++) {
			(void)snprintf(name, sizeof(name), "dst/d%d/f%d", d, i);
			(void)snprintf(other, sizeof(other), "dst/d0/f%d", i);
			CHECK(stat(name, &a) == 0 && stat(other, &b) == 0);
			CHECK(a.st_ino == b.st_ino && a.st_nlink == 30 && a.st_size == 6);
			(void)snprintf(name, sizeof(name), "dst/d%d/own%d", d, i);
			CHECK(stat(name, &a) == 0 && a.st_size > 10);
		}
	CHECK_ERR(copy_tree_by_threads(src, dst, NULL, 4, &e), e, ERR_EXISTS);
	CHECK_INT(dir_is_empty(dst), 1);
}

/* The id of ours, and what an id next to it is: users cannot give files away. */
static void own_shift(struct idmap *m, uint32_t uid, uint32_t gid)
{
	*m = (struct idmap){ .uid = { { uid, geteuid(), 1 } }, .n_uid = 1,
			     .gid = { { gid, getegid(), 1 } }, .n_gid = 1 };
}

TEST(a_layer_is_copied_whole)
{
	struct copy_opts o = { .layer = true };
	struct err e = ERR_INIT;
	struct stat st;
	bool whiteout;
	char v[8];

	make_dirs();
	umask(0);
	test_write("src/f", "x");
	CHECK(chmod("src/f", 06755) == 0);
	CHECK(mknod("src/sock", S_IFSOCK | 0640, 0) == 0);
	whiteout = mknod("src/gone", S_IFCHR, makedev(0, 0)) == 0;
	if (setxattr("src", "user.overlay.opaque", "y", 1, 0) < 0)
		test_skip("no user attributes here: %s", strerror(errno));
	CHECK_OK(copy_tree(src, dst, &o, &e), e);
	CHECK(lstat("dst/sock", &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0640);
	CHECK(stat("dst/f", &st) == 0 && (st.st_mode & 07777) == 06755);
	if (whiteout)
		CHECK(lstat("dst/gone", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0);
	CHECK_INT(getxattr("dst", "user.overlay.opaque", v, sizeof(v)), 1);
}

TEST(an_owner_that_is_not_mapped_is_named)
{
	struct err e = ERR_INIT;
	struct copy_opts o = { 0 };
	struct idmap m;
	char what[80];

	make_dirs();
	test_mkdir("src/d");
	test_write("src/d/f", "x");
	o.shift = &m;
	own_shift(&m, geteuid(), getegid());
	CHECK_OK(copy_tree(src, dst, &o, &e), e);
	CHECK(unlink("dst/d/f") == 0 && rmdir("dst/d") == 0);
	own_shift(&m, geteuid(), getegid() + 1);
	CHECK_ERR(copy_tree(src, dst, &o, &e), e, ERR_INVALID);
	(void)snprintf(what, sizeof(what), "gid %u of /", getegid());
	CHECK_CONTAINS(e.text, what);
	CHECK_INT(dir_is_empty(dst), 1);
}

TEST(ids_are_translated_everywhere)
{
	/* As setfattr(1) has them: an ACL for user 5 and group 6, and net_raw for any root. */
	static const uint8_t acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 7, 0, 5, 0, 0, 0,
		4, 0, 4, 0, 255, 255, 255, 255, 8, 0, 5, 0, 6, 0, 0, 0, 0x10, 0, 7, 0, 255, 255, 255, 255,
		0x20, 0, 4, 0, 255, 255, 255, 255 };
	static const uint8_t cap[] = { 1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const struct idmap m = { .uid = { { 0, 7000, 1000 } }, .n_uid = 1,
					.gid = { { 0, 9000, 1000 } }, .n_gid = 1 };
	const struct copy_opts o = { .layer = true, .shift = &m };
	struct err e = ERR_INIT;
	uint8_t v[64];
	struct stat st;

	if (geteuid() != 0)
		test_skip("changing owners needs root");
	CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0);
	make_dirs();
	umask(0);
	test_write("src/f", "x");
	test_mkdir("src/d");
	test_write("src/d/g", "x");
	test_symlink("f", "src/l");
	CHECK(mkfifo("src/p", 0644) == 0);
	CHECK(chown("src/f", 3, 4) == 0 && lchown("src/l", 1, 2) == 0 && chown("src/d", 8, 0) == 0 &&
	      chown("src/p", 11, 12) == 0);
	CHECK(chmod("src/f", 04754) == 0);
	if (setxattr("src/f", "system.posix_acl_access", acl, sizeof(acl), 0) < 0 ||
	    setxattr("src/p", "system.posix_acl_access", acl, sizeof(acl), 0) < 0 ||
	    setxattr("src/d", "system.posix_acl_default", acl, sizeof(acl), 0) < 0 ||
	    setxattr("src/d/g", "security.capability", cap, sizeof(cap), 0) < 0)
		test_skip("no ACLs or capabilities here: %s", strerror(errno));
	CHECK_OK(copy_tree(src, dst, &o, &e), e);
	CHECK(stat("dst/f", &st) == 0 && st.st_uid == 7003 && st.st_gid == 9004);
	CHECK_INT(st.st_mode & 07777, 04674); /* the ACL has changed it */
	CHECK(lstat("dst/l", &st) == 0 && st.st_uid == 7001 && st.st_gid == 9002);
	CHECK(stat("dst/d", &st) == 0 && st.st_uid == 7008 && st.st_gid == 9000);
	CHECK(stat("dst/p", &st) == 0 && st.st_uid == 7011 && st.st_gid == 9012);
	CHECK(stat("dst", &st) == 0 && st.st_uid == 7000);
	for (int i = 0; i < 3; i++) {
		static const char *const where[][2] = {
			{ "dst/f", "system.posix_acl_access" }, { "dst/p", "system.posix_acl_access" },
			{ "dst/d", "system.posix_acl_default" },
		};

		CHECK_INT(getxattr(where[i][0], where[i][1], v, sizeof(v)), sizeof(acl));
		CHECK_INT(v[16] | v[17] << 8, 7005);
		CHECK_INT(v[32] | v[33] << 8, 9006);
	}
	CHECK_INT(getxattr("dst/d/g", "security.capability", v, sizeof(v)), 24);
	CHECK(v[3] == 3 && (v[20] | v[21] << 8) == 7000 && v[5] == 0x20);
	/* The default ACL came last: what is in the directory has none of it. */
	CHECK(getxattr("dst/d/g", "system.posix_acl_access", v, sizeof(v)) < 0);
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
	char name[201];
	int fd;

	make_dirs();
	test_write("src/a-file", "x");
	fd = fd_dup(src);
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i <= PATH_MAX / 200; i++) {
		int next;

		CHECK(mkdirat(fd, name, 0700) == 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
