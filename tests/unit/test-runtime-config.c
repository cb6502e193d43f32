/* config.json: what is taken, and what is refused with its path. */
#include "test.h"

#include <linux/mount.h>
#include <sys/resource.h>

#include "json.h"
#include "oci-config.h"

#define BASE                                                                                      \
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]," \
	"\"user\":{\"uid\":0,\"gid\":0}},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}"

/* The base document with the JSON text @value put at @path ("process.user.uid"). */
static json_t *with(const char *path, const char *value)
{
	json_t *doc = json_loads(BASE, 0, NULL), *at = doc;
	json_t *v = json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	char *copy = strdup(path), *save = NULL, *part, *next;

	CHECK(doc && v && copy);
	part = strtok_r(copy, ".", &save);
	while ((next = strtok_r(NULL, ".", &save))) {
		if (!json_object_get(at, part))
			CHECK_INT(json_object_set_new(at, part, json_object()), 0);
		at = json_object_get(at, part);
		part = next;
	}
	CHECK_INT(json_object_set_new(at, part, v), 0);
	free(copy);
	return doc;
}

static void check_taken(const char *path, const char *value)
{
	struct oci_config c = { 0 };
	struct err e = ERR_INIT;
	int r = oci_config_read_consume(with(path, value), &c, &e);

	CHECK_MSG(r == 0, "%s = %s: %s", path, value, e.text);
	oci_config_done(&c);
}

static void check_refused(const char *path, const char *value, const char *text)
{
	struct oci_config c = { 0 };
	struct err e = ERR_INIT;
	int r = oci_config_read_consume(with(path, value), &c, &e);

	CHECK_MSG(r < 0, "%s = %s was taken", path, value);
	CHECK_CONTAINS(e.text, text);
	oci_config_done(&c);
}

TEST(taken)
{
	static const struct {
		const char *path, *value;
	} rows[] = {
		{ "ociVersion", "\"1.2.0\"" },
		{ "ociVersion", "\"1.1.0-rc.2\"" },
		{ "ociVersion", "\"1.0.2-dev\"" },
		{ "ociVersion", "\"1.30.0+build\"" },
		{ "process.user", "null" },
		{ "process.capabilities", "{\"effective\":[\"CAP_NONE\"]}" },
		{ "process.commandLine", "\"for Windows\"" },
		{ "process.scheduler", "{\"policy\":\"SCHED_BATCH\",\"nice\":-5}" },
		{ "process.scheduler", "{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,\"deadline\":2,\"period\":3,"
				       "\"flags\":[\"SCHED_FLAG_RECLAIM\",\"SCHED_FLAG_DL_OVERRUN\"]}" },
		{ "process.execCPUAffinity", "{\"initial\":\"0-3, 7\",\"final\":\"\"}" },
		{ "process.ioPriority", "{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":7}" },
		{ "process.consoleSize", "{\"height\":1,\"width\":2}" },
		{ "linux.mountLabel", "\"system_u:object_r:x_t:s0:c1,c2\"" },
		{ "annotations", "{\"a\":\"\"}" },
		{ "mounts", "[{\"destination\":\"/x\",\"options\":[\"remount\",\"ro\"]}]" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"iversion\",\"noiversion\"]}]" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\",\"uidMappings\":[{\"containerID\":0,"
			    "\"hostID\":1,\"size\":2}],\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":2}]}]" },
		{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"p\"}]" },
		{ "unknown", "{\"a\":[1,2,3]}" },
		{ "process.unknown", "null" },
		{ "process.user.uid", "4294967294" },
		{ "process.capabilities", "{\"bounding\":[\"CAP_CHOWN\",\"cap_kill\"],\"ambient\":[]}" },
		{ "process.rlimits", "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":-1,\"soft\":1024}]" },
		{ "process.oomScoreAdj", "-1000" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\",\"options\":[\"rbind\","
			    "\"ro\",\"rprivate\"]}]" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"size=1m\",\"odd=yes\"]}]" },
		{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":8630}]" },
		{ "linux.sysctl", "{\"net.ipv4.ip_forward\":\"1\"}" },
		{ "hooks", "{\"poststop\":[{\"path\":\"/bin/true\",\"timeout\":5}]}" },
		{ "linux.maskedPaths", "null" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_taken(rows[i].path, rows[i].value);
}

TEST(refused)
{
	static const struct {
		const char *path, *value, *text;
	} rows[] = {
		{ "ociVersion", "\"2.0.0\"", "$.ociVersion" },
		{ "ociVersion", "\"1\"", "$.ociVersion" },
		{ "ociVersion", "1", "$.ociVersion: expected a string" },
		{ "root", "[]", "$.root: expected an object" },
		{ "root.path", "\"\"", "$.root.path" },
		{ "process.cwd", "\"relative\"", "not an absolute path" },
		{ "process.args", "\"sh\"", "$.process.args: expected an array" },
		{ "process.args", "[\"a\",1]", "$.process.args[1]" },
		{ "process.args", "[]", "not found" },
		{ "process.env", "[\"NOEQUALS\"]", "NAME=VALUE" },
		{ "process.env", "[\"=x\"]", "NAME=VALUE" },
		{ "process.env", "[\"A\\u0000=x\"]", "$.process.env[0]" },
		{ "process.user.uid", "-1", "$.process.user.uid: expected 0..4294967294" },
		{ "process.user.uid", "4294967295", "$.process.user.uid" },
		{ "process.user.uid", "4294967296", "$.process.user.uid" },
		{ "process.user.uid", "\"0\"", "$.process.user.uid" },
		{ "process.user.uid", "0.5", "$.process.user.uid" },
		{ "process.user.umask", "512", "$.process.user.umask" },
		{ "process.user.additionalGids", "[1,-1]", "$.process.user.additionalGids[1]" },
		{ "process.user.additionalGids", "[4294967296]", "additionalGids[0]" },
		{ "process.terminal", "1", "$.process.terminal: expected true or false" },
		{ "process.capabilities.effective", "[1]", "effective[0]" },
		{ "process.capabilities.ambient", "\"CAP_KILL\"", "expected an array" },
		{ "process.rlimits", "[{\"type\":\"RLIMIT_X\",\"hard\":1,\"soft\":1}]", "rlimits[0].type" },
		{ "process.rlimits", "[{\"type\":\"RLIMIT_CPU\",\"hard\":-2,\"soft\":1}]", "expected 0.." },
		{ "process.oomScoreAdj", "1001", "$.process.oomScoreAdj" },
		{ "process.oomScoreAdj", "4294967296", "$.process.oomScoreAdj" },
		{ "ociVersion", "\"1.2\"", "$.ociVersion" },
		{ "ociVersion", "\"01.2.0\"", "$.ociVersion" },
		{ "ociVersion", "\"1.02.0\"", "$.ociVersion" },
		{ "ociVersion", "\"1.2.0x\"", "$.ociVersion" },
		{ "ociVersion", "\"1.2.0-\"", "$.ociVersion" },
		{ "ociVersion", "\"0.5.0-dev\"", "$.ociVersion" },
		{ "process.rlimits", "[{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":2}]", "soft is above hard" },
		{ "process.rlimits", "[{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":1},{\"type\":\"RLIMIT_CPU\","
				     "\"hard\":1,\"soft\":1}]", "rlimits[1]: a second" },
		{ "process.execCPUAffinity", "{\"initial\":\"0-\"}", "execCPUAffinity.initial" },
		{ "process.execCPUAffinity", "{\"final\":\"3-1\"}", "execCPUAffinity.final" },
		{ "process.execCPUAffinity", "{\"final\":\"1024\"}", "execCPUAffinity.final" },
		{ "process.execCPUAffinity", "{\"final\":\",\"}", "execCPUAffinity.final" },
		{ "process.execCPUAffinity", "{\"final\":1}", "execCPUAffinity.final" },
		{ "process.scheduler", "{\"policy\":\"SCHED_NONE\"}", "scheduler.policy" },
		{ "process.scheduler", "{\"nice\":1}", "scheduler.policy: missing" },
		{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"nice\":20}", "scheduler.nice" },
		{ "process.scheduler", "{\"policy\":\"SCHED_FIFO\",\"nice\":1,\"priority\":1}", "scheduler.nice" },
		{ "process.scheduler", "{\"policy\":\"SCHED_FIFO\"}", "scheduler.priority" },
		{ "process.scheduler", "{\"policy\":\"SCHED_RR\",\"priority\":100}", "scheduler.priority" },
		{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"priority\":1}", "scheduler.priority" },
		{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"period\":1}", "period" },
		{ "process.scheduler", "{\"policy\":\"SCHED_OTHER\",\"flags\":[\"X\"]}", "scheduler.flags[0]" },
		{ "process.consoleSize", "{\"height\":1}", "width: missing" },
		{ "process.ioPriority", "{\"class\":\"IOPRIO_CLASS_BE\"}", "priority: missing" },
		{ "process.ioPriority", "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}", "ioPriority.priority" },
		{ "annotations", "{\"a\":1}", "$.annotations.a" },
		{ "annotations", "{\"\":\"x\"}", "empty key" },
		{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"c\"}]", "missing or out of range" },
		{ "linux.namespaces", "[{\"type\":\"mount\"},{\"type\":\"pid\",\"path\":\"ns\"}]", "not absolute" },
		{ "linux.netDevices", "{\"eth0\":{}}", "runtime-spec 1.3" },
		{ "linux.memoryPolicy", "{\"mode\":\"MPOL_BIND\"}", "runtime-spec 1.3" },
		{ "hooks", "{\"prestart\":[{\"path\":\"/a\",\"timeout\":0}]}", "timeout" },
		{ "hooks", "{\"prestart\":[{\"path\":\"/a\",\"timeout\":-1}]}", "timeout" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"copy-symlink\"]}]", "copy-symlink" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"idmap=uids=0-1-1\"]}]", "uidMappings" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"idmap\"]}]", "idmap needs" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,"
			    "\"size\":1}]}]", "go together" },
		{ "linux.uidMappings", "[{\"containerID\":1,\"hostID\":0,\"size\":4294967295}]", "beyond the last id" },
		{ "process.ioPriority", "{\"class\":\"X\",\"priority\":1}", "ioPriority.class" },
		{ "mounts", "[{\"destination\":\"/x\"}]", "$.mounts[0]: has no type" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"bind\"}]", "has no source" },
		{ "mounts", "[{\"destination\":\"\",\"type\":\"tmpfs\"}]", "destination" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\",\"options\":[\"nonsense\"]}]",
		  "$.mounts[0].options" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[5]}]", "options[0]" },
		{ "mounts", "[{\"destination\":\"/x\",\"type\":\"tmpfs\",\"uidMappings\":[{}],\"gidMappings\":[{}]}]",
		  "$.mounts[0].uidMappings[0].containerID: missing" },
		{ "linux.namespaces", "[]", "mount" },
		{ "linux.namespaces", "[{\"type\":\"mount\"},{\"type\":\"mount\"}]", "second" },
		{ "linux.namespaces", "[{\"type\":\"moont\"}]", "namespaces[0].type" },
		{ "linux.namespaces", "[{\"type\":\"mount\"},{\"type\":\"user\"}]", "uidMappings" },
		{ "linux.uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]", "user namespace" },
		{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"x\"}]", "devices[0].type" },
		{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,\"minor\":-1}]", "range" },
		{ "linux.sysctl", "{\"a\":1}", "$.linux.sysctl.a" },
		{ "linux.personality", "{\"domain\":\"BSD\"}", "personality.domain" },
		{ "linux.intelRdt", "{\"closID\":\"x\"}", "$.linux.intelRdt is not supported" },
		{ "linux.timeOffsets", "{\"monotonic\":{\"secs\":1}}", "time namespace" },
		{ "hooks", "{\"prestart\":[{\"path\":\"true\"}]}", "not absolute" },
		{ "hooks", "{\"prestart\":{}}", "$.hooks.prestart" },
		{ "hostname", "\"h\"", "uts namespace" },
		{ "windows", "{}", "not for Linux" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_refused(rows[i].path, rows[i].value, rows[i].text);
}

TEST(values_arrive)
{
	struct oci_config c = { 0 };
	struct err e = ERR_INIT;
	json_t *doc = with("process.user", "{\"uid\":7,\"gid\":8,\"umask\":63,\"additionalGids\":[1,2]}");

	CHECK_OK(oci_config_read_consume(doc, &c, &e), e);
	CHECK_UINT(c.process.uid, 7);
	CHECK_UINT(c.process.gid, 8);
	CHECK(c.process.has_umask && c.process.umask == 077);
	CHECK_UINT(c.process.n_groups, 2);
	CHECK_UINT(c.process.groups[1], 2);
	CHECK(!c.process.has_caps && c.process.caps.bounding == 0);
	CHECK(c.ns[NS_MOUNT].present && !c.ns[NS_MOUNT].path && !c.ns[NS_PID].present);
	oci_config_done(&c);
}

TEST(no_limit_as_go_writes_it)
{
	struct oci_config c = { 0 };
	struct err e = ERR_INIT;
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char text[] =
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\",\"args\":"
		"[\":18446744073709551615\"],\"user\":{\"uid\":0,\"gid\":0},\"rlimits\":[{\"type\":"
		"\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\": 18446744073709551615}]},"
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}";

	CHECK(write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	CHECK_OK(oci_config_load(dir, NULL, &c, &e), e);
	CHECK(c.process.rlimits[0].value.rlim_max == RLIM_INFINITY);
	CHECK(c.process.rlimits[0].value.rlim_cur == RLIM_INFINITY);
	CHECK_STR(c.process.args.items[0], ":18446744073709551615");
	oci_config_done(&c);
}

/* Config.json with @linux_ as its linux object, read from a file. */
static int load_linux(const char *linux_, struct oci_config *c, struct err *e)
{
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FILE *f = fopen("config.json", "we");
	int r;

	CHECK(dir >= 0 && f);
	(void)fprintf(f, "{ \"ociVersion\":\"1.0.0\", \"a\\\"{\":[\"}\",{}], \"root\":{\"path\":\"r\"},"
			 "\"linux\" : %s , \"process\":{\"cwd\":\"/\",\"args\":[\"x\"],"
			 "\"user\":{\"uid\":0,\"gid\":0}}}", linux_);
	(void)fclose(f);
	r = oci_config_load(dir, NULL, c, e);
	(void)close(dir);
	return r;
}

TEST(seccomp_stays_text)
{
	static const struct {
		const char *linux_, *text;
	} rows[] = {
		{ "{\"namespaces\":[{\"type\":\"mount\"}]}", NULL },
		{ "{\"namespaces\":[{\"type\":\"mount\"}],\"seccomp\":null}", NULL },
		{ "{\"seccomp\":{\"x\":\"}\\\"]\",\"y\":[{}]},\"namespaces\":[{\"type\":\"mount\"}]}",
		  "{\"x\":\"}\\\"]\",\"y\":[{}]}" },
		{ "{\"namespaces\":[{\"type\":\"mount\"}], \"seccomp\" : {\"d\" : 1} }", "{\"d\" : 1}" },
	};

	CHECK_INT(chdir(test_tmpdir()), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oci_config c = { 0 };
		struct err e = ERR_INIT;

		CHECK_OK(load_linux(rows[i].linux_, &c, &e), e);
		CHECK_STR(c.seccomp_text ? c.seccomp_text : "", rows[i].text ? rows[i].text : "");
		CHECK(!c.seccomp);
		oci_config_done(&c);
	}
}

/* What is no object, comes twice or is hidden behind an escape is never taken for "no filter". */
TEST(odd_seccomp_is_seen)
{
	static const char *const bad[] = {
		"{\"seccomp\":{},\"seccomp\":{\"a\":1}}", "{\"seccomp\":{},\"secc\\u006fmp\":{}}",
		"{\"seccomp\":[]}", "{\"seccomp\":\"x\"}", "{\"seccomp\":1}", "{\"seccomp\":{\"a\":1}",
		"{\"seccomp\":{\"a\":1}}},\"linux\":{}", "{\"seccomp\":{]}",
	};
	struct oci_config c = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(chdir(test_tmpdir()), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = load_linux(bad[i], &c, &e);

		CHECK_MSG(r < 0 || c.seccomp_text || c.seccomp, "no filter: %s", bad[i]);
		oci_config_done(&c);
	}
	CHECK_OK(load_linux("{\"namespaces\":[{\"type\":\"mount\"}],\"secc\\u006fmp\":{\"a\":1}}", &c, &e), e);
	CHECK(c.seccomp);
	oci_config_done(&c);
}

TEST(mount_options_are_sorted)
{
	struct mount_opts o = { 0 };
	struct err e = ERR_INIT;
	auto_json json_t *list = json_loads("[\"rbind\",\"ro\",\"nosuid\",\"suid\",\"rnodev\",\"noatime\","
					    "\"rslave\"]", 0, NULL);

	CHECK_OK(mount_opts_parse(list, &o, "$", &e), e);
	CHECK(o.bind && o.recursive && !o.copy_up);
	CHECK(o.top.set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME));
	CHECK(o.top.clear == (MOUNT_ATTR_NOSUID | MOUNT_ATTR__ATIME));
	CHECK(o.tree.set == MOUNT_ATTR_NODEV && o.tree.clear == 0);
	CHECK(o.propagation && o.propagation_rec);
	mount_opts_done(&o);
}
