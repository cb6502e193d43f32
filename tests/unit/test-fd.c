/* Descriptors: ownership, whole transfers, limits. */
#include "test.h"

TEST(close_keeps_errno_and_takes_anything)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	errno = ENOTTY;
	CHECK_INT(fd_close(fd), FD_NONE);
	CHECK_INT(fd_close(FD_NONE), FD_NONE);
	CHECK_INT(fd_close(-1), FD_NONE);
	CHECK_INT(errno, ENOTTY);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
}

static int open_and_drop(void)
{
	auto_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static int open_and_take(void)
{
	auto_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return take_fd(&fd);
}

TEST(auto_close_closes_and_take_fd_hands_on)
{
	int fd = open_and_drop();

	CHECK_INT(fcntl(fd, F_GETFD), -1);
	fd = open_and_take();
	CHECK(fcntl(fd, F_GETFD) >= 0);
	(void)fd_close(fd);
}

TEST(take_ptr_empties_its_source)
{
	char *p = strdup("x"), *q = take_ptr(&p);

	CHECK(p == NULL);
	CHECK_STR(q, "x");
	free(q);
}

TEST(read_full_and_write_all_across_a_slow_pipe)
{
	char buf[300000], *back = malloc(sizeof(buf));
	int p[2], status;
	pid_t pid;

	CHECK(back != NULL);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 31);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)close(p[0]);
		_exit(fd_write_all(p[1], buf, sizeof(buf)) == 0 ? 0 : 1);
	}
	(void)close(p[1]);
	CHECK_INT(fd_read_full(p[0], back, sizeof(buf)), sizeof(buf));
	CHECK_INT(memcmp(buf, back, sizeof(buf)), 0);
	CHECK_INT(fd_read_full(p[0], back, 1), 0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	free(back);
}

TEST(write_all_reports_a_closed_reader)
{
	int p[2];

	(void)signal(SIGPIPE, SIG_IGN);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	(void)close(p[0]);
	CHECK_INT(fd_write_all(p[1], "x", 1), -EPIPE);
}

static int read_all(const char *text, size_t len, size_t max, char **ret, size_t *ret_len)
{
	auto_close int fd = open("f", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK_INT(fd_write_all(fd, text, len), 0);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	return fd_read_file(fd, max, ret, ret_len);
}

TEST(read_file_keeps_to_its_limit)
{
	char *buf = NULL;
	size_t len = 7;

	CHECK_INT(read_all("hello", 5, 5, &buf, &len), 0);
	CHECK_UINT(len, 5);
	CHECK_STR(buf, "hello");
	free(take_ptr(&buf));
	CHECK_INT(read_all("hello", 5, 4, &buf, &len), -EFBIG);
	CHECK(buf == NULL);
	CHECK_UINT(len, 5);
	CHECK_INT(read_all("", 0, 0, &buf, &len), 0);
	CHECK_STR(buf, "");
	free(take_ptr(&buf));
	CHECK_INT(read_all("a\0b", 3, 10, &buf, &len), 0);
	CHECK_UINT(len, 3);
	CHECK_INT(memcmp(buf, "a\0b", 4), 0);
	free(buf);
}

/* Files of /proc claim size 0, and pipes have none: the limit must hold without fstat's help. */
TEST(read_file_limits_what_has_no_size)
{
	auto_close int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	auto_close int proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	char *buf = NULL;
	size_t len;

	CHECK_INT(fd_read_file(zero, 100000, &buf, &len), -EFBIG);
	CHECK(buf == NULL);
	CHECK_INT(fd_read_file(proc, 1 << 20, &buf, NULL), 0);
	CHECK_CONTAINS(buf, "Pid:");
	free(buf);
}

TEST(dup_is_close_on_exec_and_above_stdio)
{
	auto_close int fd = fd_dup(0);

	CHECK(fd >= 3);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fd_dup(-1), -EBADF);
}

TEST(flags_are_set_and_cleared)
{
	auto_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK_INT(fd_set_cloexec(fd, false), 0);
	CHECK_INT(fcntl(fd, F_GETFD), 0);
	CHECK_INT(fd_set_cloexec(fd, true), 0);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fd_set_nonblock(fd, true), 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_INT(fd_set_nonblock(fd, false), 0);
	CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK_INT(fd_set_nonblock(-1, true), -EBADF);
}

static void check_copy(int in, size_t size, uint64_t max, int want)
{
	auto_close int out = open("out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;

	CHECK_INT(fd_copy(in, out, max), want);
	if (want == 0) {
		CHECK_INT(fstat(out, &st), 0);
		CHECK_UINT(st.st_size, size);
	}
}

TEST(copy_of_files_and_pipes_and_its_limit)
{
	auto_close int in = open("in", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char block[1000] = { 1 };
	int p[2];

	for (int i = 0; i < 200; i++)
		CHECK_INT(fd_write_all(in, block, sizeof(block)), 0);
	CHECK(lseek(in, 0, SEEK_SET) == 0);
	check_copy(in, 200000, 200000, 0);
	CHECK(lseek(in, 0, SEEK_SET) == 0);
	check_copy(in, 200000, 199999, -EFBIG);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK_INT(fd_write_all(p[1], block, sizeof(block)), 0);
	(void)close(p[1]);
	check_copy(p[0], 1000, 1000, 0);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK_INT(fd_write_all(p[1], block, sizeof(block)), 0);
	(void)close(p[1]);
	check_copy(p[0], 1000, 999, -EFBIG);
}

TEST(sanitize_std_fills_the_holes)
{
	(void)close(0);
	(void)close(2);
	CHECK_INT(fd_sanitize_std(), 0);
	CHECK_INT(fcntl(0, F_GETFD), 0);
	CHECK_INT(fcntl(2, F_GETFD), 0);
	CHECK(write(2, "x", 1) == 1);
}

TEST(reopen_is_another_description)
{
	auto_close int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	auto_close int again = FD_NONE;

	CHECK_INT(fd_write_all(fd, "abc", 3), 0);
	again = fd_reopen(fd, O_RDONLY);
	CHECK(again >= 0);
	CHECK_INT(lseek(again, 0, SEEK_CUR), 0);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 3);
	CHECK_INT(fd_write_all(again, "x", 1), -EBADF);
}
