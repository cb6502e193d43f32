/* Names of sysctls and whose they are. */
#include "test.h"

#include "oci-config.h"
#include "sysctl.h"

TEST(names)
{
	static const struct {
		const char *name, *path;	/* path NULL: refused */
	} rows[] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net.ipv4.conf.eth0/1.mtu", "net/ipv4/conf/eth0.1/mtu" },
		{ "net/ipv4/conf/eth0.1/mtu", "net/ipv4/conf/eth0.1/mtu" },
		{ "kernel.shmmax", "kernel/shmmax" },
		{ "", NULL },
		{ ".", NULL },
		{ "/", NULL },
		{ "..", NULL },
		{ "../kernel/core_pattern", NULL },
		{ "net/../kernel/core_pattern", NULL },
		{ "net.//.kernel", NULL },
		{ "net.ipv4.conf././.x", NULL },
		{ "net..ipv4", NULL },
		{ "net.ipv4.", NULL },
		{ ".net", NULL },
		{ "/net/ipv4", NULL },
		{ "net.ipv4\nkernel", NULL },
		{ "net ipv4", NULL },
		{ "net.ipv4=1", NULL },
		{ "net.ip\033v4", NULL },
	};
	char path[SYSCTL_PATH_MAX], huge[4096];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = sysctl_path(rows[i].name, path);

		CHECK_MSG((r == 0) == (rows[i].path != NULL), "\"%s\" gave %d", rows[i].name, r);
		if (r == 0)
			CHECK_STR(path, rows[i].path);
	}
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	CHECK_INT(sysctl_path(huge, path), -ENAMETOOLONG);
}

TEST(namespaces)
{
	CHECK_INT(sysctl_namespace("net/ipv4/ip_forward"), NS_NET);
	CHECK_INT(sysctl_namespace("kernel/shmmax"), NS_IPC);
	CHECK_INT(sysctl_namespace("fs/mqueue/msg_max"), NS_IPC);
	CHECK_INT(sysctl_namespace("kernel/core_pattern"), -EINVAL);
	CHECK_INT(sysctl_namespace("kernel/shmmaxx"), -EINVAL);
	CHECK_INT(sysctl_namespace("vm/swappiness"), -EINVAL);
	CHECK_INT(sysctl_namespace("netx/ipv4"), -EINVAL);
}

static int check_with(const char *name, enum ns_kind have, struct err *e)
{
	struct oci_sysctl one = { .name = name, .value = "1" };
	struct oci_config c = { .sysctls = &one, .n_sysctls = 1 };

	c.ns[have].present = true;
	return sysctl_check(&c, e);
}

TEST(only_of_namespaces_that_are_the_containers_own)
{
	struct err e = ERR_INIT;

	CHECK_OK(check_with("net.ipv4.ip_forward", NS_NET, &e), e);
	CHECK_ERR(check_with("net.ipv4.ip_forward", NS_IPC, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "network namespace");
	CHECK_ERR(check_with("kernel.core_pattern", NS_NET, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "host");
	CHECK_ERR(check_with("net.ipv4\n", NS_NET, &e), e, ERR_INVALID);
}
