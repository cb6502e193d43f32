/* Members that docker has and podman has not: scripts written for docker ask for them. */
#include "inspect-priv.h"

#include "json.h"
#include "oci.h"

static json_t *list_or_null(const struct strv *v)
{
	return v->n ? json_from_strv(v) : json_null();
}

static void host_config(struct describe *d, json_t *j)
{
	const struct ctr_request *r = d->r;
	const struct oci_build b = { .req = r };

	insp_str(d, j, "CgroupnsMode", or_default(r->cgroupns_mode, "private"));
	insp_set(d, j, "StorageOpt", json_null());
	insp_set(d, j, "Sysctls", r->sysctls.n ? insp_map(&r->sysctls) : json_null());
	insp_set(d, j, "DeviceCgroupRules", list_or_null(&r->device_rules));
	insp_set(d, j, "DeviceRequests", json_null());
	insp_set(d, j, "Mounts", json_null()); /* all are in Mounts and Binds */
	insp_set(d, j, "MaskedPaths", oci_masked_paths(&b));
	insp_set(d, j, "ReadonlyPaths", oci_read_only_paths(r));
}

void insp_docker(struct describe *d, json_t *j)
{
	json_t *host = json_object_get(j, "HostConfig");
	json_t *log = json_object_get(json_object_get(host, "LogConfig"), "Path");

	insp_str(d, j, "LogPath", json_string_value(log));
	insp_str(d, j, "Platform", "linux");
	insp_str(d, json_object_get(j, "Config"), "MacAddress", "");
	host_config(d, host);
}
