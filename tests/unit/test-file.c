/* State files: replacement is all or nothing; locks say who lives. */
#include "test.h"

#include <dirent.h>

#include "file.h"

static int here(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static int count_entries(void)
{
	auto_dir DIR *d = opendir(".");
	int n = 0;

	while (readdir(d))
		n++;
	return n - 2;
}

TEST(replace_makes_and_replaces)
{
	auto_close int dir = here();
	struct stat st;
	char *buf = NULL;
	size_t len;

	CHECK_INT(file_replace(dir, "state", "one", 3, 0600, FILE_SYNC_FULL), 0);
	CHECK_INT(file_replace(dir, "state", "two!", 4, 0640, FILE_SYNC_NONE), 0);
	CHECK_INT(file_read(dir, "state", 100, &buf, &len), 0);
	CHECK_STR(buf, "two!");
	CHECK_UINT(len, 4);
	CHECK_INT(stat("state", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0640);
	CHECK_INT(count_entries(), 1);
	free(buf);
}

TEST(replace_ignores_the_umask_and_replaces_links_not_targets)
{
	auto_close int dir = here();
	struct stat st;
	char *buf = NULL;

	(void)umask(077);
	test_write("target", "precious");
	test_symlink("target", "state");
	CHECK_INT(file_replace(dir, "state", "new", 3, 0644, FILE_SYNC_NONE), 0);
	CHECK_INT(lstat("state", &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0644);
	CHECK_INT(file_read(dir, "target", 100, &buf, NULL), 0);
	CHECK_STR(buf, "precious");
	free(buf);
}

TEST(failed_replace_leaves_the_old_and_no_litter)
{
	auto_close int dir = here();
	char *buf = NULL;

	test_mkdir("state"); /* a directory cannot be renamed over by a file */
	test_write("state/x", "kept");
	CHECK_INT(file_replace(dir, "state", "new", 3, 0600, FILE_SYNC_FULL), -EISDIR);
	CHECK_INT(file_read(dir, "state/x", 100, &buf, NULL), 0);
	CHECK_STR(buf, "kept");
	CHECK_INT(count_entries(), 1);
	free(buf);
}

TEST(replace_refuses_names_that_are_paths)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/a", "../x" };
	auto_close int dir = here();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(file_replace(dir, bad[i], "x", 1, 0600, FILE_SYNC_NONE), -EINVAL);
	CHECK_INT(count_entries(), 0);
}

TEST(read_refuses_links_and_more_than_its_limit)
{
	auto_close int dir = here();
	char *buf = NULL;

	test_write("real", "12345");
	test_symlink("real", "link");
	CHECK_INT(file_read(dir, "link", 100, &buf, NULL), -ELOOP);
	CHECK_INT(file_read(dir, "real", 4, &buf, NULL), -EFBIG);
	CHECK_INT(file_read(dir, "absent", 4, &buf, NULL), -ENOENT);
	CHECK_INT(file_read(dir, "../real", 4, &buf, NULL), -EXDEV);
	CHECK(buf == NULL);
	CHECK_INT(file_read_path("link", 100, &buf, NULL), 0);
	CHECK_STR(buf, "12345");
	free(buf);
}

TEST(read_of_a_fifo_does_not_block)
{
	auto_close int dir = here();
	char *buf = NULL;

	CHECK_INT(mkfifo("fifo", 0600), 0);
	(void)alarm(5);
	CHECK_INT(file_read(dir, "fifo", 100, &buf, NULL), 0); /* no writer: end of file at once */
	free(buf);
}

TEST(exclusive_lock_excludes_and_shared_shares)
{
	auto_close int a = open("l", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	auto_close int b = open("l", O_RDWR | O_CLOEXEC);

	CHECK_INT(file_lock(a, true, true), 0);
	CHECK_INT(file_lock(b, true, false), -EWOULDBLOCK);
	CHECK_INT(file_lock(b, false, false), -EWOULDBLOCK);
	CHECK_INT(file_lock(a, false, true), 0);
	CHECK_INT(file_lock(b, false, false), 0);
}

TEST(ofd_lock_shows_life_and_vanishes_with_its_holder)
{
	auto_close int mine = open("l", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int p[2], status;
	pid_t pid;
	char c;

	CHECK_INT(file_ofd_held(mine), 0);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		int theirs = open("l", O_RDWR | O_CLOEXEC);

		_exit(file_ofd_lock(theirs, true) == 0 && write(p[1], "x", 1) == 1 ? pause() : 1);
	}
	CHECK_INT(read(p[0], &c, 1), 1);
	CHECK_INT(file_ofd_held(mine), 1);
	CHECK_INT(file_ofd_lock(mine, false), -EWOULDBLOCK);
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(file_ofd_held(mine), 0);
	CHECK_INT(file_ofd_lock(mine, false), 0);
	CHECK_INT(file_ofd_held(mine), 0); /* our own lock is not "someone else" */
}
