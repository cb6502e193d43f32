/* What confines the container's process: ulimits, sysctls, devices, seccomp. */
#include <errno.h>
#include <stdlib.h>

#include "container-priv.h"
#include "json.h"
#include "oci.h"

int oci_add_ulimits(json_t *arr, const struct strv *ulimits, struct err *e)
{
	(void)arr;
	return ulimits->n ? err_set(e, ERR_UNSUPPORTED, "ulimit") : 0;
}

int oci_add_sysctl(json_t *obj, const char *text, bool host_net, bool host_ipc, bool host_uts,
		   struct err *e)
{
	(void)obj; (void)text; (void)host_net; (void)host_ipc; (void)host_uts;
	return err_set(e, ERR_UNSUPPORTED, "sysctl");
}

int oci_root_resources(json_t *linux_, const struct ctr_request *r, struct err *e)
{
	(void)linux_; (void)r; (void)e;
	return 0;
}

int oci_seccomp(struct oci_build *b, uint64_t caps, char **ret, struct err *e)
{
	(void)b; (void)caps; (void)e;
	*ret = NULL;
	return 0;
}
