/* Seccomp profiles: which rules count, what is refused, and that the cache cannot be planted. */
#include "test.h"

#include <linux/capability.h>

#include "caps.h"
#include "seccomp-int.h"
#include "seccomp.h"
#include "str.h"

static struct spec_seccomp_target target(uint64_t caps)
{
	return (struct spec_seccomp_target){ "amd64", "SCMP_ARCH_X86_64", 6, 1, caps };
}

static int resolve(const char *json, uint64_t caps, char **text, struct err *e)
{
	struct spec_seccomp_target t = target(caps);

	return spec_seccomp_resolve(json, strlen(json), "p", &t, text, e);
}

#define RULE(extra) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"x\"]," \
	"\"action\":\"SCMP_ACT_ALLOW\"" extra "}]}"

TEST(conditions)
{
	static const struct {
		const char *json;
		bool counts;	/* with CAP_KILL only, amd64, Linux 6.1 */
	} rows[] = {
		{ RULE(""), true },
		{ RULE(",\"includes\":null,\"excludes\":null,\"args\":null"), true },
		{ RULE(",\"includes\":{},\"excludes\":{},\"args\":[]"), true },
		{ RULE(",\"includes\":{\"caps\":[\"CAP_KILL\"]}"), true },
		{ RULE(",\"includes\":{\"caps\":[\"CAP_CHOWN\"]}"), false },
		{ RULE(",\"includes\":{\"caps\":[\"CAP_KILL\",\"CAP_CHOWN\"]}"), false },
		{ RULE(",\"includes\":{\"caps\":[\"CAP_NOT_YET_KNOWN\"]}"), false },
		{ RULE(",\"excludes\":{\"caps\":[\"CAP_KILL\"]}"), false },
		{ RULE(",\"excludes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_KILL\"]}"), false },
		{ RULE(",\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}"), true },
		{ RULE(",\"includes\":{\"arches\":[\"arm64\",\"amd64\"]}"), true },
		{ RULE(",\"includes\":{\"arches\":[\"arm64\"]}"), false },
		{ RULE(",\"excludes\":{\"arches\":[\"amd64\"]}"), false },
		{ RULE(",\"includes\":{\"minKernel\":\"4.8\"}"), true },
		{ RULE(",\"includes\":{\"minKernel\":\"6.1\"}"), true },
		{ RULE(",\"includes\":{\"minKernel\":\"6.2\"}"), false },
		{ RULE(",\"includes\":{\"minKernel\":\"10.0\"}"), false },
		{ RULE(",\"excludes\":{\"minKernel\":\"6.0\"}"), false },
		{ RULE(",\"comment\":\"unknown members of a rule are harmless\""), true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_free char *text = NULL;
		struct err e = ERR_INIT;

		CHECK_MSG(resolve(rows[i].json, UINT64_C(1) << CAP_KILL, &text, &e) == 0, "%s: %s",
			  rows[i].json, e.text);
		CHECK_MSG((strstr(text, "SCMP_ACT_ALLOW") != NULL) == rows[i].counts, "%s gave %s",
			  rows[i].json, text);
	}
}

TEST(written_as_oci)
{
	auto_free char *text = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(resolve("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"ENOSYS\","
			 "\"archMap\":[{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":"
			 "[\"SCMP_ARCH_ARM\"]},{\"architecture\":\"SCMP_ARCH_X86_64\","
			 "\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],\"flags\":"
			 "[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":[{\"name\":\"personality\","
			 "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":4294967295,"
			 "\"op\":\"SCMP_CMP_EQ\"}]},{\"names\":[\"a\",\"b\"],\"action\":"
			 "\"SCMP_ACT_ERRNO\",\"errnoRet\":1,\"errno\":\"EWOULDBLOCK\"}]}", 0, &text,
			 &e), e);
	CHECK_STR(text,
		  "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\","
		  "\"SCMP_ARCH_X86\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":"
		  "[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,"
		  "\"value\":4294967295,\"valueTwo\":0,\"op\":\"SCMP_CMP_EQ\"}]},{\"names\":[\"a\","
		  "\"b\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":11}],\"defaultErrnoRet\":38}");
}

/* HOSTILE: empty, huge, unknown action or architecture. */
TEST(refused)
{
	static const struct {
		const char *json, *part;
	} rows[] = {
		{ "", "empty" },
		{ "{}", "defaultAction" },
		{ "[]", "object" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\"", "line 1" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultAction\":\"SCMP_ACT_KILL\"}", "duplicate" },
		{ "{\"defaultAction\":\"SCMP_ACT_DENY\"}", "SCMP_ACT_DENY" },
		{ "{\"defaultAction\":\"allow\"}", "allow" },
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "not supported" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}", "listenerPath" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"ENONSENSE\"}", "ENONSENSE" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":70000}", "out of range" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]}", "VAX" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"VAX\"}]}", "VAX" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":"
		  "\"SCMP_ARCH_ARM\",\"subArchitectures\":[\"VAX\"]}]}", "VAX" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_ARM\"],"
		  "\"archMap\":[{\"architecture\":\"SCMP_ARCH_ARM\"}]}", "both" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"NO_FILTER\"]}", "NO_FILTER" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":{}}", "syscalls" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[1]}", "object" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
		  "\"SCMP_ACT_ALLOW\"}]}", "no system call" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"]}]}", "action" },
		{ RULE(",\"name\":\"y\""), "both name and names" },
		{ RULE(",\"includes\":{\"seccomp\":[\"x\"]}"), "unknown member" },
		{ RULE(",\"includes\":{\"caps\":[1]}"), "not a string" },
		{ RULE(",\"includes\":{\"caps\":[\"CAP_KILL\\u0000\"]}"), "line 1" },
		{ RULE(",\"includes\":{\"minKernel\":\"6\"}"), "minKernel" },
		{ RULE(",\"includes\":{\"minKernel\":\"-1.0\"}"), "minKernel" },
		{ RULE(",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]"), "index" },
		{ RULE(",\"args\":[{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]"), "value" },
		{ RULE(",\"args\":[{\"index\":0,\"value\":0,\"op\":\"==\"}]"), "==" },
		{ RULE(",\"args\":[{\"index\":0,\"value\":0}]"), "op" },
		{ RULE(",\"errno\":\"EBOGUS\""), "EBOGUS" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_free char *text = NULL;
		struct err e = ERR_INIT;

		CHECK_MSG(resolve(rows[i].json, 0, &text, &e) < 0, "%s gave %s", rows[i].json, text);
		CHECK_CONTAINS(e.text, rows[i].part);
		CHECK_CONTAINS(e.text, "seccomp profile");
	}
}

static int open_run(void)
{
	int fd;

	test_mkdir("run");
	CHECK(chmod("run", 0700) == 0);
	fd = open("run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

/* The one file in run/cache. */
static char *cache_file(void)
{
	auto_dir DIR *d = opendir("run/cache");
	struct dirent *ent;
	char *found = NULL;

	CHECK(d != NULL);
	while ((ent = readdir(d)))
		if (ent->d_name[0] != '.') {
			CHECK(found == NULL);
			found = str_printf("run/cache/%s", ent->d_name);
		}
	CHECK(found != NULL);
	return found;
}

static void rewrite(const char *path, const char *from, const char *to)
{
	char buf[4096] = "", *at;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	CHECK(fd >= 0 && n > 0);
	at = strstr(buf, from);
	CHECK(at != NULL && strlen(from) == strlen(to));
	memcpy(at, to, strlen(to));
	CHECK(pwrite(fd, buf, (size_t)n, 0) == n && close(fd) == 0);
}

TEST(cache_is_used_and_follows_its_inputs)
{
	auto_close int run = open_run();
	auto_free char *a = NULL;
	auto_free char *b = NULL;
	auto_free char *c = NULL;
	auto_free char *name = NULL;
	struct err e = ERR_INIT;
	struct stat before, after;

	test_write("p.json", RULE(""));
	CHECK_OK(spec_seccomp_text(run, "p.json", 0, &a, &e), e);
	name = cache_file();
	CHECK(stat(name, &before) == 0 && (before.st_mode & 0777) == 0600);
	CHECK_OK(spec_seccomp_text(run, "p.json", 0, &b, &e), e);
	CHECK_STR(a, b);
	CHECK(stat(name, &after) == 0 && before.st_ino == after.st_ino);
	/* the same size, another content: mtime or ctime tells */
	test_write("p.json", RULE(",\"errnoRet\":7"));
	CHECK_OK(spec_seccomp_text(run, "p.json", 0, &c, &e), e);
	CHECK_CONTAINS(c, "errnoRet");
}

TEST(cache_without_a_run_directory)
{
	auto_free char *a = NULL;
	struct err e = ERR_INIT;

	test_write("p.json", RULE(""));
	CHECK_OK(spec_seccomp_text(-1, "p.json", 0, &a, &e), e);
	CHECK_CONTAINS(a, "\"x\"");
}

/* HOSTILE: a planted or truncated filter cache. */
TEST(cache_entries_that_are_ignored)
{
	for (int attack = 0; attack < 8; attack++) {
		auto_free char *a = NULL;
		auto_free char *b = NULL;
		auto_free char *name = NULL;
		struct err e = ERR_INIT;
		int run;

		(void)path_remove_tree(AT_FDCWD, "run");
		run = open_run();
		test_write("p.json", RULE(""));
		CHECK_OK(spec_seccomp_text(run, "p.json", 0, &a, &e), e);
		name = cache_file();
		switch (attack) {
		case 0:	/* another content of the same length */
			rewrite(name, "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW");
			break;
		case 1:	/* cut short */
			CHECK(truncate(name, 150) == 0);
			break;
		case 2:
			CHECK(truncate(name, 0) == 0);
			break;
		case 3:	/* writable by others */
			rewrite(name, "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW");
			CHECK(chmod(name, 0666) == 0);
			break;
		case 4:	/* for other inputs */
			rewrite(name, "caps=0", "caps=1");
			break;
		case 5:	/* a link */
			CHECK(rename(name, "elsewhere") == 0);
			test_symlink("../../elsewhere", name);
			break;
		case 6:	/* a FIFO: nothing hangs */
			CHECK(unlink(name) == 0 && mkfifo(name, 0600) == 0);
			break;
		case 7:	/* longer than it says */
			rewrite(name, "\"SCMP_ACT_ALLOW\"}]}", "\"SCMP_ACT_ALLOW\"}]\n");
			break;
		}
		CHECK_OK(spec_seccomp_text(run, "p.json", 0, &b, &e), e);
		CHECK_STR(b, a);
		CHECK(close(run) == 0);
	}
}

TEST(cache_directory_of_others_is_not_used)
{
	auto_close int run = open_run();
	auto_free char *a = NULL;
	struct err e = ERR_INIT;

	test_mkdir("run/cache");
	CHECK(chmod("run/cache", 0755) == 0);
	test_write("p.json", RULE(""));
	CHECK_OK(spec_seccomp_text(run, "p.json", 0, &a, &e), e);
	CHECK(rmdir("run/cache") == 0);	/* empty: nothing was written */
	test_mkdir("target");
	test_symlink("../target", "run/cache");
	free(take_ptr(&a));
	CHECK_OK(spec_seccomp_text(run, "p.json", 0, &a, &e), e);
	CHECK(rmdir("target") == 0);
}

TEST(profile_files_that_are_refused)
{
	auto_free char *a = NULL;
	struct err e = ERR_INIT;
	int fd;

	CHECK_ERR(spec_seccomp_text(-1, "absent.json", 0, &a, &e), e, ERR_NOT_FOUND);
	test_mkdir("dir");
	CHECK_ERR(spec_seccomp_text(-1, "dir", 0, &a, &e), e, ERR_INVALID);
	CHECK(mkfifo("fifo", 0600) == 0);
	CHECK_ERR(spec_seccomp_text(-1, "fifo", 0, &a, &e), e, ERR_INVALID);
	test_write("empty", "");
	CHECK_ERR(spec_seccomp_text(-1, "empty", 0, &a, &e), e, ERR_INVALID);
	fd = open("big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, SPEC_SECCOMP_MAX_BYTES + 1) == 0 && close(fd) == 0);
	CHECK_ERR(spec_seccomp_text(-1, "big", 0, &a, &e), e, ERR_LIMIT);
	CHECK(a == NULL);
}

/* What is compiled in, for hosts without a profile: it must be a whole one. */
TEST(built_in_profile)
{
	auto_free char *text = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(resolve(spec_seccomp_builtin, spec_caps_default(), &text, &e), e);
	CHECK_CONTAINS(text, "{\"defaultAction\":\"SCMP_ACT_ERRNO\"");
	CHECK_CONTAINS(text, "SCMP_ARCH_X86_64");
	CHECK_CONTAINS(text, "\"openat2\"");
	CHECK(strlen(text) > 4000);
}

/* The distribution's or ours: rules for what the container may and may not do. */
TEST(default_profile)
{
	auto_free char *plain = NULL;
	auto_free char *admin = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(spec_seccomp_text(-1, NULL, spec_caps_default(), &plain, &e), e);
	CHECK_OK(spec_seccomp_text(-1, NULL, spec_caps_all(), &admin, &e), e);
	CHECK_CONTAINS(plain, "\"defaultAction\":\"SCMP_ACT_ERRNO\"");
	CHECK_CONTAINS(plain, "\"openat2\"");
	CHECK(strcmp(plain, admin) != 0);
}
