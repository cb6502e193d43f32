/* The container's cgroup in config.json: its path, and what is limited in it. */
#include <errno.h>

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
	auto_json json_t *j = NULL;
	int rc = spec_resources_json(limits, flags, &j, e);

	if (rc == 0 && !j && p->pids > 0)
		j = json_object();
	if (rc == 0 && p->pids > 0)
		rc = set(j, "pids", json_pack("{s:I}", "limit", (json_int_t)p->pids), e);
	return rc < 0 || !j ? rc : set(linux_, "resources", json_incref(j), e);
}

int oci_resources(const struct oci_build *b, json_t *linux_, struct err *e)
{
	int rc;

	if (!b->cgroup->path)
		return 0;
	ctr_origin(b->req, "linux.cgroupsPath", "", "cgroup manager %s",
		   ctr_cgroup_manager_str(b->cgroup->manager));
	ctr_origin(b->req, "linux.resources", "", "options of limits (--memory and its kind)");
	ctr_origin(b->req, "linux.resources.pids", "", "--pids-limit, or podman's default of %d",
		   CGROUP_PIDS_DEFAULT);
	rc = set(linux_, "cgroupsPath", json_string(b->cgroup->path), e);
	return rc < 0 ? rc : add_limits(b->cgroup, &b->req->limits, linux_, e);
}
