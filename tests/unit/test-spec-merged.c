/* Paths over unmounted layers: what overlay would show, and nothing outside. */
#include "test.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "merged.h"
#include "str.h"

static const char *const dirs[] = { "a", "b", "c" };

static void make_layers(void)
{
	for (size_t i = 0; i < 3; i++)
		test_mkdir(dirs[i]);
}

static void make_dirs(const char *path)
{
	CHECK_INT(path_mkdirs(path, 0755), 0);
}

static void whiteout(const char *path)
{
	if (mknod(path, S_IFCHR | 0600, makedev(0, 0)) < 0)
		test_skip("whiteouts cannot be made here: %s", strerror(errno));
}

static void opaque(const char *path)
{
	if (setxattr(path, "user.overlay.opaque", "y", 1, 0) < 0)
		test_skip("no user xattrs here: %s", strerror(errno));
}

/* The content of the file, or "<errno name>". */
static void expect(const char *path, const char *want)
{
	auto_merged struct merged m = MERGED_INIT;
	auto_free char *buf = NULL;
	size_t len = 0;
	int before = test_open_fds(), r;

	CHECK_INT(merged_init(&m, dirs, 3), 0);
	r = merged_read(&m, path, 1000, &buf, &len);
	if (*want == '-')
		CHECK_MSG(r < 0 && streq(strerrorname_np(-r), want + 1), "%s: %d (%s), want %s", path,
			  r, r < 0 ? strerrorname_np(-r) : buf, want);
	else
		CHECK_MSG(r == 0 && streq(buf, want), "%s: %s, want %s", path,
			  r < 0 ? strerrorname_np(-r) : buf, want);
	merged_done(&m);
	CHECK_INT(test_open_fds(), before);
}

TEST(topmost_wins)
{
	make_layers();
	test_write("a/f", "a");
	test_write("b/f", "b");
	test_write("c/g", "c");
	make_dirs("b/d");
	make_dirs("c/d");
	test_write("b/d/x", "bx");
	test_write("c/d/x", "cx");
	test_write("c/d/y", "cy");
	expect("/f", "a");
	expect("f", "a");
	expect("//g", "c");
	expect("/d/x", "bx");
	expect("/d/y", "cy");
	expect("/d/../d/./y", "cy");
	expect("/../../g", "c");
	expect("/absent", "-ENOENT");
	expect("/d/absent", "-ENOENT");
	expect("/f/x", "-ENOTDIR");
	expect("/d", "-EINVAL");
}

TEST(file_over_directory_and_back)
{
	make_layers();
	test_write("a/d", "file");
	make_dirs("b/d");
	test_write("b/d/x", "x");
	make_dirs("a/e");
	test_write("b/e", "file");
	make_dirs("c/e");
	test_write("c/e/x", "hidden");
	expect("/d", "file");
	expect("/d/x", "-ENOTDIR");
	/* b's file ends what a's directory merges with */
	expect("/e/x", "-ENOENT");
}

TEST(whiteouts_hide)
{
	make_layers();
	test_write("c/f", "c");
	make_dirs("c/d");
	test_write("c/d/x", "cx");
	make_dirs("a/d");
	whiteout("b/f");
	whiteout("b/d");
	expect("/f", "-ENOENT");
	expect("/d/x", "-ENOENT");
	test_write("a/d/x", "ax");
	expect("/d/x", "ax");
	test_write("a/f", "again");
	expect("/f", "again");
}

TEST(opaque_directories_hide)
{
	make_layers();
	make_dirs("a/d/e");
	make_dirs("c/d/e");
	test_write("c/d/e/x", "cx");
	test_write("c/d/y", "cy");
	expect("/d/e/x", "cx");
	opaque("a/d");
	expect("/d/e/x", "-ENOENT");
	expect("/d/y", "-ENOENT");
	test_write("c/z", "cz");
	expect("/z", "cz");
	opaque("b");
	expect("/z", "-ENOENT");
}

TEST(links_stay_inside)
{
	make_layers();
	make_dirs("c/etc");
	make_dirs("c/usr/lib");
	test_write("c/usr/lib/passwd", "inside");
	test_symlink("/usr/lib", "b/abs");
	test_symlink("usr/lib", "b/rel");
	make_dirs("a/etc");
	test_symlink("../abs/passwd", "a/etc/passwd");
	expect("/etc/passwd", "inside");
	expect("/abs/passwd", "inside");
	expect("/rel/passwd", "inside");
	expect("/rel/../lib/passwd", "inside");	/* ".." is of the target, as in the kernel */
	test_write("outside", "OUT");
	test_symlink("../../../../../../outside", "a/up");
	test_symlink("/etc/shadow", "a/host");
	test_symlink("/proc/self/root/etc/passwd", "a/magic");
	expect("/up", "-ENOENT");
	expect("/host", "-ENOENT");
	expect("/magic", "-ENOENT");
	test_symlink("loop", "a/loop");
	expect("/loop", "-ELOOP");
	expect("/loop/x", "-ELOOP");
}

/* A link below is hidden by a directory above, and the other way round. */
TEST(links_and_directories_across_layers)
{
	make_layers();
	make_dirs("a/etc");
	test_write("a/etc/f", "dir");
	test_symlink("/other", "b/etc");
	make_dirs("c/other");
	test_write("c/other/f", "other");
	test_write("c/other/g", "other");
	expect("/etc/f", "dir");
	expect("/etc/g", "-ENOENT");
	test_symlink("/other", "a/x");
	make_dirs("b/x");
	test_write("b/x/f", "hidden");
	expect("/x/f", "other");
}

TEST(link_chains_are_bounded)
{
	make_layers();
	test_write("a/l0", "end");
	for (int i = 1; i <= 41; i++) {
		char target[16], name[16];

		(void)snprintf(target, sizeof(target), "l%d", i - 1);
		(void)snprintf(name, sizeof(name), "a/l%d", i);
		test_symlink(target, name);
	}
	expect("/l40", "end");
	expect("/l41", "-ELOOP");
}

TEST(long_paths)
{
	auto_free char *path = malloc(5001);

	make_layers();
	CHECK(path != NULL);
	memset(path, 'x', 5000);
	path[5000] = '\0';
	expect(path, "-ENAMETOOLONG");
	for (int i = 0; i < 4000; i += 2)
		memcpy(path + i, "./", 2);
	path[4000] = '\0';
	expect(path, "-EINVAL");
}

TEST(never_opens_what_could_block)
{
	auto_merged struct merged m = MERGED_INIT;
	struct stat st = { 0 };
	int fd;

	make_layers();
	CHECK(mkfifo("a/fifo", 0644) == 0);
	expect("/fifo", "-EINVAL");
	CHECK_INT(merged_init(&m, dirs, 3), 0);
	fd = merged_open(&m, "/fifo", &st);
	CHECK(fd >= 0 && S_ISFIFO(st.st_mode));
	CHECK(close(fd) == 0);
}

TEST(limits)
{
	auto_merged struct merged m = MERGED_INIT, none = MERGED_INIT;
	auto_free char *buf = NULL;
	size_t len = 0;

	make_layers();
	test_write("a/f", "0123456789");
	CHECK_INT(merged_init(&m, dirs, 3), 0);
	CHECK_INT(merged_read(&m, "f", 9, &buf, &len), -EFBIG);
	CHECK_INT(merged_read(&m, "f", 10, &buf, &len), 0);
	CHECK_INT(len, 10);
	CHECK_INT(merged_init(&none, dirs, 0), -EINVAL);
}

TEST(many_layers)
{
	enum { N = 400 };
	static char names[N][16];
	static const char *many[N];
	auto_merged struct merged m = MERGED_INIT;
	auto_free char *buf = NULL;
	size_t len;

	for (int i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "l%d", i);
		test_mkdir(names[i]);
		many[i] = names[i];
	}
	test_mkdir("l0/etc");
	test_mkdir("l399/etc");
	test_write("l399/etc/passwd", "deep");
	CHECK_INT(merged_init(&m, many, N), 0);
	CHECK_INT(merged_read(&m, "/etc/passwd", 100, &buf, &len), 0);
	CHECK_STR(buf, "deep");
}

TEST(mounted_root)
{
	auto_merged struct merged m = MERGED_INIT;
	auto_free char *buf = NULL;
	size_t len;
	int fd;

	test_mkdir("root");
	test_mkdir("root/etc");
	test_write("root/etc/real", "in");
	test_symlink("/etc/real", "root/etc/passwd");
	test_symlink("/proc/self/exe", "root/etc/magic");
	fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	merged_init_root(&m, fd);
	CHECK_INT(merged_read(&m, "/etc/passwd", 100, &buf, &len), 0);
	CHECK_STR(buf, "in");
	CHECK_INT(merged_open(&m, "/etc/magic", NULL), -ENOENT);
	CHECK(close(fd) == 0);
}
