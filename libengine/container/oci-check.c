/* What of a request can be refused before anything is made. */
#include <errno.h>

#include "container-priv.h"
#include "ctrlite/idmap.h"
#include "json.h"
#include "oci.h"

static int check_limits(const struct ctr_request *r, bool own_userns, struct err *e)
{
	auto_json json_t *arr = json_array();

	return r->ulimits.n ? oci_add_ulimits(arr, r, own_userns, e) : 0;
}

static int check_sysctls(const struct ctr_request *r, struct err *e)
{
	auto_json json_t *obj = json_object();
	bool host_net = ns_is_foreign(ns_network(r));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->sysctls.n; i++)
		rc = oci_add_sysctl(obj, r->sysctls.items[i], host_net, ns_is_foreign(r->ipc_mode),
				    ns_is_foreign(r->uts_mode), e);
	return rc;
}

int oci_check(struct ctr_engine *eng, const struct ctr_request *r, struct err *e)
{
	uint64_t caps;
	int rc = oci_caps(r, &caps, e);

	if (rc == 0)
		rc = check_limits(r, eng->rootless || r->userns, e);
	if (rc == 0)
		rc = check_sysctls(r, e);
	if (rc == 0)
		rc = oci_check_devices(r, eng->rootless, e);
	if (rc == 0)
		rc = oci_check_lsm(r, eng->rootless, e);
	if (rc == 0)
		rc = oci_check_accounts(r, e);
	if (rc == 0)
		rc = localtime_check(r, e);
	if (rc == 0 && r->proc_opts.n && r->pid_mode && streq(r->pid_mode, "host"))
		rc = err_set(e, ERR_INVALID, "--security-opt proc-opts needs a /proc of the container's own: "
			     "it cannot be used with --pid=host");
	return rc;
}
