/* The file list of a layer: whatever is done to the tree is told, by path. */
#include "test.h"

#include <sys/xattr.h>

#include "file-list.h"
#include "str.h"

static int root_fd, list_fd;
static uint64_t bytes;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	(void)close(fd);
}

static void keep_times(const char *path, const struct stat *st)
{
	struct timespec t[2] = { st->st_atim, st->st_mtim };

	CHECK(utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW) == 0);
}

static void make_tree(void)
{
	test_mkdir("t");
	test_mkdir("t/a");
	test_mkdir("t/a/deep");
	test_mkdir("t/a.dir");
	put("t/a/file", "content");
	put("t/a/deep/empty", "");
	put("t/z", "last");
	put("t/new\nline", "odd");
	CHECK(symlink("a/file", "t/link") == 0 && link("t/a/file", "t/hard") == 0);
	CHECK(mkfifo("t/fifo", 0600) == 0);
	root_fd = open("t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list_fd = open("list", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(root_fd >= 0 && list_fd >= 0);
}

static void write_list(void)
{
	struct err e = ERR_INIT;

	make_tree();
	CHECK_OK(file_list_write(root_fd, list_fd, NULL, true, &bytes, &e), e);
}

static int note(void *arg, const char *path, const char *what)
{
	strbuf_addf(arg, "%s: %s\n", path, what);
	return 0;
}

/* What the comparison says, the times of directories left out: those of the damage itself. */
static char *compare(bool quick)
{
	struct strbuf all = STRBUF_INIT, out = STRBUF_INIT;
	struct err e = ERR_INIT;
	char *save = NULL;

	CHECK(lseek(list_fd, 0, SEEK_SET) == 0);
	CHECK_OK(file_list_check(root_fd, list_fd, NULL, quick, note, &all, &e), e);
	strbuf_add(&all, "");
	for (char *l = strtok_r(all.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (!strstr(l, "last change"))
			strbuf_addf(&out, "%s\n", l);
	strbuf_done(&all);
	return strbuf_take(&out);
}

static void finds(const char *want)
{
	auto_free char *got = compare(false);

	CHECK_STR(got, want);
}

TEST(what_was_listed_is_there)
{
	char cwd[PATH_MAX], now[PATH_MAX];

	CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
	write_list();
	CHECK_UINT(bytes, 7 + 4 + 3); /* a hard link is no second file */
	finds("");
	CHECK(getcwd(now, sizeof(now)) != NULL);
	CHECK_STR(now, cwd);
}

TEST(content)
{
	struct stat st;

	write_list();
	CHECK(stat("t/z", &st) == 0);
	put("t/z", "lost");
	keep_times("t/z", &st);
	finds("z: the content has changed\n");
	auto_free char *quick = compare(true);
	CHECK_STR(quick, "");
}

TEST(size_and_time)
{
	struct err e = ERR_INIT;
	struct strbuf all = STRBUF_INIT;

	write_list();
	put("t/z", "longer");
	CHECK(lseek(list_fd, 0, SEEK_SET) == 0);
	CHECK_OK(file_list_check(root_fd, list_fd, NULL, true, note, &all, &e), e);
	CHECK_STR(all.data, "z: the size is 6, not 4\nz: the time of its last change is another\n");
	strbuf_done(&all);
}

TEST(missing_and_extra)
{
	write_list();
	CHECK(unlink("t/a/deep/empty") == 0 && rmdir("t/a/deep") == 0);
	CHECK(unlink("t/z") == 0);
	put("t/a.dir/more", "x");
	test_mkdir("t/b");
	put("t/b/inside", "x");
	put("t/~", "x");
	finds("a/deep: is missing\na.dir/more: is a file that does not belong to the layer\n"
	      "b: is a directory that does not belong to the layer\nz: is missing\n"
	      "~: is a file that does not belong to the layer\n");
}

TEST(mode_and_attributes)
{
	struct err e = ERR_INIT;

	make_tree();
	if (setxattr("t/z", "user.kept", "1", 1, 0) < 0)
		test_skip("no extended attributes here");
	CHECK_OK(file_list_write(root_fd, list_fd, NULL, true, &bytes, &e), e);
	CHECK(chmod("t/a", 01755) == 0 && chmod("t/new\nline", 04644) == 0);
	CHECK(setxattr("t/z", "user.kept", "2", 1, 0) == 0);
	CHECK(setxattr("t/a/deep", "user.overlay.opaque", "y", 1, 0) == 0);
	finds("a: the mode is 1755, not 0755\na/deep: the extended attributes have changed\n"
	      "new\nline: the mode is 4644, not 0644\nz: the extended attributes have changed\n");
}

TEST(types_and_links)
{
	struct stat st;

	write_list();
	CHECK(unlink("t/a/deep/empty") == 0 && rmdir("t/a/deep") == 0);
	put("t/a/deep", "a file now");
	CHECK(unlink("t/fifo") == 0 && unlink("t/link") == 0);
	test_mkdir("t/fifo");
	put("t/fifo/inside", "x");
	CHECK(symlink("elsewhere", "t/link") == 0);
	CHECK(stat("t/hard", &st) == 0 && unlink("t/hard") == 0);
	put("t/hard", "content");
	keep_times("t/hard", &st);
	finds("a/deep: is a file, not a directory\nfifo: is a directory, not a FIFO\n"
	      "hard: it is not a hard link to the same file any more\nlink: the link leads elsewhere\n");
}

/* A hole, or zeros where one was: the same file. */
TEST(holes)
{
	struct err e = ERR_INIT;
	int fd;

	make_tree();
	fd = open("t/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)1 << 38) == 0 && pwrite(fd, "x", 1, 1 << 20) == 1);
	CHECK_OK(file_list_write(root_fd, list_fd, NULL, true, &bytes, &e), e);
	finds("");
	CHECK(pwrite(fd, "\0\0", 2, 5 << 20) == 2);
	finds("");
	CHECK(pwrite(fd, "y", 1, 5 << 20) == 1);
	(void)close(fd);
	finds("sparse: the content has changed\n");
}

TEST(what_was_taken_while_writing)
{
	struct file_sums *s = file_sums_new();
	struct err e = ERR_INIT;
	struct stat st;

	make_tree();
	CHECK(s != NULL && stat("t/a/file", &st) == 0);
	file_sums_begin(s);
	file_sums_data(s, "cont", 4);
	file_sums_data(s, "ent", 3);
	file_sums_end(s, &st);
	CHECK(stat("t/z", &st) == 0);
	file_sums_begin(s);
	file_sums_data(s, "lie", 3);
	file_sums_end(s, &st);
	CHECK_OK(file_list_write(root_fd, list_fd, s, true, &bytes, &e), e);
	file_sums_free(s);
	finds("z: the content has changed\n");
}

TEST(refreshed_after_a_change_of_directories)
{
	int new_fd = open("list.new", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;

	write_list();
	CHECK(chmod("t/a/deep", 0700) == 0 && lseek(list_fd, 0, SEEK_SET) == 0);
	CHECK_OK(file_list_refresh(root_fd, list_fd, new_fd, &e), e);
	CHECK(dup3(new_fd, list_fd, O_CLOEXEC) == list_fd);
	finds("");
	put("t/z", "lost");
	finds("z: the content has changed\n");
	/* not of a tree that has other names */
	put("t/more", "");
	CHECK(lseek(list_fd, 0, SEEK_SET) == 0);
	CHECK(file_list_refresh(root_fd, list_fd, new_fd, &e) < 0);
}

TEST(a_damaged_list_is_told)
{
	static const char *const bad[] = {
		"", "x", "d 755 0 0 0 1.0 0 0 0 .", "d 755 0 0 0 1.0 0 0 0 ..\0", "d 999 0 0 0 1.0 0 0 0 .\0",
		"d 755 0 0 0 1 0 0 0 .\0", "d 755 -1 0 0 1.0 0 0 0 .\0", "d 755 0 0 0 1.0 0 0 0 a/b\0",
	};

	make_tree();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct strbuf all = STRBUF_INIT;
		struct err e = ERR_INIT;

		CHECK(ftruncate(list_fd, 0) == 0 && pwrite(list_fd, bad[i], strlen(bad[i]) + (i > 2), 0) >= 0);
		CHECK(lseek(list_fd, 0, SEEK_SET) == 0);
		CHECK_MSG(file_list_check(root_fd, list_fd, NULL, false, note, &all, &e) < 0, "accepted: %s", bad[i]);
		CHECK_INT(e.kind, ERR_CORRUPT);
		strbuf_done(&all);
	}
}
