/* Seccomp profiles compiled to BPF, what the BPF decides, and the cache of it. */
#include "test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>

#include "config.h"
#include "filter.h"
#include "filter-cache.h"
#include "json.h"

#define X32_BIT 0x40000000u

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	CHECK_MSG(j, "not JSON: %s", text);
	return j;
}

/* The few instructions of classic BPF that seccomp programs have. */
static uint32_t decide(const struct filter *f, const struct seccomp_data *d)
{
	uint32_t a = 0, x = 0, mem[BPF_MEMWORDS] = { 0 };

	for (size_t pc = 0; pc < f->n; pc++) {
		const struct sock_filter *i = &f->insns[pc];
		uint32_t k = i->k;
		bool yes;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			CHECK(k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + k, 4);
			continue;
		case BPF_ST:
			mem[k] = a;
			continue;
		case BPF_LD | BPF_MEM:
			a = mem[k];
			continue;
		case BPF_LDX | BPF_MEM:
			x = mem[k];
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= k;
			continue;
		case BPF_RET | BPF_K:
			return k;
		case BPF_JMP | BPF_JA:
			pc += k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = a & k;
			break;
		default:
			test_fail(__FILE__, __LINE__, "instruction %#x (x %u)", i->code, x);
		}
		pc += yes ? i->jt : i->jf;
	}
	test_fail(__FILE__, __LINE__, "ran off the end");
}

static uint32_t ask(const struct filter *f, uint32_t arch, int nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = { .nr = nr, .arch = arch, .args = { a0, a1, a2 } };

	return decide(f, &d);
}

#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))

TEST(refused_profiles)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "{}", "$.linux.seccomp.defaultAction: missing" },
		{ "{\"defaultAction\":\"SCMP_ACT_MAYBE\"}", "SCMP_ACT_MAYBE" },
		{ "{\"defaultAction\":\"\"}", "not known" },
		{ "{\"defaultAction\":1}", "expected a string" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":-1}", "errnoRet" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}", "errnoRet" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}", "Z80" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[1]}", "architectures[0]" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}", "flags" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":{}}", "syscalls" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{}]}", "syscalls[0]" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"X\"}]}",
		  "syscalls[0]" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[1],\"action\":"
		  "\"SCMP_ACT_ERRNO\"}]}", "names[0]" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		  "\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}", "index" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		  "\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":0,\"op\":\"SCMP_CMP_ISH\"}]}]}", "ISH" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_json json_t *p = parse(rows[i].text);
		struct filter f = { 0 };
		struct err e = ERR_INIT;

		CHECK_MSG(filter_compile(p, &f, &e) < 0, "taken: %s", rows[i].text);
		CHECK_CONTAINS(e.text, rows[i].says);
		CHECK(!f.insns);
	}
}

TEST(huge_profiles_meet_a_limit)
{
	auto_json json_t *p = parse("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}");
	json_t *rules = json_object_get(p, "syscalls");
	struct filter f = { 0 };
	struct err e = ERR_INIT;

	/* More conditions than a program may have instructions. */
	for (int i = 0; i < 5000; i++)
		CHECK_INT(json_array_append_new(rules, json_pack("{s:[s], s:s, s:[{s:i, s:i, s:s}]}", "names",
			  "read", "action", "SCMP_ACT_ERRNO", "args", "index", 1, "value", i * 7 + 5, "op",
			  "SCMP_CMP_EQ")), 0);
	CHECK_ERR(filter_compile(p, &f, &e), e, ERR_LIMIT);

	json_array_clear(rules);
	json_t *names = json_array();
	for (unsigned int i = 0; i < SECCOMP_NAMES_MAX; i++)
		CHECK_INT(json_array_append_new(names, json_string("read")), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT(json_array_append_new(rules, json_pack("{s:O, s:s}", "names", names, "action",
								 "SCMP_ACT_ALLOW")), 0);
	json_decref(names);
	CHECK_ERR(filter_compile(p, &f, &e), e, ERR_LIMIT);
}

TEST(actions_and_conditions)
{
#ifdef __x86_64__
	auto_json json_t *p = parse(
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":["
		"{\"names\":[\"read\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\"},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":5},"
		"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},"
		"{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_LOG\"},"
		"{\"names\":[\"dup2\"],\"action\":\"SCMP_ACT_TRAP\"},"
		"{\"names\":[\"lseek\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":1,\"value\":10,\"op\":\"SCMP_CMP_GT\"}]},"
		"{\"names\":[\"mmap\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":255,\"valueTwo\":3,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}");
	const uint32_t arch = AUDIT_ARCH_X86_64;
	struct filter f = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(filter_compile(p, &f, &e), e);
	CHECK_UINT(ask(&f, arch, SYS_read, 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, arch, SYS_write, 0, 0, 0), ERRNO(EPERM));
	CHECK_UINT(ask(&f, arch, SYS_open, 0, 0, 0), SECCOMP_RET_TRACE | 5);
	CHECK_UINT(ask(&f, arch, SYS_close, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
	CHECK_UINT(ask(&f, arch, SYS_dup, 0, 0, 0), SECCOMP_RET_LOG);
	CHECK_UINT(ask(&f, arch, SYS_dup2, 0, 0, 0), SECCOMP_RET_TRAP);
	CHECK_UINT(ask(&f, arch, SYS_lseek, 1, 11, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, arch, SYS_lseek, 1, 10, 0), ERRNO(ENOSYS));
	CHECK_UINT(ask(&f, arch, SYS_lseek, 2, 11, 0), ERRNO(ENOSYS));
	CHECK_UINT(ask(&f, arch, SYS_mmap, 1, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, arch, SYS_mmap, 2, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, arch, SYS_mmap, 3, 0, 0), ERRNO(ENOSYS));
	CHECK_UINT(ask(&f, arch, SYS_clone, 0x103, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, arch, SYS_clone, 0x104, 0, 0), ERRNO(ENOSYS));
	CHECK_UINT(ask(&f, arch, 5000, 0, 0, 0), ERRNO(ENOSYS));
	/* Architectures that are not listed end the thread. */
	CHECK_UINT(ask(&f, AUDIT_ARCH_I386, 3, 0, 0, 0), SECCOMP_RET_KILL_THREAD);
	CHECK_UINT(ask(&f, arch, (int)(X32_BIT | SYS_read), 0, 0, 0), SECCOMP_RET_KILL_THREAD);
	filter_done(&f);
#else
	test_skip("the calls are those of x86-64");
#endif
}

/* The default profile for a container without capabilities, as the engine resolves it. */
static json_t *default_profile(void)
{
	auto_json json_t *all = NULL;
	json_t *rules = json_array(), *rule;
	char path[PATH_MAX + 64];
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/contrib/seccomp/profile.json",
		       getenv("TEST_SOURCE_ROOT") ? getenv("TEST_SOURCE_ROOT") : ".");
	all = json_load_file(path, 0, NULL);
	if (!all)
		test_skip("%s is not there", path);
	json_array_foreach(json_object_get(all, "syscalls"), i, rule) {
		const json_t *inc = json_object_get(rule, "includes");

		if (inc && json_object_get(inc, "caps"))
			continue;
		if (inc && !streq(json_string_value(json_array_get(json_object_get(inc, "arches"), 0)),
				  "amd64"))
			continue;
		CHECK_INT(json_array_append(rules, rule), 0);
	}
	return json_pack("{s:s, s:i, s:[s,s,s], s:o}", "defaultAction", "SCMP_ACT_ERRNO",
			 "defaultErrnoRet", ENOSYS, "architectures", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86",
			 "SCMP_ARCH_X32", "syscalls", rules);
}

#define CALLS_KNOWN 469	/* file_setattr, Linux 6.17: later ones are ENOSYS until somebody places them */

TEST(default_profile_filters_all_three_abis)
{
#ifdef __x86_64__
	auto_json json_t *p = default_profile();
	struct filter f = { 0 };
	struct err e = ERR_INIT;
	static const struct {
		int x86_64, i386;
		uint32_t want;
	} calls[] = {
		{ SYS_read, 3, SECCOMP_RET_ALLOW },
		{ SYS_execve, 11, SECCOMP_RET_ALLOW },
		{ SYS_mount, 21, SECCOMP_RET_ALLOW },	/* the kernel asks for the capability */
		{ SYS_kexec_load, 283, ERRNO(EPERM) },
		{ SYS_init_module, 128, ERRNO(EPERM) },
		{ SYS_bpf, 357, ERRNO(EPERM) },
		{ SYS_settimeofday, 79, ERRNO(EPERM) },
		{ SYS_userfaultfd, 374, ERRNO(EPERM) },
		{ SYS_add_key, 286, ERRNO(ENOSYS) },
		{ SYS_io_uring_setup, 425, ERRNO(ENOSYS) },
		{ 1999, 1999, ERRNO(ENOSYS) },
	};

	CHECK_OK(filter_compile(p, &f, &e), e);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		uint32_t x64 = ask(&f, AUDIT_ARCH_X86_64, calls[i].x86_64, 0, 0, 0);
		uint32_t x86 = ask(&f, AUDIT_ARCH_I386, calls[i].i386, 0, 0, 0);

		CHECK_MSG(x64 == calls[i].want, "x86-64 %d: %#x", calls[i].x86_64, x64);
		CHECK_MSG(x86 == calls[i].want, "i386 %d: %#x", calls[i].i386, x86);
	}
	/* x32: the numbers of x86-64 with a bit. */
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, (int)(X32_BIT | SYS_read), 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, (int)(X32_BIT | SYS_getpid), 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, (int)(X32_BIT | SYS_init_module), 0, 0, 0), ERRNO(EPERM));
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, (int)(X32_BIT | SYS_add_key), 0, 0, 0), ERRNO(ENOSYS));
	/* The audit socket, and its neighbours. */
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_socket, 16, 3, 9), ERRNO(EINVAL));
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_socket, 16, 3, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_socket, 2, 1, 9), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_personality, 0, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_personality, 0xffffffff, 0, 0), SECCOMP_RET_ALLOW);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_personality, 0x40000, 0, 0), ERRNO(ENOSYS));
	CHECK_UINT(ask(&f, AUDIT_ARCH_AARCH64, 63, 0, 0, 0), SECCOMP_RET_KILL_THREAD);
	filter_done(&f);
#else
	test_skip("the calls are those of x86-64");
#endif
}

/*
 * Every call of the kernel has its place in the profile, or is one that is left to "no such call": by
 * the capability it would need, because it is gone, or on purpose.
 */
TEST(default_profile_knows_every_call)
{
#ifdef __x86_64__
	static const char *const no_such_call[] = {
		"_sysctl", "add_key", "afs_syscall", "break", "create_module", "ftime", "get_kernel_syms",
		"getpmsg", "gtty", "idle", "io_pgetevents_time64", "io_uring_enter", "io_uring_register",
		"io_uring_setup", "lock", "mpx", "prof", "profil", "putpmsg", "request_key", "security",
		"stty", "tuxcall", "ulimit", "vserver",
	};
	static const uint32_t arches[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64 };
	const char *root = getenv("TEST_SOURCE_ROOT");
	auto_free char *path = path_join(root ? root : ".", "contrib/seccomp/profile.json");
	auto_json json_t *all = json_load_file(path, 0, NULL);

	if (!all)
		test_skip("%s is not there", path);
	for (size_t a = 0; a < sizeof(arches) / sizeof(arches[0]); a++) {
		for (int nr = 0; nr <= CALLS_KNOWN; nr++) {
			auto_free char *name = seccomp_syscall_resolve_num_arch(arches[a], nr);
			bool known = !name;
			json_t *rule;
			size_t i, k;

			for (i = 0; !known && i < sizeof(no_such_call) / sizeof(no_such_call[0]); i++)
				known = streq(no_such_call[i], name);
			json_array_foreach(json_object_get(all, "syscalls"), i, rule) {
				const json_t *names = json_object_get(rule, "names");

				for (k = 0; !known && k < json_array_size(names); k++)
					known = streq(json_string_value(json_array_get(names, k)), name);
			}
			CHECK_MSG(known, "call %d (%s) has no place in the profile", nr, name);
		}
	}
#else
	test_skip("the calls are those of x86-64");
#endif
}

#define SMALL "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"acct\"],\"action\":\"SCMP_ACT_ERRNO\"}]}"

/* The one file in the cache directory. */
static void cache_file(char path[PATH_MAX + 64])
{
	auto_free char *key = filter_cache_key(SMALL);

	(void)snprintf(path, PATH_MAX + 64, "%s/cache/%016llx.bpf", test_tmpdir(),
		       (unsigned long long)str_hash64(key, strlen(key)));
}

static int from_cache(void)
{
	auto_free char *key = filter_cache_key(SMALL), *dir = path_join(test_tmpdir(), "cache");
	struct filter f = { 0 };
	int r = filter_cache_get(dir, key, &f);

	if (r == 0)
		CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_acct, 0, 0, 0), ERRNO(EPERM));
	filter_done(&f);
	return r;
}

static void fill_cache(void)
{
	auto_free char *dir = path_join(test_tmpdir(), "cache");
	auto_json json_t *doc = NULL;
	struct filter f = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(filter_make(SMALL, dir, &f, &doc, &e), e);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_acct, 0, 0, 0), ERRNO(EPERM));
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_read, 0, 0, 0), SECCOMP_RET_ALLOW);
	filter_done(&f);
}

/* Capabilities are in it as well: what a profile has for them, the engine resolves before. */
TEST(the_cache_key_holds_all_that_the_filter_depends_on)
{
	const struct scmp_version *v = seccomp_version();
	auto_free char *key = filter_cache_key("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	auto_free char *library = str_printf("libseccomp %u.%u.%u", v->major, v->minor, v->micro);
	auto_free char *arch = str_printf("arch %08x", seccomp_arch_native());

	CHECK(key && library && arch);
	CHECK_CONTAINS(key, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	CHECK_CONTAINS(key, "ctr-lite " CTR_VERSION);
	CHECK_CONTAINS(key, library);
	CHECK_CONTAINS(key, arch);
}

TEST(cache_gives_back_what_was_put)
{
	CHECK(from_cache() < 0);
	fill_cache();
	CHECK_INT(from_cache(), 0);
	/* Another profile is another filter, although somebody calls its file so. */
	auto_free char *key = filter_cache_key("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"), *dir = path_join(test_tmpdir(), "cache");
	char from[PATH_MAX + 64], to[PATH_MAX + 64];
	struct filter f = { 0 };

	cache_file(from);
	(void)snprintf(to, sizeof(to), "%s/%016llx.bpf", dir,
		       (unsigned long long)str_hash64(key, strlen(key)));
	CHECK_INT(rename(from, to), 0);
	CHECK(filter_cache_get(dir, key, &f) < 0);
}

TEST(cache_ignores_cut_and_changed_files)
{
	char path[PATH_MAX + 64];
	struct stat st;

	fill_cache();
	cache_file(path);
	CHECK_INT(stat(path, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
		unsigned char byte;

		CHECK(pread(fd, &byte, 1, at) == 1);
		byte ^= 0x10;
		CHECK(pwrite(fd, &byte, 1, at) == 1);
		CHECK_MSG(from_cache() < 0, "byte %ld", (long)at);
		byte ^= 0x10;
		CHECK(pwrite(fd, &byte, 1, at) == 1);
	}
	CHECK_INT(from_cache(), 0);
	for (off_t len = st.st_size - 1; len >= 0; len -= 7) {
		CHECK_INT(truncate(path, len), 0);
		CHECK(from_cache() < 0);
	}
	/* It is compiled again and replaced. */
	fill_cache();
	CHECK_INT(from_cache(), 0);
}

TEST(cache_trusts_only_our_own_private_files)
{
	auto_free char *dir = path_join(test_tmpdir(), "cache");
	char path[PATH_MAX + 64], moved[PATH_MAX + 80];

	fill_cache();
	cache_file(path);
	CHECK_INT(chmod(path, 0620), 0);
	CHECK(from_cache() < 0);
	CHECK_INT(chmod(path, 0600), 0);
	CHECK_INT(from_cache(), 0);
	CHECK_INT(chmod(dir, 0777), 0);
	CHECK(from_cache() < 0);
	CHECK_INT(chmod(dir, 0700), 0);
	/* A link that leads to a good file, and a FIFO, which must not block. */
	(void)snprintf(moved, sizeof(moved), "%s.moved", path);
	CHECK_INT(rename(path, moved), 0);
	CHECK_INT(symlink(moved, path), 0);
	CHECK(from_cache() < 0);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK(from_cache() < 0);
	CHECK_INT(unlink(path), 0);
	if (geteuid() == 0) {
		CHECK_INT(rename(moved, path), 0);
		CHECK_INT(chown(path, 12345, 0), 0);
		CHECK(from_cache() < 0);
	}
}

/* A filter that is there is taken without a look into the profile; anything else means to read it. */
TEST(a_cached_filter_is_not_parsed_again)
{
	auto_free char *dir = path_join(test_tmpdir(), "cache");
	auto_json json_t *doc = NULL, *again = NULL, *flagged = NULL;
	static const char flags[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":"
				    "[\"SECCOMP_FILTER_FLAG_LOG\"]}";
	static const char *const bad[] = {
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\"", "{\"defaultAction\":\"NONSENSE\"}", "{}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"acct\"],"
		"\"action\":\"SCMP_ACT_ERRNO\"}]}}",
	};
	struct filter f = { 0 };
	char path[PATH_MAX + 64];
	struct err e = ERR_INIT;

	CHECK_OK(filter_make(SMALL, dir, &f, &doc, &e), e);
	CHECK(doc != NULL);
	filter_done(&f);
	CHECK_OK(filter_make(SMALL, dir, &f, &again, &e), e);
	CHECK(again == NULL);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_acct, 0, 0, 0), ERRNO(EPERM));
	filter_done(&f);
	/* Gone, or cut: compiled again, and kept again. */
	cache_file(path);
	CHECK_INT(truncate(path, 40), 0);
	CHECK_OK(filter_make(SMALL, dir, &f, &again, &e), e);
	CHECK(again != NULL);
	CHECK_UINT(ask(&f, AUDIT_ARCH_X86_64, SYS_acct, 0, 0, 0), ERRNO(EPERM));
	filter_done(&f);
	CHECK_INT(from_cache(), 0);
	/* Flags are no part of what is cached. */
	for (int i = 0; i < 2; i++) {
		json_decref(flagged);
		flagged = NULL;
		CHECK_OK(filter_make(flags, dir, &f, &flagged, &e), e);
		CHECK_UINT(f.flags, SECCOMP_FILTER_FLAG_LOG);
		filter_done(&f);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_json json_t *d = NULL;
		struct filter none = { 0 };

		CHECK_MSG(filter_make(bad[i], dir, &none, &d, &e) < 0, "taken: %s", bad[i]);
		CHECK(none.n == 0);
	}
}
