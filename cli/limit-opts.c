/* Resource limits on the command line, see limit-opts.h. */
#include "limit-opts.h"

#include <errno.h>
#include <stdio.h>

#define ARG(m) offsetof(struct limit_args, m)

/* clang-format off */
const struct opt limit_opts[] = {
	{ 0,   "blkio-weight", "N",        OPT_STRING, ARG(blkio_weight),  "block I/O weight, 10 to 1000 (0: none)" },
	{ 0,   "blkio-weight-device", "DEVICE:N", OPT_LIST, ARG(weight_device), "block I/O weight of one device" },
	{ 0,   "cpu-period",   "N",        OPT_U64,    ARG(cpu_period),    "CPU period in microseconds" },
	{ 0,   "cpu-quota",    "N",        OPT_I64,    ARG(cpu_quota),     "CPU time in each period in microseconds (-1: no limit)" },
	{ 0,   "cpu-rt-period", "N",       OPT_U64,    ARG(cpu_rt_period), "realtime period (cgroup version 1 only)", OPT_HIDDEN },
	{ 0,   "cpu-rt-runtime", "N",      OPT_U64,    ARG(cpu_rt_runtime), "realtime time (cgroup version 1 only)", OPT_HIDDEN },
	{ 'c', "cpu-shares",   "N",        OPT_U64,    ARG(cpu_shares),    "CPU weight relative to others, 1024 is usual" },
	{ 0,   "cpus",         "N",        OPT_FLOAT,  ARG(cpus),          "number of CPUs, with a fraction" },
	{ 0,   "cpuset-cpus",  "LIST",     OPT_STRING, ARG(cpuset_cpus),   "CPUs to run on: 0-3,5" },
	{ 0,   "cpuset-mems",  "LIST",     OPT_STRING, ARG(cpuset_mems),   "memory nodes to use: 0-3,5" },
	{ 0,   "device-read-bps", "DEVICE:RATE", OPT_LIST, ARG(read_bps),  "bytes a second to read from a device" },
	{ 0,   "device-read-iops", "DEVICE:RATE", OPT_LIST, ARG(read_iops), "reads a second from a device" },
	{ 0,   "device-write-bps", "DEVICE:RATE", OPT_LIST, ARG(write_bps), "bytes a second to write to a device" },
	{ 0,   "device-write-iops", "DEVICE:RATE", OPT_LIST, ARG(write_iops), "writes a second to a device" },
	{ 'm', "memory",       "SIZE",     OPT_STRING, ARG(memory),        "memory limit: a number with a unit b, k, m or g" },
	{ 0,   "memory-reservation", "SIZE", OPT_STRING, ARG(memory_reservation), "memory that is left to it when the host is short" },
	{ 0,   "memory-swap",  "SIZE",     OPT_STRING, ARG(memory_swap),   "limit of memory and swap together (default: twice the memory; -1: no limit)" },
	{ 0,   "memory-swappiness", "N",   OPT_I64,    ARG(memory_swappiness), "swappiness (cgroup version 1 only)", OPT_HIDDEN },
	{ 0,   "pids-limit",   "N",        OPT_I64,    ARG(pids_limit),    "number of processes (default 2048; 0 or -1: no limit)" },
	{ 0 },
};

/* One text, or a list of them, for the limit of that name. */
static const struct {
	const char *option;
	size_t offset;
	bool list;
} texts[] = {
	{ "memory",		ARG(memory) },
	{ "memory-reservation",	ARG(memory_reservation) },
	{ "memory-swap",	ARG(memory_swap) },
	{ "cpuset-cpus",	ARG(cpuset_cpus) },
	{ "cpuset-mems",	ARG(cpuset_mems) },
	{ "blkio-weight",	ARG(blkio_weight) },
	{ "blkio-weight-device", ARG(weight_device), true },
	{ "device-read-bps",	ARG(read_bps), true },
	{ "device-write-bps",	ARG(write_bps), true },
	{ "device-read-iops",	ARG(read_iops), true },
	{ "device-write-iops",	ARG(write_iops), true },
	{ "cgroup-conf",	ARG(conf), true },
};
/* clang-format on */

static int set_texts(const struct limit_args *a, struct spec_resources *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]); i++) {
		const void *at = (const char *)a + texts[i].offset;
		const struct strv *list = at;
		const char *text = texts[i].list ? NULL : *(const char *const *)at;

		for (size_t k = 0; rc == 0 && texts[i].list && k < list->n; k++)
			rc = spec_resources_set(r, texts[i].option, list->items[k], e);
		if (rc == 0 && text)
			rc = spec_resources_set(r, texts[i].option, text, e);
	}
	return rc;
}

/* What only version 1 of cgroups has: there it cannot be delegated, so it is nowhere. */
static int refuse_v1(const struct limit_args *a, struct err *e)
{
	const char *option = a->memory_swappiness != -1 ? "memory-swappiness"
			     : a->cpu_rt_period		? "cpu-rt-period"
			     : a->cpu_rt_runtime	? "cpu-rt-runtime"
							: NULL;

	return option ? err_set(e, ERR_UNSUPPORTED, "--%s is not supported: cgroup version 2 has no such "
				"limit", option)
		      : 0;
}

int limits_parse(const struct cmd *c, const struct limit_args *a, struct spec_resources *ret,
		 struct err *e)
{
	int rc = refuse_v1(a, e);

	if (rc == 0 && a->cpus != 0 && opt_seen(c->opts, "cpu-period"))
		rc = err_set(e, ERR_INVALID, "--cpu-period and --cpus cannot be set together");
	if (rc == 0 && a->cpus != 0 && opt_seen(c->opts, "cpu-quota"))
		rc = err_set(e, ERR_INVALID, "--cpu-quota and --cpus cannot be set together");
	if (rc == 0)
		rc = set_texts(a, ret, e);
	if (rc < 0)
		return rc;
	ret->cpu_shares = a->cpu_shares;
	ret->cpu_period_us = a->cpu_period;
	ret->cpu_quota_us = a->cpu_quota < 0 ? -1 : a->cpu_quota;
	if (opt_seen(c->opts, "pids-limit"))
		ret->pids = a->pids_limit > 0 ? a->pids_limit : -1;
	return a->cpus != 0 ? spec_resources_set_cpus(ret, a->cpus, e) : 0;
}
