/* What `info` shows, see ctrlite/info.h. */
#include <ctrlite/info.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <ctrlite/cgroup.h>
#include <ctrlite/container.h>
#include <ctrlite/event.h>
#include <ctrlite/helper-path.h>
#include <ctrlite/image.h>

#include "config.h"
#include "container/container-priv.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "path.h"
#include "registries-conf.h"
#include "spec/caps.h"

#define OUTPUT_MAX_BYTES 4096	/* of a helper's --version */
#define FILE_MAX_BYTES 65536	/* of a file of the host */

/* The names that Go has for architectures. */
static const char *go_arch(const char *machine)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" },
		{ "aarch64", "arm64" },
		{ "i686", "386" },
		{ "armv7l", "arm" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (streq(names[i][0], machine))
			return names[i][1];
	return machine;
}

json_t *ctr_version(void)
{
	struct utsname u;

	if (uname(&u) < 0)
		return NULL;
	/* when and by whom it was built is left out, so that two builds are the same */
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "APIVersion", CTR_VERSION,
			 "Built", 0, "BuiltTime", "", "BuildOrigin", "", "GitCommit", "",
			 "GoVersion", "", "Os", "linux", "OsArch",
			 json_sprintf("linux/%s", go_arch(u.machine)), "Version", CTR_VERSION);
}

/* All that `@path --version` prints, without the last newline; "" where it cannot be had. */
static char *program_version(const char *path, const char *option)
{
	char *argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)option, NULL };
	auto_free char *text = NULL;
	struct proc p = PROC_INIT;
	size_t len = 0;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return strdup("");
	auto_close int rd = fds[0];
	auto_close int wr = fds[1];
	const struct proc_fd out = { wr, STDOUT_FILENO };
	const struct proc_spawn s = { .path = path, .argv = argv, .fds = &out, .n_fds = 1,
				      .dir_fd = FD_NONE, .pdeathsig = SIGKILL };

	if (proc_spawn(&s, &p, NULL) < 0)
		return strdup("");
	wr = fd_close(wr);
	if (fd_read_file(rd, OUTPUT_MAX_BYTES, &text, &len) < 0) {
		len = 0;
		(void)proc_signal(&p, SIGKILL);	/* it floods us */
	}
	(void)proc_wait(&p, NULL);	/* what it printed is all that matters */
	proc_done(&p);
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	return len ? take_ptr(&text) : strdup("");
}

static json_t *program(const char *name, const char *path_key)
{
	auto_free char *path = path_find_program(name);
	auto_free char *version = path ? program_version(path, "--version") : strdup("");

	return json_pack("{s:s, s:s, s:s}", path_key, path ? path : "", "package", "", "version",
			 version ? version : "");
}

static json_t *runtime(struct ctr_engine *eng)
{
	auto_free char *path = NULL, *version = NULL;
	bool ours = true;

	if (runtime_path(eng->runtime, &path, &ours, NULL) >= 0)
		version = program_version(path, "--version");
	return json_pack("{s:s, s:s, s:s, s:s}", "name",
			 eng->runtime ? path_base(eng->runtime) : "ctr-lite-runtime", "package", "",
			 "path", path ? path : "", "version", version ? version : "");
}

static json_t *monitor(void)
{
	auto_free char *path = NULL;

	(void)ctr_helper_path("ctr-lite-monitor", &path, NULL);	/* shown as empty */
	return json_pack("{s:s, s:s, s:s}", "package", "", "path", path ? path : "", "version",
			 path ? CTR_VERSION : "");
}

/* The value of KEY= in os-release, unquoted; "" where there is none. */
static char *os_release(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
		size_t n;

		if (strncmp(s, key, len) || s[len] != '=')
			continue;
		s += len + 1;
		n = strcspn(s, "\n");
		if (n > 1 && (*s == '"' || *s == '\'') && s[n - 1] == *s)
			return strndup(s + 1, n - 2);
		return strndup(s, n);
	}
	return strdup("");
}

static json_t *distribution(void)
{
	auto_free char *text = NULL, *id = NULL, *version = NULL, *codename = NULL;

	if (file_read_path("/etc/os-release", FILE_MAX_BYTES, &text, NULL) < 0)
		text = strdup("");
	id = os_release(text, "ID");
	version = os_release(text, "VERSION_ID");
	codename = os_release(text, "VERSION_CODENAME");
	return json_pack("{s:s?, s:s?, s:s?}", "codename", codename, "distribution", id, "version",
			 version);
}

static json_t *id_ranges(const struct idmap_range *r, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < n; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "container_id",
						      (json_int_t)r[i].container, "host_id",
						      (json_int_t)r[i].host, "size",
						      (json_int_t)r[i].count));
	return list;
}

static json_t *security(const struct ctr_engine *eng)
{
	auto_strv struct strv names = STRV_INIT;
	auto_strbuf struct strbuf list = STRBUF_INIT;
	char apparmor = 'N';
	auto_close int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, &apparmor, 1) != 1)
		apparmor = 'N';
	if (spec_caps_names(spec_caps_default(), &names) < 0)
		return NULL;
	for (size_t i = 0; i < names.n; i++)
		strbuf_addf(&list, "%s%s", i ? "," : "", names.items[i]);
	return json_pack("{s:b, s:s?, s:b, s:b, s:s, s:b}", "apparmorEnabled", apparmor == 'Y',
			 "capabilities", list.data, "rootless", eng->rootless, "seccompEnabled",
			 access("/proc/sys/kernel/seccomp", F_OK) == 0, "seccompProfilePath", "",
			 "selinuxEnabled", access("/sys/fs/selinux/enforce", F_OK) == 0);
}

static char *cgroup_rung(const struct ctr_cgroup_host *h)
{
	if (!h || h->manager == CTR_CGROUP_DISABLED)
		return str_printf("none: limits on resources are refused%s%s", h ? ": " : "",
				  h ? h->why : "");
	return str_printf(h->manager == CTR_CGROUP_SYSTEMD ? "scopes made by systemd below %s"
							   : "made below %s", h->base);
}

/* How each feature is done here: the rung of the ladder. */
static json_t *rungs(const struct ctr_engine *eng, const struct idmap *map,
		     const struct ctr_cgroup_host *cg)
{
	auto_free char *cgroups = cgroup_rung(cg);
	auto_free char *pasta = path_find_helper("pasta"),
		       *slirp = path_find_helper("slirp4netns");
	const char *ids, *net;

	if (!eng->rootless)
		ids = "root: ids are as they are";
	else if (!map)
		ids = "none: the id ranges cannot be read";
	else
		ids = idmap_is_single(map) ? "single id: no ranges in /etc/subuid and /etc/subgid"
					   : "ranges of /etc/subuid and /etc/subgid";
	net = pasta ? "pasta" : slirp ? "slirp4netns" : "none and host only: install passt (pasta)";
	return json_pack("{s:s, s:s, s:s, s:s}", "cgroups", cgroups ? cgroups : "",
			 "ids", ids, "network", net, "storage", "overlay of the kernel");
}

static char *uptime_text(long seconds)
{
	return str_printf("%ldh %ldm %ld.00s%s", seconds / 3600, seconds / 60 % 60, seconds % 60,
			  seconds >= 86400 ? " (more than a day)" : "");
}

static json_t *host(struct ctr_engine *eng, struct err *e)
{
	const struct ctr_cgroup_host *cg = NULL;
	const struct idmap *map = NULL;
	auto_free char *uptime = NULL;
	struct err why = ERR_INIT;
	struct sysinfo si = { 0 };
	struct utsname u;
	json_t *j;

	if (uname(&u) < 0 || sysinfo(&si) < 0) {
		(void)err_sys(e, errno, "ask the kernel");
		return NULL;
	}
	if (ctr_engine_idmap(eng, &map, &why) < 0)
		log_warn("%s", why.text);
	if (ctr_engine_cgroups(eng, &cg, e) < 0)
		return NULL;
	uptime = uptime_text(si.uptime);
	j = json_pack("{s:s, s:o, s:s, s:s, s:o, s:I, s:o, s:s, s:s}", "arch", go_arch(u.machine),
		      "cgroupControllers", json_from_strv(&cg->controllers), "cgroupManager",
		      ctr_cgroup_manager_str(cg->manager), "cgroupVersion", cg->v2 ? "v2" : "v1",
		      "conmon", monitor(), "cpus",
		      (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "distribution", distribution(),
		      "eventLogger", ctr_events_backend_str(eng->events), "hostname", u.nodename);
	if (map)
		json_object_set_new(j, "idMappings", json_pack("{s:o, s:o}", "gidmap",
				    id_ranges(map->gid, map->n_gid), "uidmap",
				    id_ranges(map->uid, map->n_uid)));
	else
		json_object_set_new(j, "idMappings", json_pack("{s:n, s:n}", "gidmap", "uidmap"));
	json_object_set_new(j, "kernel", json_string(u.release));
	json_object_set_new(j, "linkmode", json_string("dynamic"));
	json_object_set_new(j, "logDriver", json_string("k8s-file"));
	json_object_set_new(j, "memFree", json_integer((json_int_t)si.freeram * si.mem_unit));
	json_object_set_new(j, "memTotal", json_integer((json_int_t)si.totalram * si.mem_unit));
	json_object_set_new(j, "networkBackend", json_string("pasta"));
	json_object_set_new(j, "ociRuntime", runtime(eng));
	json_object_set_new(j, "os", json_string("linux"));
	json_object_set_new(j, "pasta", program("pasta", "executable"));
	json_object_set_new(j, "remoteSocket", json_pack("{s:b, s:s}", "exists", 0, "path", ""));
	json_object_set_new(j, "rungs", rungs(eng, map, cg));
	json_object_set_new(j, "security", security(eng));
	json_object_set_new(j, "serviceIsRemote", json_false());
	json_object_set_new(j, "slirp4netns", program("slirp4netns", "executable"));
	json_object_set_new(j, "swapFree", json_integer((json_int_t)si.freeswap * si.mem_unit));
	json_object_set_new(j, "swapTotal", json_integer((json_int_t)si.totalswap * si.mem_unit));
	json_object_set_new(j, "uptime", json_string(uptime ? uptime : ""));
	return j;
}

static const char *fs_name(unsigned long type)
{
	static const struct {
		unsigned long type;
		const char *name;
	} names[] = {
		{ 0xef53, "extfs" }, { 0x58465342, "xfs" }, { 0x9123683e, "btrfs" },
		{ 0x01021994, "tmpfs" }, { 0x794c7630, "overlayfs" }, { 0x6969, "nfs" },
		{ 0x2fc12fc1, "zfs" }, { 0xf2f52010, "f2fs" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].type == type)
			return names[i].name;
	return "<unknown>";
}

static json_t *containers(struct ctr_engine *eng, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	int running = 0, paused = 0;

	if (ctr_container_list(eng, &l, e) < 0)
		return NULL;
	for (size_t i = 0; i < l.n; i++) {
		const struct ctr_status *st = &l.items[i].status;

		running += st->state == CTR_RUNNING && !st->paused;
		paused += st->state == CTR_RUNNING && st->paused;
	}
	auto_json json_t *j = json_pack("{s:i, s:i, s:i, s:i}", "number", (int)l.n, "paused", paused,
					"running", running, "stopped", (int)l.n - running - paused);
	ctr_container_list_done(&l);
	return json_incref(j);
}

static json_t *store(struct ctr_engine *eng, struct err *e)
{
	const struct store *s = &eng->store;
	struct ctr_image_list images = CTR_IMAGE_LIST_INIT;
	struct statfs fs = { 0 };
	struct statvfs vfs = { 0 };
	json_t *j, *ctrs = containers(eng, e);

	if (!ctrs)
		return NULL;
	if (ctr_image_list(eng, &images, e) < 0) {
		json_decref(ctrs);
		return NULL;
	}
	(void)fstatfs(s->root_fd, &fs);		/* shown as unknown */
	(void)fstatvfs(s->root_fd, &vfs);
	j = json_pack("{s:s, s:o, s:s, s:{}, s:s, s:I, s:I, s:o, s:s, s:o, s:s, s:b}", "configFile",
		      "", "containerStore", ctrs, "graphDriverName", "overlay", "graphOptions",
		      "graphRoot", s->root, "graphRootAllocated",
		      (json_int_t)(vfs.f_blocks * vfs.f_frsize), "graphRootUsed",
		      (json_int_t)((vfs.f_blocks - vfs.f_bfree) * vfs.f_frsize), "graphStatus",
		      json_pack("{s:s, s:s, s:s}", "Backing Filesystem",
				fs_name((unsigned long)fs.f_type), "Native Overlay Diff", "false",
				"Supports d_type", "true"),
		      "imageCopyTmpDir", s->root, "imageStore",
		      json_pack("{s:i}", "number", (int)images.n), "runRoot", s->run,
		      "transientStore", 0);
	json_object_set_new(j, "volumePath", json_sprintf("%s/volumes", s->root));
	ctr_image_list_done(&images);
	return j;
}

static json_t *registries(void)
{
	auto_registries_conf struct registries_conf c = REGISTRIES_CONF_INIT;
	struct err why = ERR_INIT;

	if (registries_conf_load(&c, &why) < 0) {
		log_warn("%s", why.text);
		return json_object();
	}
	return c.search.n ? json_pack("{s:o}", "search", json_from_strv(&c.search)) : json_object();
}

int ctr_info(struct ctr_engine *eng, json_t **ret, struct err *e)
{
	json_t *h = host(eng, e), *s = h ? store(eng, e) : NULL;
	json_t *j;

	if (!h || !s) {
		json_decref(h);
		return err_kind_errno(e && e->kind != ERR_NONE ? e->kind : ERR_OS);
	}
	j = json_pack("{s:o, s:{s:n, s:[s,s,s,s], s:[s,s,s,s], s:[s]}, s:o, s:o, s:o}", "host", h,
		      "plugins", "authorization", "log", "k8s-file", "none", "passthrough", "journald", "network", "none",
		      "host", "pasta", "slirp4netns", "volume", "local", "registries", registries(),
		      "store", s, "version", ctr_version());
	if (!j)
		return err_sys(e, ENOMEM, "describe the host");
	*ret = j;
	return 0;
}
