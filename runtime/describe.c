/* The commands spec and features. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include "caps.h"
#include "cgroup-systemd.h"
#include "config.h"
#include "fd.h"
#include "file.h"
#include "filter.h"
#include "identity.h"
#include "json.h"
#include "mount-opts.h"
#include "oci-config.h"
#include "path.h"
#include "runtime.h"
#include "state.h"

static json_t *names_of(const char *(*name)(size_t i))
{
	json_t *arr = json_array();

	for (size_t i = 0; arr && name(i); i++)
		(void)json_array_append_new(arr, json_string(name(i))); /* checked by json_dumps */
	return arr;
}

static const char *cap_name(size_t i)
{
	return cap_str((unsigned int)i);
}

static const char *ns_name(size_t i)
{
	return i < NS_COUNT_ ? ns_types[i].name : NULL;
}

static const char *hook_name(size_t i)
{
	return i < HOOK_COUNT_ ? hook_names[i] : NULL;
}

static const char *unsafe_annotation(size_t i)
{
	static const char *const names[] = { IDENTITY_KEEP_GROUPS };

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

static json_t *cgroup_features(void)
{
	auto_free char *helper = NULL;
	bool systemd = systemd_program(&helper, NULL) == 0;

	return json_pack("{s:b, s:b, s:b, s:b, s:b}", "v1", 0, "v2", 1, "systemd", systemd,
			 "systemdUser", systemd, "rdma", 1);
}

static json_t *seccomp_features(void)
{
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "enabled", 1, "actions",
			 names_of(filter_action_name), "operators", names_of(filter_op_name),
			 "archs", names_of(filter_arch_name), "knownFlags",
			 names_of(filter_flag_name), "supportedFlags",
			 names_of(filter_supported_flag_name));
}

static json_t *linux_features(void)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:{s:b}, s:{s:b}, s:{s:b}, s:{s:{s:b}}}",
			 "namespaces", names_of(ns_name), "capabilities", names_of(cap_name),
			 "cgroup", cgroup_features(), "seccomp", seccomp_features(), "apparmor",
			 "enabled", 1, "selinux", "enabled", 1, "intelRdt", "enabled", 0,
			 "mountExtensions", "idmap", "enabled", 1);
}

/* As features.md and features-linux.md of the runtime-spec have it. */
int cmd_features(struct args *a, struct err *e)
{
	const struct scmp_version *v = seccomp_version();
	auto_free char *text = NULL,
		       *scmp = v ? str_printf("%u.%u.%u", v->major, v->minor, v->micro) : NULL;
	auto_json json_t *obj = NULL;

	if (a->argc > 0)
		return err_set(e, ERR_INVALID, "unexpected argument \"%s\"", a->argv[0]);
	obj = json_pack("{s:s, s:s, s:o, s:o, s:o, s:{s:s, s:s}, s:o}", "ociVersionMin", "1.0.0",
			"ociVersionMax", OCI_VERSION, "hooks", names_of(hook_name), "mountOptions",
			names_of(mount_opts_name), "linux", linux_features(), "annotations",
			"ctr-lite.version", CTR_VERSION, "io.github.seccomp.libseccomp.version",
			scmp ? scmp : "", "potentiallyUnsafeConfigAnnotations",
			names_of(unsafe_annotation));
	text = obj ? json_dumps(obj, JSON_INDENT(2)) : NULL;
	if (!text)
		return err_sys(e, ENOMEM, "print the features");
	(void)printf("%s\n", text);
	return 0;
}

/* The sample that runtimes print. */
/* clang-format off */
static const char sample[] =
	"{\"ociVersion\":\"" OCI_VERSION "\",\"process\":{\"terminal\":true,\"user\":{\"uid\":0,"
	"\"gid\":0},\"args\":[\"sh\"],"
	"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\","
	"\"TERM=xterm\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":[\"CAP_AUDIT_WRITE\","
	"\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],\"effective\":[\"CAP_AUDIT_WRITE\","
	"\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],\"permitted\":[\"CAP_AUDIT_WRITE\","
	"\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
	"\"hard\":1024,\"soft\":1024}],\"noNewPrivileges\":true},\"root\":{\"path\":\"rootfs\","
	"\"readonly\":true},\"hostname\":\"ctr-lite\",\"mounts\":[{\"destination\":\"/proc\","
	"\"type\":\"proc\",\"source\":\"proc\"},{\"destination\":\"/dev\",\"type\":\"tmpfs\","
	"\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"strictatime\",\"mode=755\","
	"\"size=65536k\"]},{\"destination\":\"/dev/pts\",\"type\":\"devpts\","
	"\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\",\"newinstance\","
	"\"ptmxmode=0666\",\"mode=0620\"]},{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\","
	"\"source\":\"shm\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\","
	"\"size=65536k\"]},{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\","
	"\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},"
	"{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}],"
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\","
	"\"/proc/sched_debug\",\"/sys/firmware\",\"/proc/scsi\"],"
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
	"\"/proc/sysrq-trigger\"]}}";
/* clang-format on */

static int make_rootless(json_t *doc)
{
	json_t *linux_ = json_object_get(doc, "linux");
	const char *names[] = { "uidMappings", "gidMappings" };
	const uint32_t ids[] = { geteuid(), getegid() };

	for (int i = 0; i < 2; i++)
		if (json_object_set_new(linux_, names[i],
					json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID",
						  (json_int_t)ids[i], "size", 1)) < 0)
			return -ENOMEM;
	return json_array_append_new(json_object_get(linux_, "namespaces"),
				     json_pack("{s:s}", "type", "user")) < 0
		       ? -ENOMEM
		       : 0;
}

int cmd_spec(struct args *a, struct err *e)
{
	const char *bundle = a->bundle ? a->bundle : ".";
	const char *name = a->config ? a->config : "config.json";
	auto_close int dir = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_json json_t *doc = NULL;
	auto_free char *text = NULL;
	int r;

	if (a->argc > 0)
		return err_set(e, ERR_INVALID, "unexpected argument \"%s\"", a->argv[0]);
	if (dir < 0)
		return err_sys(e, errno, "open the bundle %s", bundle);
	if (!path_is_component(name))
		return err_set(e, ERR_INVALID, "--file: \"%s\" is not the name of a file", name);
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, ERR_EXISTS, "%s exists in %s; remove it first", name, bundle);
	r = json_parse(sample, sizeof(sample) - 1, sizeof(sample), "the sample", &doc, e);
	if (r < 0)
		return r;
	if (a->spec_rootless && make_rootless(doc) < 0)
		return err_sys(e, ENOMEM, "make config.json");
	text = json_dumps(doc, JSON_INDENT(8));
	if (!text)
		return err_sys(e, ENOMEM, "make config.json");
	r = file_replace(dir, name, text, strlen(text), 0644, FILE_SYNC_NONE);
	return r < 0 ? err_sys(e, r, "write %s in %s", name, bundle) : 0;
}
