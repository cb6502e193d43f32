/* Reading and setting of a scheduling policy. */
#include "scheduler.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "json.h"

/* What may go with a policy; anything else would be ignored by the kernel. */
enum { NICE = 1, PRIORITY = 2, DEADLINE = 4 };

/* clang-format off */
static const struct { const char *name; uint32_t number; unsigned int takes; } policies[] = {
	{ "SCHED_OTHER",	0,	NICE },
	{ "SCHED_FIFO",		1,	PRIORITY },
	{ "SCHED_RR",		2,	PRIORITY },
	{ "SCHED_BATCH",	3,	NICE },
	{ "SCHED_ISO",		4,	0 },	/* reserved in Linux, which refuses it */
	{ "SCHED_IDLE",		5,	0 },
	{ "SCHED_DEADLINE",	6,	DEADLINE },
};

static const struct { const char *name; uint64_t flag; } flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK",	0x01 },
	{ "SCHED_FLAG_RECLAIM",		0x02 },
	{ "SCHED_FLAG_DL_OVERRUN",	0x04 },
	{ "SCHED_FLAG_KEEP_POLICY",	0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS",	0x10 },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN",	0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX",	0x40 },
};
/* clang-format on */

struct parts {
	const char *policy;
	int64_t nice, priority;
	uint64_t runtime, deadline, period;
	const json_t *flags;
};

static const struct json_field rows[] = {
	{ "policy", JSON_KIND_STR, offsetof(struct parts, policy), JSON_REQUIRED, 64 },
	{ "nice", JSON_KIND_I64, offsetof(struct parts, nice) },
	{ "priority", JSON_KIND_I64, offsetof(struct parts, priority) },
	{ "runtime", JSON_KIND_U64, offsetof(struct parts, runtime) },
	{ "deadline", JSON_KIND_U64, offsetof(struct parts, deadline) },
	{ "period", JSON_KIND_U64, offsetof(struct parts, period) },
	{ "flags", JSON_KIND_ARRAY, offsetof(struct parts, flags), 0, 16 },
	{ 0 },
};

static int read_flags(const json_t *list, uint64_t *ret, const char *where, struct err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		size_t k = 0, n = sizeof(flags) / sizeof(flags[0]);

		while (name && k < n && !streq(flags[k].name, name))
			k++;
		if (!name || k == n)
			return err_set(e, ERR_INVALID, "%s.flags[%zu]: \"%s\" is not known", where,
				       i, name ? name : "");
		*ret |= flags[k].flag;
	}
	return 0;
}

static int check(const struct parts *v, unsigned int takes, const char *where, struct err *e)
{
	if (v->nice < -20 || v->nice > 19)
		return err_set(e, ERR_INVALID, "%s.nice: expected -20..19", where);
	if (v->nice && !(takes & NICE))
		return err_set(e, ERR_INVALID, "%s.nice: not with %s", where, v->policy);
	if (takes & PRIORITY ? v->priority < 1 || v->priority > 99 : v->priority != 0)
		return err_set(e, ERR_INVALID, "%s.priority: expected %s with %s", where,
			       takes & PRIORITY ? "1..99" : "0", v->policy);
	if ((v->runtime || v->deadline || v->period) && !(takes & DEADLINE))
		return err_set(e, ERR_INVALID, "%s: runtime, deadline and period: not with %s",
			       where, v->policy);
	return 0;
}

int scheduler_read(const json_t *obj, struct scheduler *ret, const char *where, struct err *e)
{
	struct parts v = { 0 };
	size_t i = 0, n = sizeof(policies) / sizeof(policies[0]);
	int r = json_read(obj, rows, &v, JSON_ALLOW_UNKNOWN, where, e);

	if (r < 0)
		return r;
	while (i < n && !streq(policies[i].name, v.policy))
		i++;
	if (i == n)
		return err_set(e, ERR_INVALID, "%s.policy: \"%s\" is not known", where, v.policy);
	r = check(&v, policies[i].takes, where, e);
	*ret = (struct scheduler){
		.size = sizeof(*ret),
		.policy = policies[i].number,
		.nice = (int32_t)v.nice,
		.priority = (uint32_t)v.priority,
		.runtime = v.runtime,
		.deadline = v.deadline,
		.period = v.period,
		.util_max = 1024, /* of 1024: no bound */
	};
	return r < 0 ? r : read_flags(v.flags, &ret->flags, where, e);
}

int scheduler_set(const struct scheduler *s, struct err *e)
{
	if (syscall(SYS_sched_setattr, 0, s, 0) == 0)
		return 0;
	if (errno == EPERM)
		return err_set(e, ERR_DENIED,
			       "set $.process.scheduler: not permitted (a real-time policy, or a "
			       "lower nice value, takes CAP_SYS_NICE on the host)");
	return err_sys(e, errno, "set $.process.scheduler");
}
