/* What `inspect` shows of a container: podman's members in podman's order. */
#include <ctrlite/inspect.h>

#include <errno.h>
#include <stdlib.h>

#include <ctrlite/shift.h>
#include <ctrlite/size.h>

#include "container-priv.h"
#include "image-record.h"
#include "inspect-priv.h"
#include "json.h"
#include "namespaces.h"
#include "oci.h"
#include "spec/caps.h"

static bool user_is_root(const char *user)
{
	size_t len = user ? strcspn(user, ":") : 0;

	return !len || (len == 1 && *user == '0') || (len == 4 && !strncmp(user, "root", 4));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

json_t *insp_caps(struct describe *d, uint64_t caps)
{
	auto_strv struct strv names = STRV_INIT;

	if (spec_caps_names(caps, &names) < 0)
		d->failed = true;
	if (names.n)
		qsort(names.items, names.n, sizeof(char *), by_text);
	return json_from_strv(&names);
}

static void capabilities(struct describe *d, json_t *j)
{
	uint64_t caps = 0, eff = 0;

	/* Names that do not resolve were refused when it was made. */
	(void)oci_caps(d->r, &caps, NULL);
	(void)oci_effective_caps(d->r, user_is_root(d->r->user), caps, &eff, NULL);
	insp_set(d, j, "EffectiveCaps", eff ? insp_caps(d, eff) : json_null());
	insp_set(d, j, "BoundingCaps", insp_caps(d, caps));
}

/* Parse what the request keeps as texts.  They were understood when it was made. */
static int read_texts(struct describe *d, struct err *e)
{
	const struct ctr_request *r = d->r;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->networks.n; i++)
		rc = ctr_network_parse(&d->net, r->networks.items[i], e);
	for (size_t i = 0; rc >= 0 && i < r->publish.n; i++)
		rc = ctr_network_add_port(&d->net, r->publish.items[i], e);
	if (rc >= 0)
		rc = request_mounts(r, &d->mounts, e);
	return rc < 0 ? err_wrap(e, rc, "read container %.12s", r->id) : 0;
}

/* The containers whose namespaces it shares, each once. */
static json_t *dependencies(struct describe *d)
{
	const struct ctr_request *r = d->r;
	const char *const modes[] = { r->userns,   ns_network(r), r->ipc_mode,
				      r->uts_mode, r->pid_mode,	  r->cgroupns_mode };
	auto_strv struct strv ids = STRV_INIT;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *id = modes[i] ? str_after(modes[i], "container:") : NULL;

		if (id && !strv_has(&ids, id) && strv_add(&ids, id) < 0)
			d->failed = true;
	}
	return json_from_strv(&ids);
}

static json_t *exec_ids(struct describe *d)
{
	auto_strv struct strv ids = STRV_INIT;

	/* One that ends meanwhile has none any more. */
	if (d->s->state == CTR_RUNNING)
		(void)ctr_exec_sessions(d->eng, d->r->id, &ids, NULL);
	return json_from_strv(&ids);
}

static void paths(struct describe *d, json_t *j)
{
	const char *root = d->eng->store.root, *id = d->r->id;

	insp_text(d, j, "ResolvConfPath", str_printf("%s/containers/%s/resolv.conf", root, id));
	insp_text(d, j, "HostnamePath", str_printf("%s/containers/%s/hostname", root, id));
	insp_text(d, j, "HostsPath", str_printf("%s/containers/%s/hosts", root, id));
	insp_text(d, j, "StaticDir", str_printf("%s/containers/%s", root, id));
	insp_text(d, j, "OCIConfigPath", str_printf("%s/containers/%s/config.json", root, id));
	insp_str(d, j, "OCIRuntime", or_default(d->r->runtime, "ctr-lite-runtime"));
	insp_str(d, j, "ConmonPidFile", d->r->conmon_pidfile);
	insp_str(d, j, "PidFile", d->r->pidfile);
}

/* The program is the first word of entrypoint and command together, the rest its arguments. */
static void command(struct describe *d, json_t *j)
{
	const struct ctr_request *r = d->r;
	json_t *args = json_array();
	size_t n = r->entrypoint.n + r->cmd.n;

	for (size_t i = 1; i < n; i++)
		if (json_array_append_new(
			    args, json_string(i < r->entrypoint.n
						      ? r->entrypoint.items[i]
						      : r->cmd.items[i - r->entrypoint.n])) < 0)
			d->failed = true;
	insp_str(d, j, "Path",
		 r->entrypoint.n ? r->entrypoint.items[0]
		 : r->cmd.n	 ? r->cmd.items[0]
				 : "");
	insp_set(d, j, "Args", args);
}

static int sizes(struct describe *d, json_t *j, struct err *e)
{
	struct image_record rec = IMAGE_RECORD_INIT;
	struct digest manifest;
	uint64_t rw = 0;
	int r = ctr_container_size(d->eng, d->r->id, &rw, e);

	if (r >= 0)
		r = digest_parse_hex(d->r->manifest, &manifest, e);
	if (r >= 0 && image_record_read(&d->eng->store, &manifest, &rec, NULL) < 0)
		rec.size_bytes = 0; /* the image is gone: only what was written is known */
	if (r < 0)
		return r;
	insp_int(d, j, "SizeRw", (int64_t)rw);
	insp_int(d, j, "SizeRootFs", (int64_t)(rw + rec.size_bytes));
	image_record_done(&rec);
	return 0;
}

static int describe(struct describe *d, bool size, json_t *j, struct err *e)
{
	const struct ctr_request *r = d->r;
	int rc;

	insp_str(d, j, "Id", r->id);
	insp_time(d, j, "Created", r->created_ns);
	command(d, j);
	insp_set(d, j, "State", insp_state(d));
	insp_str(d, j, "Image", r->image_id);
	insp_set(d, j, "ImageDigest", json_sprintf("sha256:%s", r->manifest ? r->manifest : ""));
	insp_str(d, j, "ImageName", r->image);
	insp_str(d, j, "Rootfs", d->r->rootfs);
	insp_str(d, j, "Pod", "");
	paths(d, j);
	insp_str(d, j, "Name", r->name);
	insp_int(d, j, "RestartCount", d->s->restarts);
	insp_str(d, j, "Driver", "overlay");
	insp_str(d, j, "MountLabel", "");
	insp_str(d, j, "ProcessLabel", "");
	insp_str(d, j, "AppArmorProfile", r->apparmor);
	capabilities(d, j);
	insp_set(d, j, "ExecIDs", exec_ids(d));
	insp_set(d, j, "GraphDriver", insp_graph_driver(d));
	rc = size ? sizes(d, j, e) : 0;
	if (rc < 0)
		return rc;
	insp_set(d, j, "Mounts", insp_mounts(d));
	insp_set(d, j, "Dependencies", dependencies(d));
	insp_set(d, j, "NetworkSettings", insp_network_settings(d));
	insp_str(d, j, "Namespace", "");
	insp_bool(d, j, "IsInfra", false);
	insp_bool(d, j, "IsService", false);
	insp_set(d, j, "Config", insp_config(d));
	insp_set(d, j, "HostConfig", insp_host_config(d));
	insp_bool(d, j, "UseImageHosts", r->no_hosts);
	insp_bool(d, j, "UseImageHostname", r->no_hostname);
	insp_docker(d, j);
	return d->failed ? err_sys(e, ENOMEM, "describe container %.12s", r->id) : 0;
}

int ctr_container_inspect(struct ctr_engine *eng, const struct ctr_container *c, bool size,
			  json_t **ret, struct err *e)
{
	struct describe d = { .eng = eng,
			      .r = &c->req,
			      .s = &c->status,
			      .net = CTR_NETWORK_INIT,
			      .mounts = SPEC_MOUNTS_INIT };
	auto_json json_t *j = json_object();
	int r = read_texts(&d, e);

	(void)ctr_engine_cgroups(eng, &d.cgroups, NULL); /* what was chosen may not work any more */
	if (r >= 0)
		r = describe(&d, size, j, e);
	ctr_network_done(&d.net);
	spec_mounts_done(&d.mounts);
	if (r < 0)
		return r;
	*ret = json_incref(j);
	return 0;
}
