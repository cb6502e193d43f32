/* Names of capabilities and the system calls that set them. */
#include "caps.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* clang-format off */
static const char *const names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};
/* clang-format on */
#define N_CAPS (sizeof(names) / sizeof(names[0]))
static_assert(N_CAPS == CAP_LAST_CAP + 1, "a new capability needs its name here");

int cap_parse(const char *name)
{
	for (unsigned int i = 0; i < N_CAPS; i++)
		if (strcasecmp(names[i], name) == 0)
			return (int)i;
	return -EINVAL;
}

const char *cap_str(unsigned int cap)
{
	return cap < N_CAPS ? names[cap] : NULL;
}

static int set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int get(uint64_t *ret_permitted, uint64_t *ret_inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	*ret_inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

int caps_permitted(uint64_t *ret)
{
	uint64_t inheritable;

	return get(ret, &inheritable);
}

uint64_t caps_known(void)
{
	uint64_t known = 0;

	for (unsigned int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i) >= 0; i++)
		known |= UINT64_C(1) << i;
	return known;
}

int caps_bound(uint64_t keep)
{
	for (unsigned int i = 0; i < 64; i++) {
		if (keep & UINT64_C(1) << i)
			continue;
		if (prctl(PR_CAPBSET_DROP, i) == 0)
			continue;
		if (errno == EINVAL)
			return 0; /* behind the last that this kernel knows */
		/* Without the right to drop, only what is absent already is as asked. */
		if (errno != EPERM || prctl(PR_CAPBSET_READ, i) != 0)
			return -errno;
	}
	return 0;
}

int caps_raise_permitted(void)
{
	uint64_t permitted = 0, inheritable = 0;
	int r = get(&permitted, &inheritable);

	return r < 0 ? r : set(permitted, permitted, inheritable);
}

int caps_apply(const struct caps *c)
{
	uint64_t permitted = 0, inheritable = 0;
	int r = get(&permitted, &inheritable);

	if (r < 0)
		return r;
	/* What this kernel does not know, it cannot give. */
	if ((c->permitted | c->effective | c->ambient) & ~permitted) {
		uint64_t known = caps_known();

		if ((c->permitted & known) & ~permitted)
			return -EPERM;
		permitted = known;
	} else {
		permitted = ~UINT64_C(0);
	}
	r = set(c->effective & permitted, c->permitted & permitted, c->inheritable & permitted);
	if (r < 0)
		return r;
	/* Old kernels without ambient capabilities refuse this with EINVAL and have none to clear.
	 */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	for (unsigned int i = 0; i < N_CAPS; i++)
		if (c->ambient & permitted & UINT64_C(1) << i &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return -errno;
	return 0;
}
