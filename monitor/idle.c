/* Waiting with next to no memory. */
#include "idle.h"

#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RANGES_MAX 32
#define IDLE_PAGE 4096 /* alignment of the section below */

static struct {
	uintptr_t from;
	size_t len;
} ranges[RANGES_MAX];
static size_t n_ranges;

/* System calls without leaving the page: a call into libc would bring its pages back. */
#if defined(__x86_64__)
static inline __attribute__((always_inline)) long call6(long nr, long a, long b, long c, long d,
							long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
static inline __attribute__((always_inline)) long call6(long nr, long a, long b, long c, long d,
							long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
static inline long call6(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r < 0 ? -errno : r;
}
#endif

/* epoll_pwait: arm64 has no epoll_wait. */
__attribute__((section(".text.idle_page"), aligned(IDLE_PAGE), noinline)) int
idle_wait(int epoll_fd, struct epoll_event *ev, int max, int timeout_ms)
{
	for (size_t i = 0; i < n_ranges; i++)
		(void)call6(SYS_madvise, (long)ranges[i].from, (long)ranges[i].len, MADV_DONTNEED,
			    0, 0, 0);
	return (int)call6(SYS_epoll_pwait, epoll_fd, (long)ev, max, timeout_ms, 0, 0);
}

/* Read-only segments are never dirty, so that dropping them loses nothing. */
static int note_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum && n_ranges < RANGES_MAX; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + ph->p_vaddr) & ~(page - 1);

		if (ph->p_type != PT_LOAD || (ph->p_flags & PF_W))
			continue;
		ranges[n_ranges].from = from;
		ranges[n_ranges].len =
			(info->dlpi_addr + ph->p_vaddr + ph->p_memsz - from + page - 1) &
			~(page - 1);
		n_ranges++;
	}
	return 0;
}

void idle_forget(void *p, size_t len)
{
	for (size_t i = 0; i < n_ranges; i++)
		if (ranges[i].from == (uintptr_t)p)
			return;
	if (n_ranges < RANGES_MAX) {
		ranges[n_ranges].from = (uintptr_t)p;
		ranges[n_ranges++].len = len;
	}
}

void idle_init(void)
{
	(void)dl_iterate_phdr(note_segments, NULL);
	/* Any flag that differs splits the mapping: a fault on our page then brings in that page
	 * alone and not the fifteen around it. */
	(void)madvise((void *)(uintptr_t)&idle_wait, IDLE_PAGE, MADV_DONTDUMP);
}
