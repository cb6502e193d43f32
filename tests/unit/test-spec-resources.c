/* Resource limits: what is accepted, refused, merged, and said in OCI's words. */
#include "test.h"

#include <jansson.h>

#include "json.h"
#include "resources.h"

TEST(accepted)
{
	static const struct {
		const char *option, *value, *json;
	} rows[] = {
		{ "memory", "64m", "{\"memory\":{\"limit\":67108864}}" },
		{ "memory", "1.5g", "{\"memory\":{\"limit\":1610612736}}" },
		{ "memory", "0", "" },
		{ "memory-reservation", "1k", "{\"memory\":{\"reservation\":1024}}" },
		{ "memory-swap", "-1", "{\"memory\":{\"swap\":-1}}" },
		{ "cpu-shares", "512", "{\"cpu\":{\"shares\":512}}" },
		{ "cpu-quota", "-1", "{\"cpu\":{\"quota\":-1}}" },
		{ "cpuset-cpus", "0-2,4", "{\"cpu\":{\"cpus\":\"0-2,4\"}}" },
		{ "cpuset-mems", "0", "{\"cpu\":{\"mems\":\"0\"}}" },
		{ "cpuset-mems", "", "" },
		{ "pids-limit", "-1", "{\"pids\":{\"limit\":-1}}" },
		{ "blkio-weight", "10", "{\"blockIO\":{\"weight\":10}}" },
		{ "blkio-weight", "0", "" },
		{ "cgroup-conf", "memory.high=1", "{\"unified\":{\"memory.high\":\"1\"}}" },
		{ "cgroup-conf", "io.max=8:0 rbps=1", "{\"unified\":{\"io.max\":\"8:0 rbps=1\"}}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_resources r = SPEC_RESOURCES_INIT;
		struct err e = ERR_INIT;
		auto_json json_t *j = NULL;
		auto_free char *text = NULL;

		CHECK_OK(spec_resources_set(&r, rows[i].option, rows[i].value, &e), e);
		CHECK_OK(spec_resources_json(&r, 0, &j, &e), e);
		text = j ? json_dumps(j, JSON_COMPACT) : strdup("");
		CHECK_STR(text, rows[i].json);
		spec_resources_done(&r);
	}
}

TEST(refused)
{
	static const struct {
		const char *option, *value, *says;
	} rows[] = {
		{ "memory", "abc", "invalid value for memory: invalid size: 'abc'" },
		{ "memory", "-1", "invalid size: '-1'" },
		{ "memory", "8e18", "invalid size" },
		{ "memory", "9223372036854775807", "invalid size" },
		{ "memory-swap", "-2", "invalid size" },
		{ "cpuset-cpus", "a", "--cpuset-cpus" },
		{ "cpuset-cpus", "3-1", "--cpuset-cpus" },
		{ "cpuset-cpus", "0,,1", "--cpuset-cpus" },
		{ "cpuset-cpus", "0\n1", "--cpuset-cpus" },
		{ "cpuset-mems", "99999", "--cpuset-mems" },
		{ "pids-limit", "x", "invalid syntax" },
		{ "blkio-weight", "x", "invalid value for blkio-weight: strconv.ParseUint" },
		{ "blkio-weight", "9", "10 to 1000" },
		{ "blkio-weight", "1001", "10 to 1000" },
		{ "blkio-weight-device", "dev", "bad format: dev" },
		{ "blkio-weight-device", "/dev/vda:5", "invalid weight for device: /dev/vda:5" },
		{ "device-read-bps", "/dev/null", "bad format: /dev/null" },
		{ "device-read-bps", "null:1mb", "bad format for device path: null:1mb" },
		{ "device-read-bps", "/dev/null:x", "kb, mb, or gb" },
		{ "device-write-iops", "/dev/null:-5", "Number must be a positive integer" },
		{ "device-write-iops", "/dev/null:1k", "Number must be a positive integer" },
		{ "cgroup-conf", "foo", "KEY=VALUE" },
		{ "cgroup-conf", "=1", "KEY=VALUE" },
		{ "cgroup-conf", "../memory.high=1", "a file of a cgroup" },
		{ "cgroup-conf", "cgroup.procs=1", "a file of a cgroup" },
		{ "cgroup-conf", "..=1", "a file of a cgroup" },
		{ "kernel-memory", "1", "no resource limit" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_resources r = SPEC_RESOURCES_INIT;
		struct err e = ERR_INIT;

		CHECK_MSG(spec_resources_set(&r, rows[i].option, rows[i].value, &e) == -EINVAL, "%s %s",
			  rows[i].option, rows[i].value);
		CHECK_CONTAINS(e.text, rows[i].says);
		spec_resources_done(&r);
	}
}

TEST(cpus)
{
	struct spec_resources r = SPEC_RESOURCES_INIT;
	struct spec_resource_need needs[4];
	struct err e = ERR_INIT;

	CHECK_OK(spec_resources_set_cpus(&r, 0.5, &e), e);
	CHECK_INT(r.cpu_quota_us, 50000);
	CHECK_UINT(r.cpu_period_us, 100000);
	CHECK_UINT(spec_resources_needs(&r, needs, 4), 1);
	CHECK_STR(needs[0].option, "cpus");
	CHECK_STR(needs[0].controller, "cpu");
	CHECK_OK(spec_resources_set_cpus(&r, 0, &e), e);
	CHECK_UINT(r.cpu_period_us, 0);
	CHECK_ERR(spec_resources_set_cpus(&r, -1, &e), e, ERR_INVALID);
	CHECK_ERR(spec_resources_set_cpus(&r, 1e9, &e), e, ERR_INVALID);
}

TEST(what_does_not_fit_together)
{
	static const struct {
		struct spec_resources r;
		const char *says;
	} rows[] = {
		{ { .memory_swap = 5 }, "always set the Memory limit" },
		{ { .memory = 6, .memory_swap = 5 }, "larger than memory" },
		{ { .memory = 5, .memory_reservation = 6 }, "reservation" },
		{ { .cpu_period_us = 999 }, "1ms" },
		{ { .cpu_period_us = 1000001 }, "1s" },
		{ { .cpu_quota_us = 999 }, "quota" },
	};
	static const struct spec_resources good[] = {
		{ 0 }, { .memory = 6, .memory_swap = 6 }, { .memory = 6, .memory_swap = -1 },
		{ .memory_reservation = 6 }, { .cpu_quota_us = -1 },
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ERR(spec_resources_check(&rows[i].r, &e), e, ERR_INVALID);
		CHECK_CONTAINS(e.text, rows[i].says);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_OK(spec_resources_check(&good[i], &e), e);
}

TEST(swap_is_twice_the_memory)
{
	struct spec_resources r = { .memory = 100, .pids = -1 };
	auto_json json_t *a = NULL, *b = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(spec_resources_json(&r, SPEC_RESOURCES_SWAP | SPEC_RESOURCES_NEW, &a, &e), e);
	CHECK_INT(json_integer_value(json_object_get(json_object_get(a, "memory"), "swap")), 200);
	CHECK(!json_object_get(a, "pids"));
	r.memory_swap = -1;
	CHECK_OK(spec_resources_json(&r, SPEC_RESOURCES_SWAP | SPEC_RESOURCES_NEW, &b, &e), e);
	CHECK(!json_object_get(json_object_get(b, "memory"), "swap"));
}

TEST(needs)
{
	struct spec_resources r = { .memory = 1, .memory_swap = -1, .pids = -1, .cpu_shares = 2 };
	struct spec_resource_need needs[SPEC_RESOURCE_NEEDS_MAX];
	struct err e = ERR_INIT;

	CHECK_OK(spec_resources_set(&r, "cgroup-conf", "memory.high=1", &e), e);
	CHECK_OK(spec_resources_set(&r, "cgroup-conf", "strange.file=1", &e), e);
	CHECK_UINT(spec_resources_needs(&r, needs, SPEC_RESOURCE_NEEDS_MAX), 4);
	CHECK_STR(needs[0].controller, "memory");
	CHECK_STR(needs[1].controller, "cpu");
	CHECK_STR(needs[2].option, "cgroup-conf");
	CHECK_STR(needs[2].controller, "memory");
	CHECK(needs[3].controller == NULL);
	CHECK_UINT(spec_resources_needs(&r, needs, 2), 2);
	spec_resources_done(&r);
}

TEST(merge)
{
	struct spec_resources a = { .memory = 1, .pids = 5 }, b = { .memory = 2, .cpu_shares = 3 };
	struct err e = ERR_INIT;

	CHECK_OK(spec_resources_set(&a, "device-read-bps", "/dev/a:1", &e), e);
	CHECK_OK(spec_resources_set(&a, "device-read-bps", "/dev/b:2", &e), e);
	CHECK_OK(spec_resources_set(&b, "device-read-bps", "/dev/b:3", &e), e);
	CHECK_OK(spec_resources_set(&b, "device-read-bps", "/dev/c:4", &e), e);
	CHECK_OK(spec_resources_set(&b, "cpuset-cpus", "1", &e), e);
	CHECK_OK(spec_resources_merge(&a, &b, &e), e);
	CHECK_INT(a.memory, 2);
	CHECK_INT(a.pids, 5);
	CHECK_UINT(a.cpu_shares, 3);
	CHECK_STR(a.cpuset_cpus, "1");
	CHECK_UINT(a.device_read_bps.n, 3);
	CHECK_STR(a.device_read_bps.items[0], "/dev/a:1");
	CHECK_STR(a.device_read_bps.items[1], "/dev/b:3");
	CHECK_STR(a.device_read_bps.items[2], "/dev/c:4");
	spec_resources_done(&a);
	spec_resources_done(&b);
}

TEST(devices_are_looked_up)
{
	struct spec_resources r = SPEC_RESOURCES_INIT;
	auto_json json_t *j = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(spec_resources_set(&r, "device-read-bps", "/dev/null:1", &e), e);
	CHECK_ERR(spec_resources_json(&r, 0, &j, &e), e, ERR_INVALID);
	CHECK_CONTAINS(e.text, "/dev/null is no block device");
	spec_resources_done(&r);
	e = (struct err)ERR_INIT;
	CHECK_OK(spec_resources_set(&r, "blkio-weight-device", "/dev/nosuch:100", &e), e);
	CHECK(spec_resources_json(&r, 0, &j, &e) == -ENOENT);
	CHECK_CONTAINS(e.text, "--blkio-weight-device");
	spec_resources_done(&r);
}
