/* Directories without an entry take after those below, and a lying list leads nowhere. */
#include "store-fixture.h"

#include <sys/xattr.h>

#include "implicit.h"

static void layer(const char *name)
{
	char path[64];

	test_mkdir(name);
	(void)snprintf(path, sizeof(path), "%s/diff", name);
	test_mkdir(path);
}

static void list(const char *text, size_t len)
{
	int fd = open("top/implicit", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && fd_write_all(fd, text, len) == 0);
	(void)close(fd);
}

static int fix(struct err *e)
{
	auto_close int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct implicit_layer l[] = { { dir, "low" }, { dir, "mid" }, { dir, "top" } };

	return implicit_fix(l, 3, NULL, e);
}

static unsigned int mode_of(const char *path)
{
	struct stat st;

	CHECK_MSG(stat(path, &st) == 0, "stat %s: %s", path, strerror(errno));
	return st.st_mode & 07777;
}

TEST(the_topmost_below_counts)
{
	struct timespec t[2] = { { .tv_sec = 5 }, { .tv_sec = 77, .tv_nsec = 5 } };
	struct err e = ERR_INIT;
	struct stat st;
	char v[8] = "";

	layer("low");
	layer("mid");
	layer("top");
	test_mkdir("low/diff/a");
	test_mkdir("low/diff/a/b");
	test_mkdir("mid/diff/a");
	CHECK(chmod("low/diff/a", 0701) == 0 && chmod("low/diff/a/b", 0702) == 0);
	CHECK(chmod("mid/diff/a", 01703) == 0);
	if (setxattr("mid/diff/a", "user.kept", "x", 1, 0) < 0)
		test_skip("no extended attributes here");
	CHECK(setxattr("mid/diff/a", "user.overlay.origin", "x", 1, 0) == 0);
	CHECK(utimensat(AT_FDCWD, "mid/diff/a", t, 0) == 0);
	test_mkdir("top/diff/a");
	test_mkdir("top/diff/a/b");
	test_mkdir("top/diff/new");
	list("a\0a/b\0new", 10);
	CHECK_OK(fix(&e), e);
	CHECK_INT(mode_of("top/diff/a"), 01703);
	CHECK_INT(mode_of("top/diff/a/b"), 0702);
	CHECK_INT(mode_of("top/diff/new"), 0755);
	CHECK(stat("top/diff/a", &st) == 0 && st.st_mtim.tv_sec == 77 && st.st_mtim.tv_nsec == 5);
	CHECK_INT(getxattr("top/diff/a", "user.kept", v, sizeof(v)), 1);
	CHECK(getxattr("top/diff/a", "user.overlay.origin", v, sizeof(v)) < 0);
}

TEST(what_is_hidden_does_not_count)
{
	struct err e = ERR_INIT;

	layer("low");
	layer("mid");
	layer("top");
	for (int i = 0; i < 3; i++) {
		static const char *const d[] = { "low/diff/opq", "low/diff/file", "low/diff/link" };

		test_mkdir(d[i]);
		CHECK(chmod(d[i], 0700) == 0);
	}
	test_mkdir("low/diff/opq/sub");
	CHECK(chmod("low/diff/opq/sub", 0700) == 0);
	test_mkdir("mid/diff/opq");
	if (setxattr("mid/diff/opq", "user.overlay.opaque", "y", 1, 0) < 0)
		test_skip("no extended attributes here");
	test_write("mid/diff/file", "hides the directory");
	test_symlink("opq", "mid/diff/link");
	test_mkdir("top/diff/opq");
	test_mkdir("top/diff/opq/sub");
	test_mkdir("top/diff/file");
	test_mkdir("top/diff/link");
	list("opq/sub\0file\0link", 18);
	CHECK_OK(fix(&e), e);
	CHECK_INT(mode_of("top/diff/opq/sub"), 0755);
	CHECK_INT(mode_of("top/diff/file"), 0755);
	CHECK_INT(mode_of("top/diff/link"), 0755);
}

TEST(a_lying_list_leads_nowhere)
{
	struct err e = ERR_INIT;

	layer("low");
	layer("mid");
	layer("top");
	test_mkdir("canary");
	test_mkdir("low/canary");
	CHECK(chmod("low/canary", 0777) == 0 && chmod("canary", 0750) == 0 && chmod("top", 0750) == 0);
	test_symlink("../../canary", "top/diff/esc");
	test_mkdir("low/diff/esc");
	CHECK(chmod("low/diff/esc", 0777) == 0);
	list("..\0../..\0../../canary\0../canary\0esc\0/\0//\0.\0\0./..\0", 50);
	(void)fix(&e); /* what it says does not matter */
	CHECK_INT(mode_of("canary"), 0750);
	CHECK_INT(mode_of("top"), 0750);
	CHECK_INT(mode_of("."), 0700);
}
