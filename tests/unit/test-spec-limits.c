/* --ulimit, --sysctl and --device. */
#include "test.h"

#include <sys/resource.h>

#include "device-rule.h"
#include "device.h"
#include "str.h"
#include "sysctl.h"
#include "ulimit.h"

TEST(ulimit_accepted)
{
	static const struct {
		const char *value, *type;
		uint64_t soft, hard;
	} rows[] = {
		{ "nofile=10", "RLIMIT_NOFILE", 10, 10 },
		{ "nofile=10:20", "RLIMIT_NOFILE", 10, 20 },
		{ "NOFILE=10:-1", "RLIMIT_NOFILE", 10, SPEC_RLIMIT_INFINITY },
		{ "RLIMIT_CORE=0", "RLIMIT_CORE", 0, 0 },
		{ "memlock=unlimited", "RLIMIT_MEMLOCK", SPEC_RLIMIT_INFINITY, SPEC_RLIMIT_INFINITY },
		{ "rttime=-1:-1", "RLIMIT_RTTIME", SPEC_RLIMIT_INFINITY, SPEC_RLIMIT_INFINITY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_ulimits u = SPEC_ULIMITS_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(spec_ulimits_add(&u, rows[i].value, &e), e);
		CHECK_INT(u.n, 1);
		CHECK_STR(u.items[0].type, rows[i].type);
		CHECK_UINT(u.items[0].soft, rows[i].soft);
		CHECK_UINT(u.items[0].hard, rows[i].hard);
	}
}

TEST(ulimit_refused)
{
	static const char *const bad[] = {
		"", "nofile", "nofile=", "=1", "nofile=1:", "nofile=:1", "nofile=2:1", "nofile=-1:1",
		"nofile=-2", "nofile=1:2:3", "nofile=0x1", "nofile=1k", "bogus=1", "rlimit_=1",
		"nofile=9223372036854775808", "nofile=18446744073709551615", "nofile=1\n", "HOST",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct spec_ulimits u = SPEC_ULIMITS_INIT;
		struct err e = ERR_INIT;

		CHECK_MSG(spec_ulimits_add(&u, bad[i], &e) < 0, "accepted \"%s\"", bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
		CHECK_INT(u.n, 0);
	}
}

TEST(ulimit_repeats_and_host)
{
	struct spec_ulimits u = SPEC_ULIMITS_INIT, h = SPEC_ULIMITS_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(spec_ulimits_add(&u, "nofile=10", &e), e);
	CHECK_OK(spec_ulimits_add(&u, "core=1", &e), e);
	CHECK_OK(spec_ulimits_add(&u, "RLIMIT_NOFILE=5:6", &e), e);
	CHECK_INT(u.n, 2);
	CHECK_UINT(u.items[0].hard, 6);
	CHECK_ERR(spec_ulimits_add(&u, "host", &e), e, ERR_INVALID);
	CHECK_OK(spec_ulimits_add(&h, "host", &e), e);
	CHECK_ERR(spec_ulimits_add(&h, "core=1", &e), e, ERR_INVALID);
	CHECK_OK(spec_ulimits_finish(&h, false, &e), e);
	CHECK_INT(h.n, 0);
}

TEST(ulimit_defaults_and_reach)
{
	struct spec_ulimits u = SPEC_ULIMITS_INIT, v = SPEC_ULIMITS_INIT, w = SPEC_ULIMITS_INIT;
	struct rlimit own = { 50, 100 };
	struct err e = ERR_INIT;

	CHECK(setrlimit(RLIMIT_NOFILE, &own) == 0);
	CHECK_OK(spec_ulimits_finish(&u, false, &e), e);
	CHECK_INT(u.n, 2);
	CHECK_UINT(u.items[0].hard, 100);
	CHECK_UINT(u.items[0].soft, 100);
	CHECK_OK(spec_ulimits_finish(&v, true, &e), e);
	CHECK_UINT(v.items[0].hard, 1048576);
	CHECK_OK(spec_ulimits_add(&w, "nofile=50:101", &e), e);
	CHECK_ERR(spec_ulimits_finish(&w, false, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "NOFILE");
	CHECK_OK(spec_ulimits_finish(&w, true, &e), e);
	CHECK_UINT(w.items[0].hard, 101);
}

static int sysctl(const char *text, bool net, bool ipc, bool uts, struct err *e)
{
	struct spec_sysctl_ns ns = { net, ipc, uts };
	auto_free char *key = NULL;
	auto_free char *value = NULL;
	int r = spec_sysctl_parse(text, &ns, &key, &value, e);

	if (r == 0)
		CHECK(key && value && strlen(key) + 1 + strlen(value) == strlen(text));
	else
		CHECK(!key && !value);
	return r;
}

TEST(sysctl_accepted)
{
	static const char *const good[] = {
		"net.ipv4.ip_forward=1", "net.ipv4.ping_group_range=0\t0", "kernel.msgmax=1",
		"kernel.shm_rmid_forced=1", "kernel.sem=250 32000 32 128", "fs.mqueue.msg_max=5",
		"net.ipv4.conf.eth0-1.forwarding=1", "net.core.somaxconn=", "kernel.domainname=a=b",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err e = ERR_INIT;

		CHECK_OK(sysctl(good[i], true, true, true, &e), e);
	}
}

TEST(sysctl_refused)
{
	static const char *const bad[] = {
		"", "net.ipv4.ip_forward", "=1", "kernel.core_pattern=|/x", "vm.swappiness=1",
		"fs.file-max=1", "kernel.msgmaxx=1", "kernel.shm=1", "kernel.msg=1", "net=1", "net.=1",
		"net..ipv4=1", ".net.x=1", "net.ipv4/../../kernel/core_pattern=1", "net/ipv4/x=1",
		"net.x\n=1", "net.x=1\n2", "net.x=\033[", "net. x=1", "net.x =1", "kernel.panic=1",
		"fs.mqueue=1", "NET.x=1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;

		CHECK_MSG(sysctl(bad[i], true, true, true, &e) < 0, "accepted \"%s\"", bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
	}
}

TEST(sysctl_of_a_shared_namespace)
{
	struct err e = ERR_INIT;
	auto_free char *big = malloc(6000);

	CHECK_ERR(sysctl("net.ipv4.ip_forward=1", false, true, true, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "network");
	CHECK_ERR(sysctl("kernel.shmmax=1", true, false, true, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "IPC");
	CHECK_ERR(sysctl("fs.mqueue.msg_max=1", true, false, true, &e), e, ERR_DENIED);
	CHECK_ERR(sysctl("kernel.hostname=x", true, true, false, &e), e, ERR_DENIED);
	CHECK(big != NULL);
	memset(big, '1', 5999);
	memcpy(big, "net.x=", 6);
	big[5999] = '\0';
	CHECK_ERR(sysctl(big, true, true, true, &e), e, ERR_INVALID);
}

TEST(device_accepted)
{
	static const struct {
		const char *value, *source, *dest, *access;
	} rows[] = {
		{ "/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm" },
		{ "/dev/fuse:r", "/dev/fuse", "/dev/fuse", "r" },
		{ "/dev/fuse:mr", "/dev/fuse", "/dev/fuse", "rm" },
		{ "/dev/fuse:/dev/x", "/dev/fuse", "/dev/x", "rwm" },
		{ "/dev/fuse:/dev/x:rw", "/dev/fuse", "/dev/x", "rw" },
		{ "/dev//./fuse:/dev/../x:rwm", "/dev/fuse", "/x", "rwm" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_device d = { 0 };
		struct err e = ERR_INIT;

		CHECK_OK(spec_device_parse(rows[i].value, &d, &e), e);
		CHECK_STR(d.source, rows[i].source);
		CHECK_STR(d.dest, rows[i].dest);
		CHECK_STR(d.access, rows[i].access);
		spec_device_done(&d);
	}
}

TEST(device_refused)
{
	static const char *const bad[] = {
		"", "fuse", "/", "/dev/fuse:", "/dev/fuse:x", "/dev/fuse:rr", "/dev/fuse:/dev/x:",
		"/dev/fuse:/dev/x:q", "/dev/fuse:dev/x:rw", "/dev/fuse:/:rw", "/dev/fuse:/x:rw:rw",
		"/dev/fu\nse", ":/dev/x",
	};
	struct spec_device d = { 0 };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_MSG(spec_device_parse(bad[i], &d, &e) < 0, "accepted \"%s\"", bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
		CHECK(d.source == NULL);
	}
	CHECK_ERR(spec_device_parse("nvidia.com/gpu=all", &d, &e), e, ERR_UNSUPPORTED);
}

TEST(device_rules_accepted)
{
	static const struct {
		const char *text;
		char type;
		int64_t major, minor;
		const char *access;
	} rows[] = {
		{ "c 1:3 rwm", 'c', 1, 3, "rwm" },
		{ "b 8:* mr", 'b', 8, -1, "rm" },
		{ "a *:* w", 'a', -1, -1, "w" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_device_rule r;
		struct err e = ERR_INIT;

		CHECK_OK(spec_device_rule_parse(rows[i].text, &r, &e), e);
		CHECK_INT(r.type, rows[i].type);
		CHECK_INT(r.major, rows[i].major);
		CHECK_INT(r.minor, rows[i].minor);
		CHECK_STR(r.access, rows[i].access);
	}
}

TEST(device_rules_refused)
{
	static const char *const bad[] = {
		"", "c", "c 1:3", "c 1 rwm", "c 1:3 x", "c 1:3 rr", "c 1:3 ", "d 1:3 r", "cc 1:3 r",
		"c -1:3 r", "c 1:3:4 r", "c 1:4294967296 r", "c 1:3 rwm x", " c 1:3 r", "c :3 r",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct spec_device_rule r;
		struct err e = ERR_INIT;

		CHECK_MSG(spec_device_rule_parse(bad[i], &r, &e) < 0, "accepted \"%s\"", bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
	}
}
