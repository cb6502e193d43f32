/* Archives as files: what is copied, what is decompressed, and where it ends. */
#include "test.h"

#include <sys/mman.h>

#include "compress.h"
#include "proc.h"
#include "spool.h"
#include "str.h"

/* Our own id only: works for everybody who may make a user namespace at all. */
static const struct idmap *own_map(void)
{
	static struct idmap m;
	struct err e = ERR_INIT;
	struct proc p;
	int r;

	m.uid[0] = (struct idmap_range){ 0, geteuid(), 1 };
	m.gid[0] = (struct idmap_range){ 0, getegid(), 1 };
	m.n_uid = m.n_gid = 1;
	r = userns_fork(&m, 0, &p, &e);
	if (r == 0)
		_exit(0);
	if (r < 0)
		test_skip("no user namespaces here: %s", e.text);
	(void)proc_wait(&p, NULL);
	proc_done(&p);
	return &m;
}

static int sink(void *arg, const void *data, size_t len, struct err *e)
{
	(void)e;
	strbuf_addn(arg, data, len);
	return 0;
}

static void compress(const char *text, size_t len, struct strbuf *ret)
{
	struct err e = ERR_INIT;
	struct compressor *g = NULL;

	CHECK_OK(compressor_new(COMPRESSION_GZIP, -1, sink, ret, &g, &e), e);
	CHECK_OK(compressor_add(g, text, len, &e), e);
	CHECK_OK(compressor_end(g, &e), e);
	compressor_free(g);
	CHECK(!ret->failed);
}

static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	CHECK(fd >= 0 && fd_write_all(fd, data, len) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* A pipe that another process fills. */
static int pipe_of(const void *data, size_t len)
{
	int fds[2], r;
	struct proc p;

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	r = proc_fork(&p);
	CHECK(r >= 0);
	if (r == 0) {
		(void)close(fds[0]);
		(void)fd_write_all(fds[1], data, len);
		_exit(0);
	}
	proc_done(&p);
	(void)close(fds[1]);
	return fds[0];
}

static int spool(int in, const struct unpack_limits *lim, int *ret, struct err *e)
{
	auto_close int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct spool_opts o = { .dir_fd = dir, .idmap = own_map(), .lim = lim };

	(void)signal(SIGPIPE, SIG_IGN);
	return spool_open(in, &o, ret, e);
}

static void check_same(int fd, const char *want, size_t len)
{
	auto_free char *buf = malloc(len + 1);

	CHECK_INT(pread(fd, buf, len + 1, 0), len);
	CHECK(memcmp(buf, want, len) == 0);
}

/* Nothing is left beside. */
static void check_empty(void)
{
	auto_dir DIR *d = opendir(".");
	struct dirent *de;

	while ((de = readdir(d)))
		CHECK_MSG(de->d_name[0] == '.', "%s was left", de->d_name);
}

static char *sample(size_t len)
{
	char *s = malloc(len);
	uint32_t x = 7;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		s[i] = (char)('a' + (x >> 28));
	}
	return s;
}

TEST(a_plain_file_is_itself)
{
	auto_close int in = file_of("plain", 5), out = FD_NONE;
	struct err e = ERR_INIT;
	struct stat a, b;

	CHECK_OK(spool(in, &unpack_limits_default, &out, &e), e);
	CHECK(fstat(in, &a) == 0 && fstat(out, &b) == 0);
	CHECK_UINT(a.st_ino, b.st_ino);
	check_same(out, "plain", 5);
}

TEST(a_file_in_its_middle_is_copied)
{
	auto_close int in = file_of("skip plain", 10), out = FD_NONE;
	struct err e = ERR_INIT;

	CHECK_INT(lseek(in, 5, SEEK_SET), 5);
	CHECK_OK(spool(in, &unpack_limits_default, &out, &e), e);
	check_same(out, "plain", 5);
	check_empty();
}

TEST(pipes_and_compressed_files)
{
	const size_t len = 3000000;
	auto_free char *text = sample(len);
	auto_strbuf struct strbuf gz = STRBUF_INIT;
	struct err e = ERR_INIT;

	compress(text, len, &gz);
	for (int i = 0; i < 3; i++) {
		auto_close int in = i == 0 ? pipe_of(text, len) : i == 1 ? pipe_of(gz.data, gz.len)
									 : file_of(gz.data, gz.len);
		auto_close int out = FD_NONE;

		CHECK_OK(spool(in, &unpack_limits_default, &out, &e), e);
		check_same(out, text, len);
		check_empty();
	}
}

TEST(damage)
{
	const size_t len = 300000;
	auto_free char *text = sample(len);
	auto_strbuf struct strbuf gz = STRBUF_INIT;
	struct err e = ERR_INIT;
	int out = FD_NONE;

	compress(text, len, &gz);
	auto_close int cut = file_of(gz.data, gz.len / 2);
	CHECK_ERR(spool(cut, &unpack_limits_default, &out, &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "damaged or ends in the middle");
	auto_close int xz = file_of("\xfd" "7zXZ\0rubbish", 13);
	CHECK_ERR(spool(xz, &unpack_limits_default, &out, &e), e, ERR_CORRUPT);
	CHECK_INT(out, FD_NONE);
	check_empty();
}

TEST(limits)
{
	struct unpack_limits lim = unpack_limits_default;
	const size_t len = 4000000;
	auto_free char *zeros = calloc(1, len);
	auto_strbuf struct strbuf gz = STRBUF_INIT;
	struct err e = ERR_INIT;
	int out = FD_NONE;

	compress(zeros, len, &gz);
	lim.max_bytes = 1000000;
	auto_close int large = pipe_of(zeros, len);
	CHECK_ERR(spool(large, &lim, &out, &e), e, ERR_LIMIT);
	CHECK_CONTAINS(e.text, "max_bytes");
	auto_close int bomb = file_of(gz.data, gz.len);
	CHECK_ERR(spool(bomb, &lim, &out, &e), e, ERR_LIMIT);
	CHECK_CONTAINS(e.text, "max_bytes");
	lim = unpack_limits_default;
	lim.ratio_floor = 1000000;
	auto_close int again = file_of(gz.data, gz.len);
	CHECK_ERR(spool(again, &lim, &out, &e), e, ERR_LIMIT);
	CHECK_CONTAINS(e.text, "max_ratio");
	check_empty();
}

static int stop_now(struct err *e)
{
	return err_set(e, ERR_BUSY, "asked to stop");
}

TEST(stops_when_asked)
{
	auto_close int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), in = pipe_of("x", 1);
	const struct spool_opts o = { .dir_fd = dir, .lim = &unpack_limits_default, .stop = stop_now };
	struct err e = ERR_INIT;
	int out = FD_NONE;

	CHECK_ERR(spool_open(in, &o, &out, &e), e, ERR_BUSY);
}
