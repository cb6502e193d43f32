/* What every container has mounted: file systems, generated files, its init. */
#include <errno.h>
#include <stdio.h>

#include "ctrlite/explain.h"
#include "json.h"
#include "oci.h"
#include "path.h"

static json_t *strings(const char *const *list)
{
	json_t *arr = json_array();

	for (; list && *list; list++)
		(void)json_array_append_new(arr, json_string(*list)); /* checked by the dump */
	return arr;
}

/* All mounts from number @from on come from @why, unless somebody has more to say. */
static void mounts_from(const struct oci_build *b, size_t from, const char *why)
{
	for (size_t i = from; b->req->origins && i < json_array_size(b->mounts); i++)
		ctr_origin(b->req, "mounts",
			   json_string_value(json_object_get(json_array_get(b->mounts, i), "destination")),
			   "%s", why);
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
	if (ns_is_host(r->pid_mode))
		ctr_origin(r, "mounts", "/proc", "--pid=host");
	for (size_t i = 0; i < r->proc_opts.n; i++)
		ctr_origin(r, "mounts", "/proc", "default, --security-opt proc-opts=%s",
			   r->proc_opts.items[i]);
	if (r->privileged)
		ctr_origin(r, "mounts", "/sys", "--privileged");
	if (b->host_sys)
		ctr_origin(r, "mounts", "/sys", "--network=%s%s", ns_network(r),
			   r->privileged ? ", --privileged" : "");
	if (r->systemd || oci_unmasked(r, "/sys/fs/cgroup"))
		ctr_origin(r, "mounts", "/sys/fs/cgroup", r->privileged ? "--privileged"
							   : r->systemd ? "--systemd"
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
			      oci_has_gid(b->map, 5) ? "gid=5" : NULL, NULL };
	const struct ctr_request *r = b->req;
	auto_free char *sys = NULL;
	char size[48];
	const char *shm[] = { "nosuid", "noexec", "nodev", "mode=1777", size, NULL };
	int rc;

	if (b->host_sys && ns_is_joined(ns_network(r))) /* of a network that is not the host's */
		sys = path_join(b->run_dir, "ns/sys");
	(void)snprintf(size, sizeof(size), "size=%llu", (unsigned long long)r->shm_size_bytes);
	rc = ns_is_host(r->pid_mode)
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
	if (rc == 0 && ns_is_host(r->ipc_mode) && access("/dev/mqueue", F_OK) == 0)
		rc = oci_add_mount(b->mounts, "/dev/mqueue", "bind", "/dev/mqueue", strings(bind), e);
	else if (rc == 0 && (!ns_is_host(r->ipc_mode) || !b->map)) /* the host's only by root */
		rc = oci_add_mount(b->mounts, "/dev/mqueue", "mqueue", "mqueue", strings(mqueue), e);
	if (rc == 0 && b->ns->shm)
		rc = shared_shm(b, strings(bind), e);
	else if (rc == 0 && ns_is_host(r->ipc_mode))
		rc = oci_add_mount(b->mounts, "/dev/shm", "bind", "/dev/shm", strings(bind), e);
	else if (rc == 0 && !(r->ipc_mode && streq(r->ipc_mode, "none")))
		rc = oci_add_mount(b->mounts, "/dev/shm", "tmpfs", "shm", strings(shm), e);
	/* On a v1 host there is nothing a private cgroup mount could show. */
	if (rc == 0 && b->cgroup->host && b->cgroup->host->v2 && !b->host_sys)
		rc = oci_add_mount(b->mounts, "/sys/fs/cgroup", "cgroup", "cgroup",
				   strings(r->systemd || oci_unmasked(r, "/sys/fs/cgroup") ? sys_rw
										     : sys_ro), e);
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

int oci_default_mounts(struct oci_build *b, struct err *e)
{
	int rc = default_mounts(b, e);

	if (rc == 0)
		rc = generated_mounts(b, e);
	return rc < 0 ? rc : init_mount(b, e);
}
