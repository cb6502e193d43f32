/* The container's cgroup in config.json: its path, and what is limited in it. */
#include <errno.h>
#include <stdio.h>

#include "ctrlite/explain.h"
#include "json.h"
#include "oci.h"
#include "resources.h"

static int set(json_t *obj, const char *key, json_t *value, struct err *e)
{
	return json_object_set_new(obj, key, value) < 0
		       ? err_sys(e, ENOMEM, "make config.json: %s", key)
		       : 0;
}

/* The limits that were asked for, and the number of processes even if none was. */
static int add_limits(const struct cgroup_plan *p, const struct spec_resources *limits, json_t *linux_,
		      struct err *e)
{
	unsigned int flags = SPEC_RESOURCES_NEW | (p->swap ? SPEC_RESOURCES_SWAP : 0);
	/* systemd's own default is lifted by saying so */
	bool pids = p->pids > 0 || (p->pids < 0 && p->manager == CTR_CGROUP_SYSTEMD);
	auto_json json_t *j = NULL;
	int rc = spec_resources_json(limits, flags, &j, e);

	if (rc == 0 && !j && pids)
		j = json_object();
	if (rc == 0 && pids)
		rc = set(j, "pids", json_pack("{s:I}", "limit", (json_int_t)p->pids), e);
	return rc < 0 || !j ? rc : set(linux_, "resources", json_incref(j), e);
}

/* Which option each limit of config.json comes from. */
static void resource_origins(const struct oci_build *b)
{
	static const struct {
		const char *option, *path;
	} paths[] = {
		{ "memory", "memory.limit" },	     { "memory-reservation", "memory.reservation" },
		{ "memory-swap", "memory.swap" },    { "cpu-shares", "cpu.shares" },
		{ "cpu-period", "cpu.period" },	     { "cpu-quota", "cpu.quota" },
		{ "cpus", "cpu" },		     { "cpuset-cpus", "cpu.cpus" },
		{ "cpuset-mems", "cpu.mems" },	     { "pids-limit", "pids" },
		{ "blkio-weight", "blockIO.weight" }, { "blkio-weight-device", "blockIO.weightDevice" },
		{ "device-read-bps", "blockIO.throttleReadBpsDevice" },
		{ "device-write-bps", "blockIO.throttleWriteBpsDevice" },
		{ "device-read-iops", "blockIO.throttleReadIOPSDevice" },
		{ "device-write-iops", "blockIO.throttleWriteIOPSDevice" },
		{ "cgroup-conf", "unified" },
	};
	struct spec_resource_need needs[SPEC_RESOURCE_NEEDS_MAX];
	size_t n = spec_resources_needs(&b->req->limits, needs, SPEC_RESOURCE_NEEDS_MAX);

	ctr_origin(b->req, "linux.cgroupsPath", "", "cgroup manager %s",
		   ctr_cgroup_manager_str(b->cgroup->manager));
	ctr_origin(b->req, "linux.resources.memory", "", "default: twice --memory");
	ctr_origin(b->req, "linux.resources.pids", "", "default");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++) {
			char path[80];

			if (!streq(paths[k].option, needs[i].option))
				continue;
			(void)snprintf(path, sizeof(path), "linux.resources.%s", paths[k].path);
			ctr_origin(b->req, path, "", "--%s", needs[i].option);
		}
}

int oci_resources(const struct oci_build *b, json_t *linux_, struct err *e)
{
	int rc;

	if (!b->cgroup->path)
		return 0;
	if (b->req->origins)
		resource_origins(b);
	rc = set(linux_, "cgroupsPath", json_string(b->cgroup->path), e);
	return rc < 0 ? rc : add_limits(b->cgroup, &b->req->limits, linux_, e);
}
