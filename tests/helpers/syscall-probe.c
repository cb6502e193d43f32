/*
 * What the seccomp filters of this process answer to every system call number.  No call is made: a
 * child puts a filter of its own on top that hands every call to us (SECCOMP_RET_USER_NOTIF), which
 * gives way to each answer of the filters below but "allow" (seccomp(2): ERRNO, TRAP and KILL
 * outrank it).  So what reaches us was allowed, and we answer in the kernel's place.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolation-probe.h"

#define N_CALLS 512		/* of each ABI; the kernels we know end below 480 */
#define X32_BIT 0x40000000
#define ALLOWED 2000		/* our own errno: no filter uses it */
#define STACK_SIZE (64 * 1024)

enum abi { ABI_X86_64, ABI_X32, ABI_I386 };
static const char *const abi_names[] = { "x86_64", "x32", "i386" };

/* Calls whose answer hangs on an argument. */
static const struct variant {
	const char *name;
	long nr, args[3];
} variants[] = {
	{ "personality(PER_LINUX)", SYS_personality, { PER_LINUX } },
	{ "personality(PER_LINUX32)", SYS_personality, { PER_LINUX32 } },
	{ "personality(ADDR_NO_RANDOMIZE)", SYS_personality, { ADDR_NO_RANDOMIZE } },
	{ "personality(UNAME26)", SYS_personality, { 0x0020000 } },
	{ "personality(UNAME26|PER_LINUX32)", SYS_personality, { 0x0020008 } },
	{ "personality(PER_BSD)", SYS_personality, { PER_BSD } },
	{ "personality(query)", SYS_personality, { 0xffffffff } },
	{ "socket(AF_UNIX)", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } },
	{ "socket(AF_INET)", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
	{ "socket(AF_PACKET)", SYS_socket, { AF_PACKET, SOCK_RAW, 0 } },
	{ "socket(AF_ALG)", SYS_socket, { 38, SOCK_SEQPACKET, 0 } },
	{ "socket(AF_VSOCK)", SYS_socket, { 40, SOCK_STREAM, 0 } },
	{ "socket(AF_NETLINK,NETLINK_ROUTE)", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 } },
	{ "socket(AF_NETLINK,NETLINK_AUDIT)", SYS_socket, { AF_NETLINK, SOCK_RAW, 9 } },
	{ "clone(SIGCHLD)", SYS_clone, { SIGCHLD } },
	{ "clone(CLONE_THREAD)", SYS_clone, { CLONE_VM | CLONE_SIGHAND | CLONE_THREAD } },
	{ "clone(CLONE_NEWUSER)", SYS_clone, { CLONE_NEWUSER | SIGCHLD } },
	{ "clone(CLONE_NEWNS)", SYS_clone, { CLONE_NEWNS | SIGCHLD } },
	{ "clone(CLONE_NEWPID)", SYS_clone, { CLONE_NEWPID | SIGCHLD } },
	{ "clone(CLONE_NEWNET)", SYS_clone, { CLONE_NEWNET | SIGCHLD } },
	{ "clone(CLONE_NEWIPC)", SYS_clone, { CLONE_NEWIPC | SIGCHLD } },
	{ "clone(CLONE_NEWUTS)", SYS_clone, { CLONE_NEWUTS | SIGCHLD } },
	{ "clone(CLONE_NEWCGROUP)", SYS_clone, { CLONE_NEWCGROUP | SIGCHLD } },
	{ "unshare(CLONE_NEWUSER)", SYS_unshare, { CLONE_NEWUSER } },
	{ "unshare(CLONE_FILES)", SYS_unshare, { CLONE_FILES } },
	{ "ioctl(TIOCSTI)", SYS_ioctl, { 0, 0x5412 } },
	{ "ioctl(TIOCLINUX)", SYS_ioctl, { 0, 0x541c } },
	{ "ioctl(TCGETS)", SYS_ioctl, { 0, 0x5401 } },
};
#define N_VARIANTS (sizeof(variants) / sizeof(variants[0]))

struct shared {
	int listener;			/* the child's notifications; -1 so far, -2 if it cannot have one */
	int err;			/* why it cannot */
	int next;			/* the number that is being asked about */
	bool done;
	short answer[3][N_CALLS];	/* minus errno as it came back; 1: SIGSYS; 2: killed */
	short variant[N_VARIANTS];
};
static struct shared *shared;

static jmp_buf trapped;

/* No rt_sigreturn: that would be one more call to answer. */
static void on_sigsys(int sig)
{
	(void)sig;
	longjmp(trapped, 1);
}

static long raw64(long nr, const long *a)
{
	register long r10 __asm__("r10") = -1;
	register long r8 __asm__("r8") = -1;
	register long r9 __asm__("r9") = -1;
	long r;

	__asm__ volatile("syscall" : "=a"(r)
			 : "0"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

static long raw32(long nr)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "0"(nr), "b"(-1L), "c"(-1L), "d"(-1L), "S"(-1L),
			 "D"(-1L) : "r8", "r9", "r10", "r11", "memory");
	return (int)r;
}

/* uretprobe and uprobe pass every filter (kernel/seccomp.c, since 6.11), so they would be made. */
static bool unfiltered(enum abi abi, long nr)
{
	return abi == ABI_X86_64 && (nr == 335 || nr == 336);
}

static short ask(enum abi abi, long nr, const long *args)
{
	if (unfiltered(abi, nr))
		return -ALLOWED;
	if (setjmp(trapped))
		return 1;
	switch (abi) {
	case ABI_X86_64:
		return (short)raw64(nr, args);
	case ABI_X32:
		return (short)raw64(nr | X32_BIT, args);
	case ABI_I386:
		return (short)raw32(nr);
	}
	return 0;
}

static int notify_everything(void)
{
	struct sock_filter insns[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF) };
	struct sock_fprog prog = { 1, insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &prog);
}

/* Asks on from shared->next; each number is noted before it is asked, in case it kills us. */
static int child(void *arg)
{
	static const long none[3] = { -1, -1, -1 };
	struct sigaction sa = { .sa_handler = on_sigsys, .sa_flags = SA_NODEFER };
	int fd;

	(void)arg;
	(void)sigaction(SIGSYS, &sa, NULL);
	fd = notify_everything();
	if (fd < 0)
		shared->err = errno;
	__atomic_store_n(&shared->listener, fd < 0 ? -2 : fd, __ATOMIC_SEQ_CST);
	if (fd < 0)
		return 1;
	for (; shared->next < 3 * N_CALLS; shared->next++) {
		enum abi abi = (enum abi)(shared->next / N_CALLS);
		int nr = shared->next % N_CALLS;

		shared->answer[abi][nr] = ask(abi, nr, none);
	}
	for (; shared->next < 3 * N_CALLS + (int)N_VARIANTS; shared->next++) {
		const struct variant *v = &variants[shared->next - 3 * N_CALLS];

		shared->variant[v - variants] = ask(ABI_X86_64, v->nr, v->args);
	}
	__atomic_store_n(&shared->done, true, __ATOMIC_SEQ_CST);
	(void)ask(ABI_X86_64, SYS_exit_group, none);
	return 0;
}

/* Answers until the child ends, or has ended. */
static void serve(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		struct seccomp_notif req = { 0 };
		struct seccomp_notif_resp resp = { 0 };

		if (poll(&p, 1, -1) < 0 && errno == EINTR)
			continue;
		if (!(p.revents & POLLIN))
			return;
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
			continue; /* it was killed meanwhile */
		resp.id = req.id;
		if (__atomic_load_n(&shared->done, __ATOMIC_SEQ_CST))
			resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else
			resp.error = -ALLOWED;
		(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	}
}

static void note_death(void)
{
	int i = shared->next++;

	if (i < 3 * N_CALLS)
		shared->answer[i / N_CALLS][i % N_CALLS] = 2;
	else
		shared->variant[i - 3 * N_CALLS] = 2;
}

static const char *answer_text(short a)
{
	static char other[32];

	switch (a) {
	case 1:
		return "trap";
	case 2:
		return "killed";
	case -ALLOWED:
		return "allowed";
	case -EPERM:
		return "EPERM";
	case -ENOSYS:
		return "ENOSYS";
	default:
		(void)snprintf(other, sizeof(other), "errno %d", -a);
		return other;
	}
}

static void print_answers(void)
{
	char key[64];

	for (int abi = 0; abi < 3; abi++) {
		for (int nr = 0; nr < N_CALLS; nr++) {
			(void)snprintf(key, sizeof(key), "%s %d", abi_names[abi], nr);
			entry(key, "%s", answer_text(shared->answer[abi][nr]));
		}
	}
	for (size_t i = 0; i < N_VARIANTS; i++)
		entry(variants[i].name, "%s", answer_text(shared->variant[i]));
}

void probe_syscalls(void)
{
	char *stack = malloc(STACK_SIZE);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	section_begin("syscalls");
	while (stack && shared != MAP_FAILED && !shared->done) {
		int fd, status;
		pid_t pid;

		shared->listener = -1;
		/* One table of descriptors: so the listener reaches us. */
		pid = clone(child, stack + STACK_SIZE, CLONE_FILES | SIGCHLD, NULL);
		if (pid < 0)
			break;
		while ((fd = __atomic_load_n(&shared->listener, __ATOMIC_SEQ_CST)) == -1)
			(void)usleep(50);
		if (fd >= 0)
			serve(fd);
		(void)waitpid(pid, &status, 0);
		if (fd < 0) {
			entry("listener", "errno %d", shared->err);
			break;
		}
		(void)close(fd);
		if (!shared->done)
			note_death();
	}
	if (shared != MAP_FAILED && shared->done)
		print_answers();
	section_end();
	free(stack);
}
