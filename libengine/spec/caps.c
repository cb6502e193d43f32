/* Capability names and the algebra of --cap-add and --cap-drop. */
#include "caps.h"

#include <assert.h>
#include <linux/capability.h>
#include <strings.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fd.h"

/* By number: capability.h has them in this order and never changes it. */
static const char *const cap_names[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
	"CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};
#define N_CAPS (sizeof(cap_names) / sizeof(cap_names[0]))
static_assert(N_CAPS == CAP_CHECKPOINT_RESTORE + 1, "a name for every capability");

#define BIT(n) (UINT64_C(1) << (n))

uint64_t spec_caps_default(void)
{
	return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |
	       BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETFCAP) | BIT(CAP_SETGID) |
	       BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);
}

uint64_t spec_caps_all(void)
{
	bool root = geteuid() == 0;
	uint64_t all = 0;

	/* The kernel refuses to speak about capabilities that it does not know.  A new user
	 * namespace has all of them; without one nothing is had beyond our own bounding set. */
	for (unsigned int i = 0; i < N_CAPS; i++) {
		int there = prctl(PR_CAPBSET_READ, i, 0, 0, 0);

		if (there < 0)
			break;
		if (there || !root)
			all |= BIT(i);
	}
	return all;
}

const char *spec_cap_name(unsigned int cap)
{
	return cap < N_CAPS ? cap_names[cap] : NULL;
}

int spec_cap_parse(const char *name, struct err *e)
{
	const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

	for (unsigned int i = 0; i < N_CAPS; i++)
		if (strcasecmp(bare, cap_names[i] + 4) == 0)
			return (int)i;
	return err_set(e, ERR_INVALID, "unknown capability \"%s\"", name);
}

/* @ret_all is NULL where ALL is no name. */
static int parse_set(const struct strv *names, bool *ret_all, uint64_t *ret, struct err *e)
{
	uint64_t set = 0;

	for (size_t i = 0; names && i < names->n; i++) {
		int cap;

		if (ret_all && strcasecmp(names->items[i], "ALL") == 0) {
			*ret_all = true;
			continue;
		}
		cap = spec_cap_parse(names->items[i], e);
		if (cap < 0)
			return cap;
		set |= BIT(cap);
	}
	*ret = set;
	return 0;
}

int spec_caps_parse(const struct strv *names, uint64_t *ret, struct err *e)
{
	return parse_set(names, NULL, ret, e);
}

int spec_caps_resolve(uint64_t base, const struct strv *add, const struct strv *drop,
		      uint64_t *ret, struct err *e)
{
	bool add_all = false, drop_all = false;
	uint64_t plus, minus, known;
	int r = parse_set(add, &add_all, &plus, e);

	if (r == 0)
		r = parse_set(drop, &drop_all, &minus, e);
	if (r < 0)
		return r;
	if (!(add && add->n) && !(drop && drop->n)) {
		*ret = base;
		return 0;
	}
	if (add_all && drop_all)
		return err_set(e, ERR_INVALID, "adding all capabilities and dropping all "
			       "capabilities exclude each other");
	if (plus & minus)
		return err_set(e, ERR_INVALID, "capability %s cannot be both added and dropped",
			       spec_cap_name((unsigned int)__builtin_ctzll(plus & minus)));
	known = spec_caps_all();
	if (plus & ~known)
		return err_set(e, ERR_UNSUPPORTED, "capability %s cannot be had here: the kernel "
			       "does not have it, or the caller's bounding set lacks it",
			       spec_cap_name((unsigned int)__builtin_ctzll(plus & ~known)));
	if (drop_all)
		base = 0;
	if (add_all)
		base = known;
	*ret = (base & ~minus) | plus;
	return 0;
}

int spec_caps_names(uint64_t caps, struct strv *out)
{
	for (unsigned int i = 0; i < N_CAPS; i++)
		if ((caps & BIT(i)) && strv_add(out, cap_names[i]) < 0)
			return -ENOMEM;
	return 0;
}
