/*
 * The unit test framework: one program per tested file, one header per program.
 *
 *	TEST(parse_refuses_dots) { CHECK_INT(digest_parse("..", &d, NULL), -EINVAL); }
 *
 * Every test runs in a child of its own, with a fresh temporary directory that is removed
 * afterwards and a time limit, so that a crash or a hang costs one test and its state cannot reach
 * the next.  A failed CHECK prints where and what and ends that test.  Exit status of the program:
 * 0 all passed, 1 something failed, 77 nothing failed and everything was skipped.
 * Arguments: names (or parts of them) of the tests to run.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "fd.h"
#include "path.h"

#define TEST_MAX 400
#define TEST_TIMEOUT_S 60
#define TEST_SKIPPED 77

struct test_case {
	const char *name;
	void (*run)(void);
};

static struct test_case test_cases[TEST_MAX];
static size_t test_count;
static char test_dir[PATH_MAX];

static inline void test_register(const char *name, void (*run)(void))
{
	if (test_count == TEST_MAX)
		abort();
	test_cases[test_count++] = (struct test_case){ name, run };
}

#define TEST(name)                                                                                \
	static void test_fn_##name(void);                                                         \
	__attribute__((constructor)) static void test_reg_##name(void)                            \
	{                                                                                         \
		test_register(#name, test_fn_##name);                                             \
	}                                                                                         \
	static void test_fn_##name(void)

static inline void __attribute__((format(printf, 3, 4), noreturn))
test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	_exit(1);
}

/* End this test as skipped, saying why. */
static inline void __attribute__((format(printf, 1, 2), noreturn)) test_skip(const char *fmt, ...)
{
	va_list ap;

	(void)printf("  skipped: ");
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	(void)fflush(stdout);
	_exit(TEST_SKIPPED);
}

#define CHECK(cond)                                                                               \
	do {                                                                                      \
		if (!(cond))                                                                      \
			test_fail(__FILE__, __LINE__, "not true: %s", #cond);                     \
	} while (0)

#define CHECK_MSG(cond, ...)                                                                      \
	do {                                                                                      \
		if (!(cond))                                                                      \
			test_fail(__FILE__, __LINE__, __VA_ARGS__);                               \
	} while (0)

/* Integers of any kind; pointers and bool too. */
#define CHECK_INT(got, want)                                                                      \
	do {                                                                                      \
		const intmax_t got_ = (intmax_t)(got), want_ = (intmax_t)(want);                  \
		if (got_ != want_)                                                                \
			test_fail(__FILE__, __LINE__, "%s is %jd, want %jd", #got, got_, want_);  \
	} while (0)

#define CHECK_UINT(got, want)                                                                     \
	do {                                                                                      \
		const uintmax_t got_ = (uintmax_t)(got), want_ = (uintmax_t)(want);               \
		if (got_ != want_)                                                                \
			test_fail(__FILE__, __LINE__, "%s is %ju, want %ju", #got, got_, want_);  \
	} while (0)

static inline bool test_streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Strings; NULL equals NULL only. */
#define CHECK_STR(got, want)                                                                      \
	do {                                                                                      \
		const char *got_ = (got), *want_ = (want);                                        \
		if (!test_streq(got_, want_))                                                     \
			test_fail(__FILE__, __LINE__, "%s is \"%s\", want \"%s\"", #got,          \
				  got_ ? got_ : "(null)", want_ ? want_ : "(null)");              \
	} while (0)

#define CHECK_CONTAINS(got, part)                                                                 \
	do {                                                                                      \
		const char *got_ = (got), *part_ = (part);                                        \
		if (!got_ || !strstr(got_, part_))                                                \
			test_fail(__FILE__, __LINE__, "%s is \"%s\", which lacks \"%s\"", #got,   \
				  got_ ? got_ : "(null)", part_);                                 \
	} while (0)

/* A call that reports through struct err succeeded (>= 0)... */
#define CHECK_OK(r, e)                                                                            \
	do {                                                                                      \
		const intmax_t r_ = (r);                                                          \
		if (r_ < 0)                                                                       \
			test_fail(__FILE__, __LINE__, "%s is %jd: %s", #r, r_, (e).text);         \
	} while (0)

/* ... or failed, with this kind and a message. */
#define CHECK_ERR(r, e, want_kind)                                                                \
	do {                                                                                      \
		const intmax_t r_ = (r);                                                          \
		if (r_ >= 0)                                                                      \
			test_fail(__FILE__, __LINE__, "%s succeeded, want an error (%s)", #r,     \
				  #want_kind);                                                    \
		if ((e).kind != (want_kind) || !(e).text[0])                                      \
			test_fail(__FILE__, __LINE__, "%s: error is %s \"%s\", want %s", #r,      \
				  err_kind_str((e).kind), (e).text, #want_kind);                  \
	} while (0)

/* The fresh directory of this test; removed when it ends.  It is the working directory too. */
static inline const char *test_tmpdir(void)
{
	return test_dir;
}

static inline void test_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	CHECK_MSG(f != NULL, "create %s: %s", path, strerror(errno));
	CHECK(fputs(text, f) >= 0);
	CHECK(fclose(f) == 0);
}

static inline void test_mkdir(const char *path)
{
	CHECK_MSG(mkdir(path, 0755) == 0, "mkdir %s: %s", path, strerror(errno));
}

static inline void test_symlink(const char *target, const char *path)
{
	CHECK_MSG(symlink(target, path) == 0, "symlink %s: %s", path, strerror(errno));
}

/* The descriptors of this process that are open: to show that a call leaves none behind. */
static inline int test_open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			n++;
	return n;
}

static inline int test_run_one(const struct test_case *t)
{
	const char *base = getenv("TMPDIR");
	int status = 0;
	pid_t pid;

	(void)snprintf(test_dir, sizeof(test_dir), "%s/ctr-test-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(test_dir)) {
		(void)fprintf(stderr, "make %s: %s\n", test_dir, strerror(errno));
		return 1;
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)alarm(TEST_TIMEOUT_S);
		(void)umask(022);
		if (chdir(test_dir) < 0)
			_exit(1);
		t->run();
		exit(0); /* not _exit: the leak checker reports here */
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (path_remove_tree(AT_FDCWD, test_dir) < 0) {
		(void)fprintf(stderr, "%s: its directory %s cannot be removed\n", t->name, test_dir);
		return 1;
	}
	if (WIFSIGNALED(status)) {
		(void)fprintf(stderr, "%s: killed by signal %d%s\n", t->name, WTERMSIG(status),
			      WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
		return 1;
	}
	return WEXITSTATUS(status);
}

static inline bool test_wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	size_t passed = 0, failed = 0, skipped = 0;

	for (size_t i = 0; i < test_count; i++) {
		int r;

		if (!test_wanted(test_cases[i].name, argc, argv))
			continue;
		r = test_run_one(&test_cases[i]);
		(void)printf("%s %s\n", r == 0 ? "ok  " : r == TEST_SKIPPED ? "skip" : "FAIL",
			     test_cases[i].name);
		passed += r == 0;
		skipped += r == TEST_SKIPPED;
		failed += r != 0 && r != TEST_SKIPPED;
	}
	(void)printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
	if (failed > 0 || passed + skipped == 0)
		return 1;
	return passed == 0 ? TEST_SKIPPED : 0;
}

#endif
