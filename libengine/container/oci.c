/* The OCI config.json of a container (runtime-spec "Configuration"), from its request. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caps.h"
#include "container-priv.h"
#include "ctrlite/explain.h"
#include "env.h"
#include "json.h"
#include "log.h"
#include "merged.h"
#include "oci.h"
#include "path.h"
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

static json_t *strings(const char *const *list)
{
	json_t *arr = json_array();

	for (; list && *list; list++)
		(void)json_array_append_new(arr, json_string(*list)); /* checked by the dump */
	return arr;
}

int oci_add_mount(json_t *mounts, const char *dest, const char *type, const char *source,
		  json_t *options, struct err *e)
{
	json_t *m = json_pack("{s:s, s:s, s:s, s:o}", "destination", dest, "type", type, "source",
			      source, "options", options);

	if (!m)
		return err_set(e, ERR_INVALID, "mount on %s: not valid UTF-8", dest);
	return push(mounts, m, e);
}

/* All mounts from number @from on come from @why, unless somebody has more to say. */
static void mounts_from(const struct oci_build *b, size_t from, const char *why)
{
	for (size_t i = from; b->req->origins && i < json_array_size(b->mounts); i++)
		ctr_origin(b->req, "mounts",
			   json_string_value(json_object_get(json_array_get(b->mounts, i), "destination")),
			   "%s", why);
}

static bool has_gid(const struct idmap *map, uint32_t gid)
{
	uint32_t host;

	return !map || idmap_to_host(map->gid, map->n_gid, gid, &host);
}

static bool is_host(const char *mode)
{
	return mode && streq(mode, "host");
}

/* The options of /proc: podman's, and those of --security-opt proc-opts. */
static json_t *proc_options(const struct ctr_request *r)
{
	static const char *const words[] = { "nosuid", "noexec", "nodev", NULL };
	json_t *arr = strings(words);

	for (size_t i = 0; i < r->proc_opts.n; i++)
		(void)json_array_append_new(arr, json_string(r->proc_opts.items[i])); /* as above */
	return arr;
}

/* The other container's, which the monitor has put there. */
static int shared_shm(struct oci_build *b, json_t *options, struct err *e)
{
	auto_free char *source = path_join(b->run_dir, "ns/shm");

	return oci_add_mount(b->mounts, "/dev/shm", "bind", source ? source : "", options, e);
}

/* The defaults, and what has made them otherwise. */
static void default_mount_origins(const struct oci_build *b)
{
	const struct ctr_request *r = b->req;

	mounts_from(b, 0, "default");
	if (is_host(r->pid_mode))
		ctr_origin(r, "mounts", "/proc", "--pid=host");
	for (size_t i = 0; i < r->proc_opts.n; i++)
		ctr_origin(r, "mounts", "/proc", "default, --security-opt proc-opts=%s",
			   r->proc_opts.items[i]);
	if (r->privileged)
		ctr_origin(r, "mounts", "/sys", "--privileged");
	if (b->host_sys)
		ctr_origin(r, "mounts", "/sys", "--network=%s%s", ns_network(r),
			   r->privileged ? ", --privileged" : "");
	if (oci_unmasked(r, "/sys/fs/cgroup"))
		ctr_origin(r, "mounts", "/sys/fs/cgroup", r->privileged ? "--privileged"
									 : "--security-opt unmask");
	if (r->ipc_mode) {
		ctr_origin(r, "mounts", "/dev/mqueue", "default, --ipc=%s", r->ipc_mode);
		ctr_origin(r, "mounts", "/dev/shm", "--ipc=%s", r->ipc_mode);
	}
	if (r->shm_size_bytes != CTR_SHM_SIZE_DEFAULT && !ns_is_foreign(r->ipc_mode))
		ctr_origin(r, "mounts", "/dev/shm", "--shm-size %llu",
			   (unsigned long long)r->shm_size_bytes);
}

/* What every Linux container has (runtime-spec "Default Filesystems", and podman's choices). */
static int default_mounts(struct oci_build *b, struct err *e)
{
	static const char *const dev[] = { "nosuid", "noexec", "strictatime", "mode=755",
					   "size=65536k", NULL };
	static const char *const mqueue[] = { "nosuid", "noexec", "nodev", NULL };
	static const char *const bind[] = { "rbind", "rprivate", "nosuid", "noexec", "nodev", NULL };
	static const char *const bind_ro[] = { "rbind", "rprivate", "nosuid", "noexec", "nodev", "ro",
					       NULL };
	static const char *const sys_ro[] = { "nosuid", "noexec", "nodev", "ro", NULL };
	static const char *const sys_rw[] = { "nosuid", "noexec", "nodev", "rw", NULL };
	const char *pts[] = { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
			      has_gid(b->map, 5) ? "gid=5" : NULL, NULL };
	const struct ctr_request *r = b->req;
	auto_free char *sys = NULL;
	char size[48];
	const char *shm[] = { "nosuid", "noexec", "nodev", "mode=1777", size, NULL };
	int rc;

	if (b->host_sys && ns_is_joined(ns_network(r))) /* of a network that is not the host's */
		sys = path_join(b->run_dir, "ns/sys");
	(void)snprintf(size, sizeof(size), "size=%llu", (unsigned long long)r->shm_size_bytes);
	rc = is_host(r->pid_mode)
		     ? oci_add_mount(b->mounts, "/proc", "bind", "/proc", strings(bind), e)
		     : oci_add_mount(b->mounts, "/proc", "proc", "proc", proc_options(r), e);
	if (rc == 0)
		rc = oci_add_mount(b->mounts, "/dev", "tmpfs", "tmpfs", strings(dev), e);
	/* The kernel lets only the owner of a network namespace mount its sysfs. */
	if (rc == 0 && b->host_sys)
		rc = oci_add_mount(b->mounts, "/sys", "bind", sys ? sys : "/sys",
				   strings(r->privileged ? bind : bind_ro), e);
	else if (rc == 0)
		rc = oci_add_mount(b->mounts, "/sys", "sysfs", "sysfs",
				   strings(r->privileged ? sys_rw : sys_ro), e);
	if (rc == 0)
		rc = oci_add_mount(b->mounts, "/dev/pts", "devpts", "devpts", strings(pts), e);
	if (rc == 0 && is_host(r->ipc_mode) && access("/dev/mqueue", F_OK) == 0)
		rc = oci_add_mount(b->mounts, "/dev/mqueue", "bind", "/dev/mqueue", strings(bind), e);
	else if (rc == 0 && (!is_host(r->ipc_mode) || !b->map)) /* the host's only by root */
		rc = oci_add_mount(b->mounts, "/dev/mqueue", "mqueue", "mqueue", strings(mqueue), e);
	if (rc == 0 && b->ns->shm)
		rc = shared_shm(b, strings(bind), e);
	else if (rc == 0 && is_host(r->ipc_mode))
		rc = oci_add_mount(b->mounts, "/dev/shm", "bind", "/dev/shm", strings(bind), e);
	else if (rc == 0 && !(r->ipc_mode && streq(r->ipc_mode, "none")))
		rc = oci_add_mount(b->mounts, "/dev/shm", "tmpfs", "shm", strings(shm), e);
	/* On a v1 host there is nothing a private cgroup mount could show. */
	if (rc == 0 && b->cgroup->host && b->cgroup->host->v2 && !b->host_sys)
		rc = oci_add_mount(b->mounts, "/sys/fs/cgroup", "cgroup", "cgroup",
				   strings(oci_unmasked(r, "/sys/fs/cgroup") ? sys_rw : sys_ro), e);
	if (r->origins)
		default_mount_origins(b);
	return rc;
}

/* A file that the engine wrote into the run directory; --read-only goes for it too. */
static int generated_mount(struct oci_build *b, const char *file, const char *dest, struct err *e)
{
	const char *const options[] = { "bind", "rprivate", "nosuid", "nodev", "noexec",
					b->req->read_only ? "ro" : "rw", NULL };
	auto_free char *source = path_join(b->run_dir, file);

	if (!source)
		return err_sys(e, ENOMEM, "make config.json");
	ctr_origin(b->req, "mounts", dest, "default: a file that is made at the start%s",
		   b->req->read_only ? ", --read-only" : "");
	return oci_add_mount(b->mounts, dest, "bind", source, strings(options), e);
}

/* User mounts win over generated files. */
static bool user_mounts_at(const struct oci_build *b, const char *dest)
{
	for (size_t i = 0; i < b->n_user_dests; i++)
		if (streq(b->user_dests[i], dest))
			return true;
	return false;
}

static int generated_mounts(struct oci_build *b, struct err *e)
{
	static const struct {
		unsigned int bit;
		const char *file, *dest;
	} files[] = {
		{ CTR_NET_FILE_RESOLV, "resolv.conf", "/etc/resolv.conf" },
		{ CTR_NET_FILE_HOSTS, "hosts", "/etc/hosts" },
		{ CTR_NET_FILE_HOSTNAME, "hostname", "/etc/hostname" },
		{ OCI_FILE_LOCALTIME, "localtime", "/etc/localtime" },
		{ OCI_FILE_CONTAINERENV, ".containerenv", "/run/.containerenv" },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		bool covered = user_mounts_at(b, files[i].dest) || user_mounts_at(b, "/etc");

		if (files[i].bit == OCI_FILE_CONTAINERENV)
			covered = user_mounts_at(b, "/run");
		if ((b->files & files[i].bit) && !covered)
			rc = generated_mount(b, files[i].file, files[i].dest, e);
		if (files[i].bit == OCI_FILE_LOCALTIME && b->req->tz)
			ctr_origin(b->req, "mounts", files[i].dest, "--tz %s", b->req->tz);
	}
	return rc;
}

static int init_mount(struct oci_build *b, struct err *e)
{
	static const char *const options[] = { "bind", "rprivate", "ro", NULL };
	static const char *const places[] = { "catatonit", "/usr/libexec/podman/catatonit",
					      "/usr/lib/podman/catatonit" };
	auto_free char *path = NULL;

	if (!b->req->init)
		return 0;
	if (b->req->init_path)
		path = strdup(b->req->init_path);
	for (size_t i = 0; !path && i < sizeof(places) / sizeof(places[0]); i++)
		path = path_find_program(places[i]);
	if (!path)
		return err_set(e, ERR_UNSUPPORTED, "--init needs the program catatonit, which is not "
			       "installed; install it with: apt-get install catatonit");
	ctr_origin(b->req, "mounts", OCI_INIT_PATH, "--init%s%s", b->req->init_path ? ", --init-path " : "",
		   b->req->init_path ? b->req->init_path : "");
	return oci_add_mount(b->mounts, OCI_INIT_PATH, "bind", path, strings(options), e);
}

/* Like the kernel on a change of user: only what was asked for by name stays, also with --privileged. */
int oci_effective_caps(const struct ctr_request *r, bool root, uint64_t bounding, uint64_t *ret,
		       struct err *e)
{
	uint64_t asked = 0;
	int rc = !root && r->cap_add.n ? spec_caps_resolve(0, &r->cap_add, NULL, &asked, e) : 0;

	if (rc == 0)
		*ret = root ? bounding : asked & bounding;
	return rc;
}

/* process.capabilities: what the process may do, by user and options. */
static json_t *capabilities(const struct ctr_request *r, uint32_t uid, uint64_t set_, struct err *e)
{
	auto_strv struct strv names = STRV_INIT, added = STRV_INIT;
	uint64_t eff = 0;

	if (oci_effective_caps(r, uid == 0, set_, &eff, e) < 0)
		return NULL;
	if (spec_caps_names(set_, &names) < 0 || spec_caps_names(eff, &added) < 0) {
		(void)err_sys(e, ENOMEM, "make config.json");
		return NULL;
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "bounding", json_from_strv(&names), "effective",
			 json_from_strv(&added), "permitted", json_from_strv(&added), "inheritable",
			 uid != 0 ? json_from_strv(&added) : json_array(), "ambient",
			 uid != 0 ? json_from_strv(&added) : json_array());
}

static void cap_origins(const struct ctr_request *r)
{
	ctr_origin(r, "process.capabilities", "", r->privileged ? "--privileged" : "default");
	for (size_t i = 0; i < r->cap_add.n; i++) {
		int cap = spec_cap_parse(r->cap_add.items[i], NULL);

		/* ALL is no name, and adds what is not there by default */
		for (unsigned int c = 0; cap < 0 && !r->privileged && spec_cap_name(c); c++)
			if (!(spec_caps_default() & (UINT64_C(1) << c)))
				ctr_origin(r, "process.capabilities", spec_cap_name(c), "--cap-add ALL");
		if (cap >= 0)
			ctr_origin(r, "process.capabilities", spec_cap_name((unsigned int)cap),
				   "--cap-add %s", r->cap_add.items[i]);
	}
}

int oci_caps(const struct ctr_request *r, uint64_t *ret, struct err *e)
{
	uint64_t base = r->privileged ? spec_caps_all() : spec_caps_default();

	/* Root of another container may have less than our defaults, and cannot give more. */
	if (geteuid() == 0)
		base &= spec_caps_all();
	if (r->origins)
		cap_origins(r);
	return spec_caps_resolve(base, &r->cap_add, &r->cap_drop, ret, e);
}

static json_t *user_json(const struct ctr_request *r, const struct spec_user *u)
{
	json_t *groups = json_array();
	unsigned long mask = r->umask ? strtoul(r->umask, NULL, 8) : 022;

	/* The primary group too: else what a file's mode denies to that group could be had by giving
	 * it up (CVE-2022-2989 and its kind). */
	(void)json_array_append_new(groups, json_integer(u->gid));
	for (size_t i = 0; i < u->n_groups; i++)
		(void)json_array_append_new(groups, json_integer(u->groups[i]));
	return json_pack("{s:I, s:I, s:o, s:i}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid,
			 "additionalGids", groups, "umask", (int)(mask & 0777));
}

static json_t *rlimits(const struct ctr_request *r, bool own_userns, struct err *e)
{
	json_t *arr = json_array();

	if (oci_add_ulimits(arr, r, own_userns, e) < 0) {
		json_decref(arr);
		return NULL;
	}
	return arr;
}

static json_t *args_json(const struct ctr_request *r)
{
	json_t *arr = json_array();

	if (r->init) {
		(void)json_array_append_new(arr, json_string(OCI_INIT_PATH));
		(void)json_array_append_new(arr, json_string("--"));
	}
	for (size_t i = 0; i < r->entrypoint.n; i++)
		(void)json_array_append_new(arr, json_string(r->entrypoint.items[i]));
	for (size_t i = 0; i < r->cmd.n; i++)
		(void)json_array_append_new(arr, json_string(r->cmd.items[i]));
	return arr;
}

static json_t *process(struct oci_build *b, const struct spec_user *u, uint64_t caps, struct err *e)
{
	const struct ctr_request *r = b->req;
	auto_strv struct strv env = STRV_INIT;
	json_t *limits = rlimits(r, b->map != NULL, e), *capset, *j;

	if (!limits)
		return NULL;
	for (size_t i = 0; i < r->env.n; i++)
		if (strv_add(&env, r->env.items[i]) < 0)
			return NULL;
	if (spec_env_default(&env, "HOSTNAME", b->hostname) < 0 ||
	    spec_env_default(&env, "HOME", u->home ? u->home : "/") < 0)
		return NULL;
	if (!strv_env_get(&r->env, "HOSTNAME"))
		ctr_origin(r, "process.env", "HOSTNAME", "default: the host name");
	if (!strv_env_get(&r->env, "HOME"))
		ctr_origin(r, "process.env", "HOME", "default: the user's home in /etc/passwd");
	capset = capabilities(r, u->uid, caps, e);
	if (!capset)
		return NULL;
	j = json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:b}", "terminal", r->tty, "user",
			 user_json(r, u), "args", args_json(r), "env", json_from_strv(&env), "cwd",
			 r->cwd && r->cwd[0] ? r->cwd : "/", "capabilities", capset, "rlimits", limits,
			 "noNewPrivileges", r->no_new_privs);
	if (j && r->has_oom_score_adj &&
	    json_object_set_new(j, "oomScoreAdj", json_integer(r->oom_score_adj)) < 0) {
		json_decref(j);
		return NULL;
	}
	return j;
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
	uint32_t ping_gid = has_gid(b->map, 0) ? 0 : b->map->gid[0].container;
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

static json_t *annotations(const struct ctr_request *r)
{
	json_t *obj = json_object();

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

/* keep-groups stands alone. */
static const struct strv *extra_groups(const struct ctr_request *r)
{
	return ns_keeps_groups(r) ? NULL : &r->group_add;
}

/* The groups that there can be: with keep-groups none of the image's, else those of the map. */
static void trim_groups(const struct ctr_request *r, const struct idmap *map, bool say,
			struct spec_user *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n_groups && !ns_keeps_groups(r); i++) {
		if (has_gid(map, u->groups[i]))
			u->groups[n++] = u->groups[i];
		else if (say)
			log_warn("Additional gid=%u is not present in the user namespace, skip setting it",
				 u->groups[i]);
	}
	u->n_groups = n;
}

/* For exec: the default map has every id that an image can have. */
static int trim_groups_of_record(const struct ctr_request *r, struct spec_user *u, struct err *e)
{
	auto_free struct idmap *m = r->inner_gidmap ? calloc(1, sizeof(*m)) : NULL;

	if (r->inner_gidmap && (!m || idmap_parse(r->inner_gidmap, m->gid, &m->n_gid) < 0))
		return err_set(e, ERR_CORRUPT, "container %.12s: bad id map", r->id);
	trim_groups(r, m, false, u);
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
	json_t *proc = NULL;
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
		rc = spec_user_resolve(&m, r->user ? r->user : "", extra_groups(r), &user, e);
	if (rc == 0)
		trim_groups(r, b->map, true, &user);
	if (rc < 0 && e && e->kind == ERR_NOT_FOUND) { /* podman counts it as the command's failure */
		e->kind = ERR_CMD_NOT_EXEC;
		rc = err_kind_errno(e->kind);
	}
	if (rc == 0)
		rc = oci_user_dests(b, e);
	if (rc == 0)
		rc = oci_accounts(b, &m, &user, e);
	if (rc == 0)
		rc = check_cwd(b, &m, e);
	if (rc == 0)
		rc = default_mounts(b, e);
	if (rc == 0)
		rc = generated_mounts(b, e);
	if (rc == 0)
		rc = init_mount(b, e);
	if (rc == 0)
		rc = oci_user_mounts(b, e);
	if (rc == 0)
		rc = oci_devices(b, e);
	if (rc == 0)
		rc = oci_seccomp(b, caps, &seccomp, e);
	if (rc < 0)
		goto out;
	proc = process(b, &user, caps, e);
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
	ctr_origin(r, "root.path", "", "the image's layers and the container's own");
	if (r->domainname)
		ctr_origin(r, "domainname", "", "--domainname %s", r->domainname);
	root = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:O, s:o}", "ociVersion", OCI_VERSION, "process",
			 proc, "root", "path", "rootfs", "readonly", r->read_only, "hostname",
			 b->hostname, "mounts", mounts, "annotations", annotations(r));
	if (!root)
		rc = err_set(e, ERR_INVALID, "a value of the container is not valid UTF-8");
	else if (ns_is_foreign(r->uts_mode))
		(void)json_object_del(root, "hostname");
	if (rc == 0 && r->domainname)
		rc = set(root, "domainname", json_string(r->domainname), e);
	if (rc == 0)
		rc = dump(root, linux_, seccomp, ret, e);
out:
	spec_user_done(&user);
	return rc;
}

int oci_process_json(struct ctr_engine *eng, const struct ctr_request *r, int root_fd,
		     const struct oci_process_opts *o, char **ret, struct err *e)
{
	auto_merged struct merged m = MERGED_INIT;
	auto_strv struct strv env = STRV_INIT;
	auto_json json_t *j = NULL;
	struct spec_user user = SPEC_USER_INIT;
	json_t *capset, *args, *limits;
	uint64_t caps;
	int rc;

	merged_init_root(&m, root_fd);
	rc = oci_caps(r, &caps, e);
	if (rc == 0 && o->privileged)
		caps = spec_caps_all();
	if (rc == 0)
		rc = spec_user_resolve(&m, o->user ? o->user : r->user ? r->user : "", extra_groups(r),
				       &user, e);
	if (rc == 0)
		rc = trim_groups_of_record(r, &user, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < r->env.n; i++)
		rc = strv_add(&env, r->env.items[i]);
	for (size_t i = 0; rc == 0 && i < o->env->n; i++) {
		char *eq = strchr(o->env->items[i], '=');

		*eq = '\0'; /* built by spec_env_apply(): there is one */
		rc = strv_env_set(&env, o->env->items[i], eq + 1);
		*eq = '=';
	}
	if (rc == 0 && o->tty)
		rc = spec_env_default(&env, "TERM", "xterm");
	if (rc == 0)
		rc = spec_env_default(&env, "HOME", user.home ? user.home : "/");
	if (rc < 0) {
		rc = err_sys(e, ENOMEM, "make the process");
		goto out;
	}
	limits = rlimits(r, eng->rootless, e);
	capset = limits ? capabilities(r, user.uid, caps, e) : NULL;
	if (!capset) {
		json_decref(limits);
		rc = e && e->kind != ERR_NONE ? err_kind_errno(e->kind) : -ENOMEM;
		goto out;
	}
	args = json_from_strv(o->args);
	j = json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:b}", "terminal", o->tty, "user",
		      user_json(r, &user), "args", args, "env", json_from_strv(&env), "cwd",
		      o->cwd ? o->cwd : r->cwd && r->cwd[0] ? r->cwd : "/", "capabilities", capset,
		      "rlimits", limits, "noNewPrivileges", r->no_new_privs);
	*ret = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (!*ret)
		rc = err_set(e, ERR_INVALID, "an argument is not valid UTF-8");
out:
	spec_user_done(&user);
	return rc;
}
