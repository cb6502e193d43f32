/* What a process that decodes strangers' files gives up before it starts. */
#include "confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

#define WORKER_FDS 256			/* tree.h's stack and removal of trees, with room */
#define WORKER_MEMORY_BYTES (1ull << 30)	/* 128 MiB of zstd window, 256 MiB of names, libraries */

/* The sanitizer's runtime makes calls of its own and reserves terabytes of addresses. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCH_AUDIT AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_AUDIT AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH_AUDIT AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define ARCH_AUDIT AUDIT_ARCH_S390X
#elif defined(__powerpc64__)
#define ARCH_AUDIT (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? AUDIT_ARCH_PPC64LE : AUDIT_ARCH_PPC64)
#else
#error "name this architecture's AUDIT_ARCH_ constant here"
#endif

/* Most frequent first: before Linux 5.11 the filter is walked for every call. */
static const int allowed_calls[] = {
	SYS_read, SYS_openat, SYS_pwrite64, SYS_utimensat, SYS_close, SYS_write, SYS_mkdirat,
	SYS_fchownat, SYS_fchmodat, SYS_fchown, SYS_fchmod, SYS_symlinkat, SYS_linkat, SYS_fsetxattr,
	SYS_lsetxattr, SYS_llistxattr, SYS_lgetxattr, SYS_readlinkat, SYS_fremovexattr, SYS_fchdir, SYS_mknodat, SYS_unlinkat, SYS_openat2,
	SYS_newfstatat, SYS_fstat, SYS_statx, SYS_fstatfs, SYS_ftruncate, SYS_lseek, SYS_getdents64,
	SYS_renameat2, SYS_fcntl, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex,
	SYS_getrandom, SYS_clock_gettime, SYS_getpid, SYS_gettid, SYS_sysinfo, SYS_rt_sigreturn,
	SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_restart_syscall, SYS_tgkill, SYS_exit,
	SYS_exit_group,
#ifdef SYS_renameat
	SYS_renameat,
#endif
};

#define N_ALLOWED (sizeof(allowed_calls) / sizeof(allowed_calls[0]))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define EQUAL(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(v), (yes), (no))

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_WORD 4
#else
#define LOW_WORD 0
#endif

static int forbid_calls(void)
{
	struct sock_filter f[N_ALLOWED * 2 + 24];
	unsigned short n = 0;
	struct sock_fprog prog;

	f[n++] = (struct sock_filter)LOAD(arch);
	f[n++] = (struct sock_filter)EQUAL(ARCH_AUDIT, 1, 0);
	f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)LOAD(nr); /* x32 numbers are in no list */
	for (size_t i = 0; i < N_ALLOWED; i++) {
		f[n++] = (struct sock_filter)EQUAL(allowed_calls[i], 0, 1);
		f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	/* Memory, but none that can be executed. */
	f[n++] = (struct sock_filter)EQUAL(SYS_mmap, 2, 0);
	f[n++] = (struct sock_filter)EQUAL(SYS_mprotect, 1, 0);
	f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		(uint32_t)offsetof(struct seccomp_data, args[2]) + LOW_WORD);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	prog = (struct sock_fprog){ .len = n, .filter = f };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 ? -errno : 0;
}

/* Of linux/landlock.h as it is in Linux 6.12; the headers of the build host may be older. */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};
#define LL_FS_ABI2 ((1ull << 14) - 1)	/* execute ... make_sym, refer */
#define LL_FS_TRUNCATE (1ull << 14)	/* ABI 3 */
#define LL_FS_IOCTL_DEV (1ull << 15)	/* ABI 5 */
#define LL_NET_TCP 3ull			/* ABI 4: bind, connect */
#define LL_SCOPED 3ull			/* ABI 6: abstract sockets, signals */

/* Before ABI 2 no rule can permit a hard link into another directory, which layers need. */
static int landlock_to(int root_fd)
{
	struct ruleset_attr attr = { .fs = LL_FS_ABI2 };
	struct landlock_path_beneath_attr rule = { .parent_fd = root_fd };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	size_t size = sizeof(attr.fs);
	auto_close int fd = FD_NONE;

	if (abi < 2)
		return 0;
	if (abi >= 3)
		attr.fs |= LL_FS_TRUNCATE;
	if (abi >= 4) {
		attr.net = LL_NET_TCP;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= 5)
		attr.fs |= LL_FS_IOCTL_DEV;
	if (abi >= 6) {
		attr.scoped = LL_SCOPED;
		size = sizeof(attr);
	}
	rule.allowed_access = attr.fs & ~(LANDLOCK_ACCESS_FS_EXECUTE | LL_FS_IOCTL_DEV);
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

static int set_limits(uint64_t max_file_bytes)
{
	const struct {
		int what;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, WORKER_FDS },
		{ RLIMIT_FSIZE, max_file_bytes },
		{ RLIMIT_AS, SANITIZED ? RLIM_INFINITY : WORKER_MEMORY_BYTES },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit old, lim = { limits[i].value, limits[i].value };

		if (getrlimit(limits[i].what, &old) < 0)
			return -errno;
		if (lim.rlim_cur > old.rlim_max)
			lim.rlim_cur = lim.rlim_max = old.rlim_max;
		if (setrlimit(limits[i].what, &lim) < 0)
			return -errno;
	}
	return 0;
}

static int drop_caps(void)
{
	const uint32_t keep = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER |
			      1u << CAP_FSETID | 1u << CAP_MKNOD | 1u << CAP_SETFCAP;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2], data[2] = { { 0 }, { 0 } };

	if (syscall(SYS_capget, &head, now) < 0)
		return -errno;
	data[0].permitted = data[0].effective = keep & now[0].permitted;
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int confine_to(int root_fd, uint64_t max_file_bytes, struct err *e)
{
	int r;

	if (fchdir(root_fd) < 0 || chroot(".") < 0)
		return err_sys(e, errno, "chroot the unpacking process into the layer");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, errno, "set no_new_privs");
	r = set_limits(max_file_bytes);
	if (r < 0)
		return err_sys(e, r, "limit the unpacking process");
	r = drop_caps();
	if (r < 0)
		return err_sys(e, r, "drop the unpacking process's capabilities");
	r = landlock_to(root_fd);
	if (r < 0)
		return err_sys(e, r, "restrict the unpacking process by Landlock");
	r = SANITIZED ? 0 : forbid_calls();
	if (r < 0)
		return err_sys(e, r, "load the unpacking process's seccomp filter");
	return 0;
}
