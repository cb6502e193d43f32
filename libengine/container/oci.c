/* The OCI config.json of a container (runtime-spec "Configuration"), from its request. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "json.h"
#include "merged.h"
#include "oci.h"
#include "user.h"

#define OCI_VERSION "1.0.2"
#define KEEP_GROUPS "run.oci.keep_original_groups" /* crun's word, and ours */

/* Append a new reference; a failure shows when the document is dumped, because @j is NULL then. */
static int push(json_t *arr, json_t *j, struct err *e)
{
	return json_array_append_new(arr, j) < 0 ? err_sys(e, ENOMEM, "make config.json") : 0;
}

static int set(json_t *obj, const char *key, json_t *j, struct err *e)
{
	return json_object_set_new(obj, key, j) < 0 ? err_sys(e, ENOMEM, "make config.json: %s", key)
						     : 0;
}

static int add_ns(json_t *arr, const char *type, const char *path, struct err *e)
{
	return push(arr, path ? json_pack("{s:s, s:s}", "type", type, "path", path)
			      : json_pack("{s:s}", "type", type), e);
}

/* One that the monitor puts into the run directory. */
static int add_placed_ns(struct oci_build *b, json_t *arr, const char *kind, struct err *e)
{
	auto_free char *path = str_printf("%s/ns/%s", b->run_dir, kind);

	return path ? add_ns(arr, kind, path, e) : err_sys(e, ENOMEM, "make config.json");
}

static void namespace_origins(const struct oci_build *b)
{
	const struct ctr_request *r = b->req;
	const struct {
		const char *kind, *option, *mode;
	} all[] = {
		{ "pid", "pid", r->pid_mode },	{ "cgroup", "cgroupns", r->cgroupns_mode },
		{ "ipc", "ipc", r->ipc_mode },	{ "network", "network", ns_network(r) },
		{ "user", "userns", r->userns },
	};

	ctr_origin(r, "linux.namespaces", "", "default");
	if (b->ns->user_path)
		ctr_origin(r, "linux.namespaces", "user", "--uidmap, --gidmap");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].mode)
			ctr_origin(r, "linux.namespaces", all[i].kind, "--%s=%s", all[i].option,
				   all[i].mode);
}

static json_t *namespaces(struct oci_build *b, struct err *e)
{
	const struct ctr_request *r = b->req;
	json_t *arr = json_array();
	int rc = add_ns(arr, "mount", NULL, e);

	if (r->origins)
		namespace_origins(b);
	/* The runtime is started inside of what is shared, but of these. */
	if (rc == 0 && b->ns->user_path)
		rc = add_placed_ns(b, arr, "user", e);
	if (rc == 0 && ns_is_joined(r->pid_mode))
		rc = add_placed_ns(b, arr, "pid", e);
	if (rc == 0 && ns_is_joined(r->cgroupns_mode))
		rc = add_placed_ns(b, arr, "cgroup", e);
	if (rc == 0 && !ns_is_foreign(r->pid_mode))
		rc = add_ns(arr, "pid", NULL, e);
	if (rc == 0 && !ns_is_foreign(r->ipc_mode))
		rc = add_ns(arr, "ipc", NULL, e);
	if (rc == 0 && !ns_is_foreign(r->uts_mode))
		rc = add_ns(arr, "uts", NULL, e);
	if (rc == 0 && !ns_is_foreign(r->cgroupns_mode))
		rc = add_ns(arr, "cgroup", NULL, e);
	/* The monitor has made it already and runs the runtime inside. */
	if (rc == 0 && !b->host_net)
		rc = add_ns(arr, "network", "/proc/self/ns/net", e);
	if (rc < 0) {
		json_decref(arr);
		return NULL;
	}
	return arr;
}

static int sysctls(struct oci_build *b, json_t *linux_, struct err *e)
{
	json_t *obj = json_object();
	/* A map of one id may not have this one. */
	uint32_t ping_gid = oci_has_gid(b->map, 0) ? 0 : b->map->gid[0].container;
	int rc = 0;

	/* podman's default, so that ping works without a capability.  runc refuses net.* in a network
	 * namespace that it is in already, and others may. */
	if (!b->host_net && b->our_runtime)
		rc = set(obj, "net.ipv4.ping_group_range", json_sprintf("%u %u", ping_gid, ping_gid), e);
	ctr_origin(b->req, "linux.sysctl", "", "default");
	for (size_t i = 0; b->req->origins && i < b->req->sysctls.n; i++) {
		const char *text = b->req->sysctls.items[i];
		auto_free char *key = strndup(text, strcspn(text, "="));

		if (key)
			ctr_origin(b->req, "linux.sysctl", key, "--sysctl %s", text);
	}
	for (size_t i = 0; rc == 0 && i < b->req->sysctls.n; i++)
		rc = oci_add_sysctl(obj, b->req->sysctls.items[i], b->host_net,
				    ns_is_foreign(b->req->ipc_mode),
				    ns_is_foreign(b->req->uts_mode), e);
	if (rc < 0 || json_object_size(obj) == 0) {
		json_decref(obj);
		return rc;
	}
	return set(linux_, "sysctl", obj, e);
}

static json_t *mapping(const struct idmap_range *r, uint32_t n)
{
	json_t *arr = json_array();

	for (uint32_t i = 0; i < n; i++)
		(void)json_array_append_new(arr, json_pack("{s:I, s:I, s:I}", "containerID",
							   (json_int_t)r[i].container, "hostID",
							   (json_int_t)r[i].host, "size",
							   (json_int_t)r[i].count));
	return arr;
}

/* They are written already; runc wants to be told them all the same. */
static int id_mappings(struct oci_build *b, json_t *linux_, struct err *e)
{
	int rc = set(linux_, "uidMappings", mapping(b->map->uid, b->map->n_uid), e);

	return rc < 0 ? rc : set(linux_, "gidMappings", mapping(b->map->gid, b->map->n_gid), e);
}

static json_t *linux_section(struct oci_build *b, struct err *e)
{
	json_t *ns = namespaces(b, e), *l;
	int rc;

	if (!ns)
		return NULL;
	l = json_pack("{s:o, s:o, s:o}", "namespaces", ns, "maskedPaths",
		      oci_masked_paths(b), "readonlyPaths", oci_read_only_paths(b->req));
	rc = l ? sysctls(b, l, e) : err_sys(e, ENOMEM, "make config.json");
	if (rc == 0 && json_array_size(b->devices))
		rc = set(l, "devices", json_incref(b->devices), e);
	if (rc == 0)
		rc = oci_resources(b, l, e);
	if (rc == 0)
		rc = oci_device_rules(b->req, l, e);
	if (rc == 0 && b->ns->user_path && !b->our_runtime)
		rc = id_mappings(b, l, e);
	ctr_origin(b->req, "linux.personality", "", "--personality %s",
		   b->req->personality ? b->req->personality : "");
	if (rc == 0 && b->req->personality)
		rc = set(l, "personality", json_pack("{s:s}", "domain", b->req->personality), e);
	if (rc < 0) {
		json_decref(l);
		return NULL;
	}
	return l;
}

/*
 * What systemd does with the scope when the session or the host ends: it sends the stop signal and
 * waits as long as `stop` would.  By the names that runtimes look for.
 */
static void scope_annotations(const struct oci_build *b, json_t *obj)
{
	const struct ctr_request *r = b->req;
	static const char *const names[] = { "org.systemd.property.KillSignal",
					     "org.systemd.property.TimeoutStopUSec" };

	if (!b->cgroup->path || b->cgroup->manager != CTR_CGROUP_SYSTEMD)
		return;
	ctr_origin(r, "annotations", names[0], "--stop-signal, or the image's");
	ctr_origin(r, "annotations", names[1], "--stop-timeout");
	(void)json_object_set_new(obj, names[0], json_sprintf("%d", r->stop_signal));
	/* 0 would be for ever. */
	(void)json_object_set_new(obj, names[1],
				  json_sprintf("uint64 %llu", r->stop_timeout_s ? r->stop_timeout_s * 1000000ULL
										: 1ULL));
}

static json_t *annotations(const struct oci_build *b)
{
	const struct ctr_request *r = b->req;
	json_t *obj = json_object();

	scope_annotations(b, obj); /* what the user says comes after it */
	ctr_origin(r, "annotations", "", "--annotation");
	ctr_origin(r, "annotations", KEEP_GROUPS, "--group-add keep-groups");
	for (size_t i = 0; i < r->annotations.n; i++) {
		const char *eq = strchr(r->annotations.items[i], '=');
		auto_free char *key = eq ? strndup(r->annotations.items[i],
						   (size_t)(eq - r->annotations.items[i])) : NULL;

		if (key)
			(void)json_object_set_new(obj, key, json_string(eq + 1));
	}
	if (ns_keeps_groups(r))
		(void)json_object_set_new(obj, KEEP_GROUPS, json_string("1"));
	return obj;
}

/*
 * The seccomp section is text already (cached): splice it in, rather than parse and print it.
 * Each dump ends in '}'.
 */
static int dump(json_t *root, json_t *linux_, const char *seccomp, char **ret, struct err *e)
{
	auto_free char *head = json_dumps(root, JSON_COMPACT);
	auto_free char *tail = json_dumps(linux_, JSON_COMPACT);
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (!head || !tail)
		return err_sys(e, ENOMEM, "make config.json");
	strbuf_addn(&b, head, strlen(head) - 1);
	strbuf_add(&b, ",\"linux\":");
	strbuf_addn(&b, tail, strlen(tail) - 1);
	if (seccomp)
		strbuf_addf(&b, ",\"seccomp\":%s", seccomp);
	strbuf_add(&b, "}}");
	*ret = strbuf_take(&b);
	return *ret ? 0 : err_sys(e, ENOMEM, "make config.json");
}

/* The directories of the root filesystem, topmost first, for looking up users. */
int oci_rootfs_dirs(struct ctr_engine *eng, const struct ctr_request *r, struct strv *ret)
{
	int rc = strv_addf(ret, "%s/containers/%s/upper", eng->store.root, r->id);

	for (size_t i = r->layers.n; rc == 0 && i-- > 0;)
		rc = strv_addf(ret, "%s/layers/%s/diff", eng->store.root, r->layers.items[i]);
	if (rc == 0 && r->rootfs)
		rc = strv_add(ret, r->rootfs);
	return rc;
}

static bool under_a_mount(const struct oci_build *b, const char *path)
{
	for (size_t i = 0; i < b->n_user_dests; i++) {
		const char *rest = str_after(path, b->user_dests[i]);

		if (rest && (*rest == '\0' || *rest == '/' || streq(b->user_dests[i], "/")))
			return true;
	}
	return false;
}

/* -w must name a directory; what the image asks for is made by the runtime. */
static int check_cwd(struct oci_build *b, struct merged *m, struct err *e)
{
	auto_close int fd = FD_NONE;
	struct stat st;

	if (!b->req->cwd_required || under_a_mount(b, b->req->cwd))
		return 0;
	fd = merged_open(m, b->req->cwd, &st);
	if (fd == -EACCES) /* belongs to another id of the container: the runtime will see */
		return 0;
	if (fd < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_CMD_NOT_EXEC, "workdir \"%s\" does not exist on container %s",
			       b->req->cwd, b->req->id);
	return 0;
}

int oci_config_text(struct oci_build *b, char **ret, struct err *e)
{
	const struct ctr_request *r = b->req;
	auto_strv struct strv dirs = STRV_INIT;
	auto_merged struct merged m = MERGED_INIT;
	auto_json json_t *root = NULL, *linux_ = NULL, *mounts = json_array(),
		  *devices = json_array();
	struct spec_user user = SPEC_USER_INIT;
	auto_free char *seccomp = NULL;
	json_t *proc = NULL, *hooks = NULL;
	uint64_t caps;
	int rc;

	b->mounts = mounts;
	b->devices = devices;
	if (!r->entrypoint.n && !r->cmd.n)
		return err_set(e, ERR_CMD_NOT_FOUND, "no command or entrypoint provided, and no CMD or "
			       "ENTRYPOINT from image");
	if (oci_rootfs_dirs(b->eng, r, &dirs) < 0 ||
	    merged_init(&m, (const char *const *)dirs.items, dirs.n) < 0)
		return err_sys(e, ENOMEM, "make config.json");
	rc = oci_caps(r, &caps, e);
	if (rc == 0)
		rc = oci_user(b, &m, &user, e);
	b->uid = user.uid;
	b->gid = user.gid;
	if (rc == 0)
		rc = oci_user_dests(b, e);
	if (rc == 0)
		rc = oci_accounts(b, &m, &user, e);
	if (rc == 0)
		rc = check_cwd(b, &m, e);
	if (rc == 0)
		rc = oci_default_mounts(b, e);
	if (rc == 0)
		rc = oci_systemd_mounts(b, e);
	if (rc == 0)
		rc = oci_notify_mount(b, e);
	if (rc == 0)
		rc = oci_user_mounts(b, e);
	if (rc == 0)
		rc = oci_secret_mounts(b, e);
	if (rc == 0)
		rc = oci_devices(b, e);
	if (rc == 0)
		rc = oci_seccomp(b, caps, &seccomp, e);
	if (rc < 0)
		goto out;
	proc = oci_process(b, &user, caps, e);
	linux_ = proc ? linux_section(b, e) : NULL;
	rc = linux_ ? oci_lsm(b, proc, linux_, e) : -EINVAL;
	if (rc < 0) {
		json_decref(proc);
		rc = !e || e->kind == ERR_NONE
			     ? err_set(e, ERR_INVALID, "a value of the container is not valid UTF-8")
			     : err_kind_errno(e->kind);
		goto out;
	}
	ctr_origin(r, "ociVersion", "", "default");
	ctr_origin(r, "root.path", "", r->rootfs ? "--rootfs" : "the image's layers and the container's own");
	if (r->domainname)
		ctr_origin(r, "domainname", "", "--domainname %s", r->domainname);
	root = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:O, s:o}", "ociVersion", OCI_VERSION, "process",
			 proc, "root", "path", r->rootfs && !r->rootfs_overlay ? r->rootfs : "rootfs", "readonly", r->read_only, "hostname",
			 b->hostname, "mounts", mounts, "annotations", annotations(b));
	if (!root)
		rc = err_set(e, ERR_INVALID, "a value of the container is not valid UTF-8");
	else if (ns_is_foreign(r->uts_mode))
		(void)json_object_del(root, "hostname");
	if (rc == 0)
		rc = oci_hooks(b, &hooks, e);
	if (rc == 0 && hooks)
		rc = set(root, "hooks", hooks, e);
	if (rc == 0 && r->domainname)
		rc = set(root, "domainname", json_string(r->domainname), e);
	if (rc == 0)
		rc = dump(root, linux_, seccomp, ret, e);
out:
	spec_user_done(&user);
	return rc;
}
