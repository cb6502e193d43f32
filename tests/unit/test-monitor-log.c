/* The container's log: records, partial lines, hostile output, rotation, failing disks. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "ctr-log.h"
#include "test.h"

static struct ctr_log open_or_die(uint64_t max)
{
	struct ctr_log l = CTR_LOG_INIT;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/ctr.log", test_tmpdir());
	CHECK_OK(ctr_log_open(&l, path, max, 1, &e), e);
	return l;
}

static char *read_log(void)
{
	int fd = open("ctr.log", O_RDONLY | O_CLOEXEC);
	char *text = NULL;

	CHECK(fd >= 0);
	CHECK_INT(fd_read_file(fd, 1u << 30, &text, NULL), 0);
	(void)close(fd);
	return text;
}

/* "stdout F text" of the @i-th record, without the time, whose form is checked. */
static const char *record(const char *log, size_t i)
{
	static const char form[] = "0000-00-00T00:00:00.000000000+00:00 ";
	static char line[70000];
	size_t n;

	while (i-- > 0) {
		log = strchr(log, '\n');
		CHECK_MSG(log, "too few records");
		log++;
	}
	for (n = 0; form[n]; n++)
		CHECK_MSG(form[n] == '0' ? log[n] >= '0' && log[n] <= '9' : log[n] == form[n],
			  "bad time in %.60s", log);
	log += n;
	n = strcspn(log, "\n");
	CHECK(n < sizeof(line));
	memcpy(line, log, n);
	line[n] = '\0';
	return line;
}

static size_t count_records(const char *log)
{
	size_t n = 0;

	for (; (log = strchr(log, '\n')); log++)
		n++;
	return n;
}

static void put(struct ctr_log *l, enum ctr_stream s, const char *text)
{
	ctr_log_write(l, s, text, strlen(text));
}

TEST(lines_are_records)
{
	struct ctr_log l = open_or_die(0);
	auto_free char *log = NULL;

	put(&l, CTR_STDOUT, "one\ntwo\n");
	put(&l, CTR_STDERR, "three\n\n");
	ctr_log_close(&l);
	log = read_log();
	CHECK_INT(count_records(log), 4);
	CHECK_STR(record(log, 0), "stdout F one");
	CHECK_STR(record(log, 1), "stdout F two");
	CHECK_STR(record(log, 2), "stderr F three");
	CHECK_STR(record(log, 3), "stderr F ");
}

TEST(pieces_are_marked_and_finished)
{
	struct ctr_log l = open_or_die(0);
	auto_free char *log = NULL;

	put(&l, CTR_STDOUT, "be");
	put(&l, CTR_STDERR, "between\n");
	put(&l, CTR_STDOUT, "gin");
	put(&l, CTR_STDOUT, "\nrest");
	ctr_log_end(&l, CTR_STDOUT);
	ctr_log_end(&l, CTR_STDERR);
	ctr_log_close(&l);
	log = read_log();
	CHECK_INT(count_records(log), 6);
	CHECK_STR(record(log, 0), "stdout P be");
	CHECK_STR(record(log, 1), "stderr F between");
	CHECK_STR(record(log, 2), "stdout P gin");
	CHECK_STR(record(log, 3), "stdout F ");
	CHECK_STR(record(log, 4), "stdout P rest");
	CHECK_STR(record(log, 5), "stdout F ");
}

TEST(output_cannot_forge_a_record)
{
	static const char evil[] = "\0nul\x1b[2J\r2020-01-01T00:00:00.000000000+00:00 stderr F fake\n";
	struct ctr_log l = open_or_die(0);
	int fd;
	char buf[200];
	ssize_t n;

	ctr_log_write(&l, CTR_STDOUT, evil, sizeof(evil) - 1);
	ctr_log_close(&l);
	fd = open("ctr.log", O_RDONLY | O_CLOEXEC);
	n = read(fd, buf, sizeof(buf));
	(void)close(fd);
	CHECK_INT(n, 45 + (ssize_t)sizeof(evil) - 1);
	CHECK(memcmp(buf + 36, "stdout F ", 9) == 0);
	CHECK(memcmp(buf + 45, evil, sizeof(evil) - 1) == 0);
	/* One record: the only newline is its end. */
	CHECK(memchr(buf, '\n', (size_t)n) == buf + n - 1);
}

TEST(many_lines_of_one_chunk)
{
	struct ctr_log l = open_or_die(0);
	auto_free char *log = NULL;
	static char chunk[65536];

	for (size_t i = 0; i < sizeof(chunk); i++)
		chunk[i] = i % 2 ? '\n' : 'y';
	ctr_log_write(&l, CTR_STDOUT, chunk, sizeof(chunk));
	memset(chunk, 'z', sizeof(chunk));
	ctr_log_write(&l, CTR_STDOUT, chunk, sizeof(chunk));
	ctr_log_close(&l);
	log = read_log();
	CHECK_INT(count_records(log), 32769);
	CHECK_STR(record(log, 32767), "stdout F y");
	CHECK_INT(strlen(record(log, 32768)), 9 + sizeof(chunk));
}

TEST(starting_again_appends)
{
	struct ctr_log l = open_or_die(0);
	auto_free char *log = NULL;

	put(&l, CTR_STDOUT, "first\n");
	ctr_log_close(&l);
	l = open_or_die(0);
	put(&l, CTR_STDOUT, "second\n");
	ctr_log_close(&l);
	log = read_log();
	CHECK_STR(record(log, 0), "stdout F first");
	CHECK_STR(record(log, 1), "stdout F second");
}

TEST(rotation_starts_a_new_file)
{
	struct ctr_log l = open_or_die(500);
	auto_free char *log = NULL;
	struct stat before, after;

	CHECK(stat("ctr.log", &before) == 0);
	for (int i = 0; i < 100; i++) {
		char line[20];

		(void)snprintf(line, sizeof(line), "line %d\n", i);
		put(&l, CTR_STDOUT, line);
		CHECK(stat("ctr.log", &after) == 0 && after.st_size <= 500);
	}
	ctr_log_close(&l);
	CHECK(before.st_ino != after.st_ino);
	CHECK(access("ctr.log.tmp", F_OK) < 0);
	log = read_log();
	CHECK_STR(record(log, count_records(log) - 1), "stdout F line 99");
	CHECK_INT(l.lost_bytes, 0);
}

TEST(what_is_no_regular_file_is_refused)
{
	struct ctr_log l = CTR_LOG_INIT;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 16];
	int fds = test_open_fds();

	(void)snprintf(path, sizeof(path), "%s/x", test_tmpdir());
	CHECK(mkfifo(path, 0600) == 0);
	CHECK(ctr_log_open(&l, path, 0, 1, &e) < 0); /* ENXIO: nobody reads it */
	(void)unlink(path);
	test_symlink("/etc/hostname", path);
	CHECK(ctr_log_open(&l, path, 0, 1, &e) < 0);
	(void)unlink(path);
	test_mkdir(path);
	CHECK(ctr_log_open(&l, path, 0, 1, &e) < 0);
	CHECK_ERR(ctr_log_open(&l, "/nonexistent/dir/log", 0, 1, &e), e, ERR_NOT_FOUND);
	CHECK_INT(test_open_fds(), fds);
}

/* A limit on file size fails in the middle of a record, like a disk that fills. */
TEST(a_full_disk_loses_whole_records_and_says_so)
{
	struct ctr_log l = open_or_die(0);
	const struct rlimit small = { 200, RLIM_INFINITY }, large = { RLIM_INFINITY, RLIM_INFINITY };
	auto_free char *log = NULL;
	const char *note;
	struct stat st;

	(void)signal(SIGXFSZ, SIG_IGN);
	put(&l, CTR_STDOUT, "fits\n");
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	put(&l, CTR_STDOUT, "this line goes beyond the limit: it is more than two hundred bytes long, or "
	    "would be, were it not cut: lorem ipsum dolor sit amet, consectetur adipiscing elit\n");
	CHECK(fstat(l.fd, &st) == 0);
	CHECK_INT(st.st_size, 45 + 5); /* nothing torn is left */
	CHECK(setrlimit(RLIMIT_FSIZE, &large) == 0);
	put(&l, CTR_STDOUT, "again\n");
	CHECK(l.lost_bytes > 100 && l.unsaid_bytes == 0);
	ctr_log_close(&l);
	log = read_log();
	CHECK_INT(count_records(log), 3);
	CHECK_STR(record(log, 0), "stdout F fits");
	note = record(log, 1);
	CHECK_CONTAINS(note, "stderr F ctr-lite: 15");
	CHECK_CONTAINS(note, " bytes of output were not logged: ");
	CHECK_STR(record(log, 2), "stdout F again");
}

TEST(a_really_full_file_system)
{
	struct ctr_log l;
	auto_free char *log = NULL, *block = NULL;
	size_t n;
	int fd;

	if (geteuid() != 0)
		test_skip("mounting a small tmpfs needs root");
	test_mkdir("small");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "small", "tmpfs", 0, "size=64k") < 0)
		test_skip("cannot mount a small tmpfs");
	CHECK(chdir("small") == 0);
	{
		struct err e = ERR_INIT;
		char path[PATH_MAX + 24];

		l = (struct ctr_log)CTR_LOG_INIT;
		(void)snprintf(path, sizeof(path), "%s/small/ctr.log", test_tmpdir());
		CHECK_OK(ctr_log_open(&l, path, 0, 1, &e), e);
	}
	fd = open("filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	block = calloc(1, 4096);
	put(&l, CTR_STDOUT, "start\n");
	for (n = 0; write(fd, block, 4096) > 0; n++)
		;
	for (int i = 0; i < 200; i++)
		put(&l, CTR_STDOUT, "this is said while the disk is full, again and again and again\n");
	CHECK(l.lost_bytes > 0);
	(void)close(fd);
	(void)unlink("filler");
	put(&l, CTR_STDERR, "better\n");
	ctr_log_close(&l);
	log = read_log();
	n = count_records(log);
	CHECK_STR(record(log, n - 1), "stderr F better");
	CHECK_CONTAINS(record(log, n - 2), "No space left on device");
	for (size_t i = 0; i < n; i++)
		(void)record(log, i);
	(void)chdir(test_tmpdir());
	(void)umount2("small", MNT_DETACH);
}

TEST(a_truncated_log_goes_on)
{
	struct ctr_log l = open_or_die(0);
	auto_free char *log = NULL;

	put(&l, CTR_STDOUT, "one\n");
	CHECK(truncate("ctr.log", 0) == 0); /* logrotate's copytruncate */
	put(&l, CTR_STDOUT, "two\n");
	ctr_log_close(&l);
	log = read_log();
	CHECK_INT(count_records(log), 1);
	CHECK_STR(record(log, 0), "stdout F two");
}

TEST(another_run_does_not_continue_a_line)
{
	struct ctr_log l = open_or_die(0);
	auto_free char *log = NULL;
	int fd;

	put(&l, CTR_STDERR, "no newline");
	ctr_log_note_loss(&l);
	ctr_log_close(&l);
	l = open_or_die(0);
	put(&l, CTR_STDERR, "next\n");
	ctr_log_close(&l);
	/* A monitor that was killed, or a full disk, may leave less than a record. */
	fd = open("ctr.log", O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(write(fd, "2026-01-0", 9) == 9);
	(void)close(fd);
	l = open_or_die(0);
	put(&l, CTR_STDOUT, "last\n");
	ctr_log_close(&l);
	log = read_log();
	CHECK_INT(count_records(log), 5);
	CHECK_STR(record(log, 0), "stderr P no newline");
	CHECK_STR(record(log, 1), "stderr F ");
	CHECK_STR(record(log, 2), "stderr F next");
	CHECK_STR(record(log, 4), "stdout F last");
}

TEST(rotation_keeps_so_many_files)
{
	struct ctr_log l = CTR_LOG_INIT;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 16];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/ctr.log", test_tmpdir());
	CHECK_OK(ctr_log_open(&l, path, 500, 3, &e), e);
	for (int i = 0; i < 100; i++) {
		char line[20];

		(void)snprintf(line, sizeof(line), "line %d\n", i);
		put(&l, CTR_STDOUT, line);
	}
	CHECK(stat("ctr.log", &st) == 0 && st.st_size <= 500);
	CHECK(stat("ctr.log.1", &st) == 0 && st.st_size <= 500 && st.st_size > 400);
	CHECK(stat("ctr.log.2", &st) == 0 && st.st_size <= 500 && st.st_size > 400);
	CHECK(access("ctr.log.3", F_OK) < 0 && access("ctr.log.tmp", F_OK) < 0);
	/* One chunk of many lines is divided, too. */
	{
		static char chunk[65536];

		for (size_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = i % 16 == 15 ? '\n' : 'y';
		ctr_log_write(&l, CTR_STDOUT, chunk, sizeof(chunk));
		for (int i = 0; i < 3; i++) {
			char name[16];

			(void)snprintf(name, sizeof(name), i ? "ctr.log.%d" : "ctr.log", i);
			CHECK(stat(name, &st) == 0 && st.st_size <= 500);
		}
	}
	CHECK_INT(l.lost_bytes, 0);
	ctr_log_close(&l);
}
