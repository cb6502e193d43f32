/* CPU affinity. */
#include "affinity.h"

#include <errno.h>
#include <sched.h>

#include "str.h"

static int read_cpu(const char **at, uint32_t *ret)
{
	char digits[12];
	size_t n = strspn(*at, "0123456789");

	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, *at, n);
	digits[n] = '\0';
	*at += n;
	return str_u32(digits, CPU_SETSIZE - 1, ret) < 0 ? -EINVAL : 0;
}

int affinity_parse(const char *list, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	for (;;) {
		uint32_t first, last;

		list += strspn(list, " ");
		if (read_cpu(&list, &first) < 0)
			return -EINVAL;
		last = first;
		if (*list == '-') {
			list++;
			if (read_cpu(&list, &last) < 0 || last < first)
				return -EINVAL;
		}
		for (uint32_t cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, ret);
		list += strspn(list, " ");
		if (*list == '\0')
			return 0;
		if (*list++ != ',')
			return -EINVAL;
	}
}

int affinity_set(const char *list, const char *where, struct err *e)
{
	cpu_set_t cpus;

	if (!list || !list[0])
		return 0;
	if (affinity_parse(list, &cpus) < 0)
		return err_set(e, ERR_INVALID, "%s: \"%.100s\" is not a list of CPUs", where, list);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) == 0)
		return 0;
	return errno == EINVAL ? err_set(e, ERR_INVALID,
					 "%s: none of the CPUs %.100s is there, or in the cpuset "
					 "of the container's cgroup",
					 where, list)
			       : err_sys(e, errno, "%s: run on the CPUs %.100s", where, list);
}

int affinity_final(struct setup *s, struct err *e)
{
	return affinity_set(s->proc->affinity_final, "$.process.execCPUAffinity.final", e);
}
