/* HostConfig: the limits. */
#include "inspect-priv.h"

#include "cgroup/cgroup-plan.h"
#include "container-priv.h"

/* As podman shows it: what was asked for, or what systemd's scopes are made in. */
static const char *cgroup_parent(const struct describe *d)
{
	if (d->r->cgroup_parent || !d->cgroups || d->cgroups->manager != CTR_CGROUP_SYSTEMD)
		return d->r->cgroup_parent;
	return d->eng->rootless ? "user.slice" : "machine.slice";
}

/* [{"Path": "/dev/sda", "Rate": 1048576}, ...]; podman's null where there are none. */
static json_t *device_limits(struct describe *d, const struct strv *entries, bool weight)
{
	json_t *list = entries->n ? json_array() : json_null();

	for (size_t i = 0; i < entries->n; i++) {
		const char *colon = strrchr(entries->items[i], ':');
		uint64_t n = 0;

		(void)str_size(colon + 1, &n); /* checked when the container was made */
		if (json_array_append_new(list,
					  json_pack("{s:s%, s:I}", "Path", entries->items[i],
						    (size_t)(colon - entries->items[i]),
						    weight ? "Weight" : "Rate", (json_int_t)n)) < 0)
			d->failed = true;
	}
	return list;
}

/* The number of processors that quota and period make, in billionths. */
static int64_t nano_cpus(const struct spec_resources *l)
{
	if (l->cpu_quota_us <= 0 || !l->cpu_period_us)
		return 0;
	return (int64_t)((double)l->cpu_quota_us / (double)l->cpu_period_us * 1e9);
}

void insp_resources(struct describe *d, json_t *j)
{
	const struct spec_resources *l = &d->r->limits;
	bool pids = d->cgroups && d->cgroups->manager != CTR_CGROUP_DISABLED &&
		    strv_has(&d->cgroups->controllers, "pids") &&
		    !(d->r->cgroups_mode && streq(d->r->cgroups_mode, "disabled"));

	insp_int(d, j, "CpuShares", (int64_t)l->cpu_shares);
	insp_int(d, j, "Memory", l->memory);
	insp_int(d, j, "NanoCpus", nano_cpus(l));
	insp_str(d, j, "CgroupParent", cgroup_parent(d));
	insp_int(d, j, "BlkioWeight", l->blkio_weight);
	insp_set(d, j, "BlkioWeightDevice", device_limits(d, &l->blkio_weight_device, true));
	insp_set(d, j, "BlkioDeviceReadBps", device_limits(d, &l->device_read_bps, false));
	insp_set(d, j, "BlkioDeviceWriteBps", device_limits(d, &l->device_write_bps, false));
	insp_set(d, j, "BlkioDeviceReadIOps", device_limits(d, &l->device_read_iops, false));
	insp_set(d, j, "BlkioDeviceWriteIOps", device_limits(d, &l->device_write_iops, false));
	insp_int(d, j, "CpuPeriod", (int64_t)l->cpu_period_us);
	insp_int(d, j, "CpuQuota", l->cpu_quota_us);
	insp_int(d, j, "CpuRealtimePeriod", 0);
	insp_int(d, j, "CpuRealtimeRuntime", 0);
	insp_str(d, j, "CpusetCpus", l->cpuset_cpus);
	insp_str(d, j, "CpusetMems", l->cpuset_mems);
	insp_set(d, j, "Devices", insp_devices(d));
	insp_int(d, j, "DiskQuota", 0);
	insp_int(d, j, "KernelMemory", 0);
	insp_int(d, j, "MemoryReservation", l->memory_reservation);
	insp_int(d, j, "MemorySwap", l->memory_swap ? l->memory_swap : 2 * l->memory);
	insp_int(d, j, "MemorySwappiness", 0);
	insp_bool(d, j, "OomKillDisable", false);
	insp_int(d, j, "PidsLimit", l->pids ? l->pids : pids ? CGROUP_PIDS_DEFAULT : 0);
	insp_set(d, j, "Ulimits", insp_ulimits(d));
	insp_int(d, j, "CpuCount", 0);
	insp_int(d, j, "CpuPercent", 0);
	insp_int(d, j, "IOMaximumIOps", 0);
	insp_int(d, j, "IOMaximumBandwidth", 0);
	insp_set(d, j, "CgroupConf", l->unified.n ? insp_map(&l->unified) : json_null());
}
