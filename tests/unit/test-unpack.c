/* The unpacking worker: its result, its limits, its single-id form, and what it may not do. */
#include "store-fixture.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "confine.h"
#include "proc.h"
#include "unpack.h"
#include "userns.h"
#include "worker.h"

/* One tar header; good enough for what is tested here, hostile ones are in tests/hostile. */
static void tar_add(struct strbuf *b, const char *name, char kind, unsigned int mode, unsigned int uid,
		    const char *data)
{
	size_t len = data ? strlen(data) : 0;
	unsigned char h[513] = { 0 };
	unsigned int sum = 0;

	(void)snprintf((char *)h, 100, "%s", name);
	(void)snprintf((char *)h + 100, 8, "%07o", mode);
	(void)snprintf((char *)h + 108, 8, "%07o", uid);
	(void)snprintf((char *)h + 116, 8, "%07o", uid);
	(void)snprintf((char *)h + 124, 12, "%011o", (unsigned int)len);
	(void)snprintf((char *)h + 136, 12, "%011o", 1000000000u);
	memset(h + 148, ' ', 8);
	h[156] = (unsigned char)kind;
	memcpy(h + 257, "ustar\00000", 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	(void)snprintf((char *)h + 148, 8, "%06o", sum);
	strbuf_addn(b, h, 512);
	if (len) {
		strbuf_addn(b, data, len);
		while (b->len % 512)
			strbuf_addc(b, '\0');
	}
}

static void tar_end(struct strbuf *b)
{
	for (int i = 0; i < 1024; i++)
		strbuf_addc(b, '\0');
	CHECK(!b->failed);
}

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

static int dir_here(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static int unpack(const struct strbuf *b, const struct unpack_limits *lim, struct unpack_result *res,
		  struct err *e)
{
	struct unpack_job job = UNPACK_JOB_INIT;
	auto_close int dir = dir_here();
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)path_remove_tree(dir, "l");
	r = unpack_start(dir, "l", own_map(), NULL, lim, &job, e);
	if (r < 0)
		return r;
	(void)fd_write_all(job.data_fd, b->data, b->len); /* EPIPE: the worker says why */
	return unpack_finish(&job, res, e);
}

TEST(result_and_files)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct unpack_result res = { 0 };
	struct err e = ERR_INIT;
	struct stat st;
	int before;

	(void)own_map();
	before = test_open_fds();
	tar_add(&b, "./", '5', 0755, 0, NULL);
	tar_add(&b, "d/", '5', 0700, 0, NULL);
	tar_add(&b, "d/f", '0', 0640, 0, "content");
	tar_end(&b);
	CHECK_OK(unpack(&b, &unpack_limits_default, &res, &e), e);
	CHECK_UINT(res.tar_bytes, b.len);
	CHECK_UINT(res.compressed_bytes, b.len);
	CHECK_UINT(res.size_bytes, 7);
	CHECK_UINT(res.n_entries, 3);
	CHECK(res.has_root && !res.implicit_parents && !res.opaque_root && res.squashed_owners);
	CHECK(stat("l/diff/d/f", &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_mtime == 1000000000);
	CHECK(stat("l/diff/d", &st) == 0 && (st.st_mode & 07777) == 0700 && st.st_mtime == 1000000000);
	CHECK(stat("l/implicit", &st) == 0 && st.st_size == 0);
	CHECK_INT(test_open_fds(), before);
}

/* containers-storage's attribute holds who the owner would be; set-id bits of others do not act. */
TEST(one_id_keeps_owners_in_an_attribute)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct unpack_result res = { 0 };
	struct err e = ERR_INIT;
	char v[64] = "";
	struct stat st;

	tar_add(&b, "mine", '0', 04755, 0, "x");
	tar_add(&b, "theirs", '0', 06755, 33, "x");
	tar_add(&b, "dir/", '5', 0750, 42, NULL);
	tar_end(&b);
	CHECK_OK(unpack(&b, &unpack_limits_default, &res, &e), e);
	CHECK(res.squashed_owners);
	CHECK(stat("l/diff/theirs", &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 07777) == 0755);
	CHECK(stat("l/diff/mine", &st) == 0 && (st.st_mode & 07777) == 04755);
	CHECK_INT(getxattr("l/diff/theirs", "user.containers.override_stat", v, sizeof(v) - 1), 11);
	CHECK_STR(v, "33:33:06755");
	memset(v, 0, sizeof(v));
	CHECK_INT(getxattr("l/diff/dir", "user.containers.override_stat", v, sizeof(v) - 1), 10);
	CHECK_STR(v, "42:42:0750");
	CHECK(getxattr("l/diff/mine", "user.containers.override_stat", v, sizeof(v)) < 0);
}

TEST(implicit_directories_are_noted)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct unpack_result res = { 0 };
	struct err e = ERR_INIT;
	auto_free char *list = NULL;
	size_t len;

	tar_add(&b, "a/b/f", '0', 0644, 0, "x");
	tar_add(&b, "c/f", '0', 0644, 0, "x");
	tar_add(&b, "c/", '5', 0755, 0, NULL); /* its entry comes late */
	tar_end(&b);
	CHECK_OK(unpack(&b, &unpack_limits_default, &res, &e), e);
	CHECK(res.implicit_parents && !res.has_root);
	CHECK_INT(file_read_path("l/implicit", 1000, &list, &len), 0);
	CHECK_UINT(len, 6);
	CHECK(memcmp(list, "a\0a/b\0", 6) == 0);
}

TEST(limits_have_names)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct unpack_limits lim = unpack_limits_default;
	struct unpack_result res = { 0 };
	struct err e = ERR_INIT;
	char name[16];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		tar_add(&b, name, '0', 0644, 0, "some text in every file");
	}
	tar_end(&b);
	CHECK_OK(unpack(&b, &lim, &res, &e), e);
	lim.max_entries = 99;
	CHECK_ERR(unpack(&b, &lim, &res, &e), e, ERR_LIMIT);
	CHECK_CONTAINS(e.text, "max_entries");
	lim = unpack_limits_default;
	lim.max_bytes = 50000;
	CHECK_ERR(unpack(&b, &lim, &res, &e), e, ERR_LIMIT);
	CHECK_CONTAINS(e.text, "max_bytes");
}

TEST(limits_from_the_user)
{
	static const char *const bad[] = { "x", "max_bytes", "max_bytes=", "max_bytes=-1", "max_ratio=x",
					   "keep_free_percent=100", "nope=1", "max_bytes=99999999999999999999" };
	struct unpack_limits lim;
	struct err e = ERR_INIT;

	CHECK_OK(unpack_limits_parse(NULL, &lim, &e), e);
	CHECK(memcmp(&lim, &unpack_limits_default, sizeof(lim)) == 0);
	CHECK_OK(unpack_limits_parse("max_ratio=0,max_bytes=2t", &lim, &e), e);
	CHECK_UINT(lim.max_ratio, 0);
	CHECK_UINT(lim.max_bytes, 2ull << 40);
	CHECK_UINT(lim.max_entries, unpack_limits_default.max_entries);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERR(unpack_limits_parse(bad[i], &lim, &e), e, ERR_INVALID);
}

TEST(damage_is_an_error_with_a_reason)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct unpack_result res = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(unpack(&b, &unpack_limits_default, &res, &e), e); /* nothing at all is an empty layer */
	CHECK_STR(res.diff_id.hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	tar_add(&b, "f", '0', 0644, 0, "text");
	b.len = 600;
	CHECK_ERR(unpack(&b, &unpack_limits_default, &res, &e), e, ERR_CORRUPT);
	b.len = 0;
	strbuf_addf(&b, "no archive");
	CHECK_ERR(unpack(&b, &unpack_limits_default, &res, &e), e, ERR_CORRUPT);
}

TEST(foreign_media_types)
{
	struct unpack_job job = UNPACK_JOB_INIT;
	auto_close int dir = dir_here();
	struct err e = ERR_INIT;

	CHECK_ERR(unpack_start(dir, "l", own_map(), "application/vnd.oci.image.layer.v1.tar+encrypted",
			       &unpack_limits_default, &job, &e), e, ERR_UNSUPPORTED);
	CHECK_CONTAINS(e.text, "encrypted");
	CHECK(access("l", F_OK) < 0);
}

TEST(abort_ends_the_worker)
{
	struct unpack_job job = UNPACK_JOB_INIT;
	auto_close int dir = dir_here();
	struct err e = ERR_INIT;
	pid_t pid;

	CHECK_OK(unpack_start(dir, "l", own_map(), NULL, &unpack_limits_default, &job, &e), e);
	pid = job.worker.pid;
	CHECK(kill(pid, 0) == 0);
	unpack_abort(&job);
	CHECK(kill(pid, 0) < 0);
	unpack_abort(&job);
}

TEST(result_of_a_dead_worker)
{
	struct unpack_job job = UNPACK_JOB_INIT;
	auto_close int dir = dir_here();
	struct unpack_result res;
	struct err e = ERR_INIT;

	CHECK_OK(unpack_start(dir, "l", own_map(), NULL, &unpack_limits_default, &job, &e), e);
	CHECK_INT(proc_signal(&job.worker, SIGKILL), 0);
	CHECK_ERR(unpack_finish(&job, &res, &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "SIGKILL");
}

/* What a hole in a decoder could do from where the decoder runs: nothing. */
TEST(confined_process_reaches_nothing)
{
	auto_close int dir = dir_here(), root = FD_NONE;
	/* landlock_create_ruleset(LANDLOCK_CREATE_RULESET_VERSION) */
	const long landlock = syscall(444, NULL, 0, 1);
	const struct idmap *m = own_map();
	struct err e = ERR_INIT;
	struct proc p;
	int status = 0, r;

#ifdef __SANITIZE_ADDRESS__
	test_skip("no seccomp filter under the sanitizers");
#endif
	test_mkdir("root");
	test_write("secret", "x");
	root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = worker_fork(m, &p, &e);
	CHECK_OK(r, e);
	if (r == 0) {
		if (confine_to(root, 1 << 20, NULL) < 0)
			_exit(1);
		if (open("/secret", O_RDONLY | O_CLOEXEC) >= 0 || open("../secret", O_RDONLY | O_CLOEXEC) >= 0)
			_exit(2);
		/* A descriptor that leaked into it does not help either, where there is Landlock. */
		if (landlock >= 2 && openat(dir, "secret", O_RDONLY | O_CLOEXEC) >= 0)
			_exit(9);
		if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
			_exit(3);
		if (fork() >= 0 || execl("/bin/true", "true", NULL) >= 0)
			_exit(4);
		if (chroot(".") == 0 || setuid(0) == 0 || kill(getppid(), 0) == 0)
			_exit(5);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
			_exit(6);
		if (mknod("dev", S_IFBLK | 0600, 0x0801) == 0)
			_exit(7);
		if (open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0)
			_exit(8);
		_exit(42);
	}
	CHECK_INT(proc_wait(&p, &status), 0);
	if (geteuid() == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 7)
		test_fail(__FILE__, __LINE__, "a device in a user namespace");
	CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), 42);
	CHECK(access("root/file", F_OK) == 0);
}
