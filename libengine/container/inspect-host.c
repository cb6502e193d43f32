/* HostConfig: what was asked of the host. */
#include "inspect-priv.h"

#include <stdlib.h>

#include <ctrlite/cgroup.h>

#include "json.h"
#include "namespaces.h"
#include "oci.h"
#include "spec/caps.h"

static json_t *security_opts(struct describe *d)
{
	const struct ctr_request *r = d->r;
	json_t *list = json_array();
	int rc = 0;

	if (r->no_new_privs)
		rc |= json_array_append_new(list, json_string("no-new-privileges"));
	if (r->seccomp)
		rc |= json_array_append_new(list, json_sprintf("seccomp=%s", r->seccomp));
	if (r->apparmor)
		rc |= json_array_append_new(list, json_sprintf("apparmor=%s", r->apparmor));
	for (size_t i = 0; i < r->labels_lsm.n; i++)
		rc |= json_array_append_new(list, json_sprintf("label=%s", r->labels_lsm.items[i]));
	for (size_t i = 0; i < r->proc_opts.n; i++)
		rc |= json_array_append_new(list,
					    json_sprintf("proc-opts=%s", r->proc_opts.items[i]));
	for (size_t i = 0; i < r->mask.n; i++)
		rc |= json_array_append_new(list, json_sprintf("mask=%s", r->mask.items[i]));
	for (size_t i = 0; i < r->unmask.n; i++)
		rc |= json_array_append_new(list, json_sprintf("unmask=%s", r->unmask.items[i]));
	if (rc)
		d->failed = true;
	return list;
}

/* "nofile=1024:2048" as {Name, Soft, Hard}. */
json_t *insp_ulimits(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->r->ulimits.n; i++) {
		const char *text = d->r->ulimits.items[i], *eq = strchr(text, '='), *colon;
		char name[32] = "RLIMIT_";
		size_t len = 7;

		if (!eq)
			continue;
		for (const char *c = text; c < eq && len + 1 < sizeof(name); c++)
			name[len++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
		name[len] = '\0';
		colon = strchr(eq, ':');
		if (json_array_append_new(list,
					  json_pack("{s:s, s:I, s:I}", "Name", name, "Soft",
						    (json_int_t)strtoll(eq + 1, NULL, 10), "Hard",
						    (json_int_t)strtoll(colon ? colon + 1 : eq + 1,
									NULL, 10))) < 0)
			d->failed = true;
	}
	return list;
}

json_t *insp_devices(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->r->devices.n; i++) {
		auto_strv struct strv parts = STRV_INIT;
		const char *in = NULL, *mode = "rwm";

		if (strv_split(&parts, d->r->devices.items[i], ':') < 0) {
			d->failed = true;
			break;
		}
		if (parts.n > 1 && parts.items[1][0] == '/')
			in = parts.items[1];
		if (parts.n > 1 && parts.items[parts.n - 1][0] != '/')
			mode = parts.items[parts.n - 1];
		if (json_array_append_new(list,
					  json_pack("{s:s, s:s, s:s}", "PathOnHost", parts.items[0],
						    "PathInContainer", in ? in : parts.items[0],
						    "CgroupPermissions", mode)) < 0)
			d->failed = true;
	}
	return list;
}

/* As podman: what nobody asked to keep private can be shared, and is shown so. */
static const char *ipc_mode(const struct ctr_request *r)
{
	bool own = r->ipc_mode && (streq(r->ipc_mode, "private") || streq(r->ipc_mode, "none"));

	return own ? "private" : or_default(r->ipc_mode, "shareable");
}

static const char *userns_mode(const struct ctr_request *r)
{
	if (!r->userns)
		return "";
	return ns_is_joined(r->userns) ? r->userns : "private";
}

/* "0:1:1000,1000:0:1" as a list. */
static json_t *map_list(const char *text)
{
	auto_strv struct strv parts = STRV_INIT;

	return strv_split(&parts, text, ',') < 0 ? NULL : json_from_strv(&parts);
}

static json_t *id_mappings(const struct ctr_request *r)
{
	return json_pack("{s:o, s:o}", "UidMap", map_list(r->inner_uidmap), "GidMap",
			 map_list(r->inner_gidmap));
}

/* As go-units prints sizes: 10MB, 1.049MB. */
static char *decimal_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		v /= 1000;
	return str_printf("%.4g%s", v, units[i]);
}

/* What differs from the default: names may be given twice, or "all". */
static void capabilities(struct describe *d, json_t *j)
{
	uint64_t caps = 0, normal = spec_caps_default();

	(void)oci_caps(d->r, &caps, NULL); /* refused when it was made */
	insp_set(d, j, "CapAdd", insp_caps(d, d->r->privileged ? 0 : caps & ~normal));
	insp_set(d, j, "CapDrop", insp_caps(d, d->r->privileged ? 0 : normal & ~caps));
}

json_t *insp_host_config(struct describe *d)
{
	const struct ctr_request *r = d->r;
	const char *driver = or_default(r->log_driver, "k8s-file");
	json_t *j = json_object(), *log = json_object();

	insp_str(d, log, "Type", driver);
	insp_set(d, log, "Config", json_null());
	if (container_log_is_file(driver))
		insp_text(d, log, "Path", container_log_path(d->eng, r));
	else
		insp_str(d, log, "Path", "");
	insp_str(d, log, "Tag", r->log_tag);
	insp_text(d, log, "Size", decimal_size(r->log_max_bytes));

	insp_set(d, j, "Binds", insp_binds(d));
	insp_str(d, j, "CgroupManager",
		 ctr_cgroup_manager_str(d->cgroups ? d->cgroups->manager : CTR_CGROUP_DISABLED));
	insp_str(d, j, "CgroupMode", or_default(r->cgroupns_mode, "private"));
	insp_str(d, j, "ContainerIDFile", r->cidfile);
	insp_set(d, j, "LogConfig", log);
	insp_text(d, j, "NetworkMode", insp_network_mode(d));
	insp_set(d, j, "PortBindings", insp_ports(d));
	insp_set(d, j, "RestartPolicy",
		 json_pack("{s:s, s:I}", "Name", or_default(r->restart, "no"), "MaximumRetryCount",
			   (json_int_t)r->restart_max));
	insp_bool(d, j, "AutoRemove", r->rm);
	insp_bool(d, j, "AutoRemoveImage", r->remove_image);
	insp_set(d, j, "Annotations", insp_map_or_null(&r->annotations));
	insp_str(d, j, "VolumeDriver", "");
	if (r->volumes_from.n)
		insp_strv(d, j, "VolumesFrom", &r->volumes_from);
	else
		insp_set(d, j, "VolumesFrom", json_null());
	capabilities(d, j);
	insp_strv(d, j, "Dns", &r->dns);
	insp_strv(d, j, "DnsOptions", &r->dns_option);
	insp_strv(d, j, "DnsSearch", &r->dns_search);
	insp_strv(d, j, "ExtraHosts", &r->add_hosts);
	insp_str(d, j, "HostsFile", r->hosts_file);
	insp_strv(d, j, "GroupAdd", &r->group_add);
	insp_str(d, j, "IpcMode", ipc_mode(r));
	insp_str(d, j, "Cgroup", "");
	insp_str(d, j, "Cgroups",
		 !r->cgroups_mode || streq(r->cgroups_mode, "enabled") ? "default"
								       : r->cgroups_mode);
	insp_set(d, j, "Links", json_null());
	insp_int(d, j, "OomScoreAdj", r->oom_score_adj);
	insp_str(d, j, "PidMode", or_default(r->pid_mode, "private"));
	insp_bool(d, j, "Privileged", r->privileged);
	insp_bool(d, j, "PublishAllPorts", r->publish_all);
	insp_bool(d, j, "ReadonlyRootfs", r->read_only);
	insp_set(d, j, "SecurityOpt", security_opts(d));
	insp_set(d, j, "Tmpfs", insp_tmpfs(d));
	insp_str(d, j, "UTSMode", or_default(r->uts_mode, "private"));
	insp_str(d, j, "UsernsMode", userns_mode(r));
	if (r->inner_uidmap && r->inner_gidmap)
		insp_set(d, j, "IDMappings", id_mappings(r));
	insp_int(d, j, "ShmSize", (int64_t)r->shm_size_bytes);
	insp_str(d, j, "Runtime", "oci");
	insp_set(d, j, "ConsoleSize", json_pack("[i, i]", 0, 0));
	insp_str(d, j, "Isolation", "");
	insp_bool(d, j, "Init", r->init);
	insp_resources(d, j);
	return j;
}
