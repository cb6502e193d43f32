/* `healthcheck run`: check a container's health now. */
#include "commands.h"

#include <errno.h>

#include "cli.h"
#include "ctrlite/container.h"
#include "ctrlite/health.h"

struct healthcheck_args {
	bool ignore_result, timer;
};

#define ARG(m) offsetof(struct healthcheck_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0, "ignore-result", NULL, OPT_FLAG, ARG(ignore_result), "end with 0 also when it is unhealthy" },
	{ 0, "timer",         NULL, OPT_FLAG, ARG(timer),         "of the monitor: print when the next check is due", OPT_HIDDEN },
	{ 0 },
};
/* clang-format on */

/* The monitor wants to know when to come again, and nothing else. */
static int answer_monitor(int r, const struct ctr_health_result *res)
{
	if (r < 0 && r != -EBUSY && r != -EINVAL && r != -ENOENT)
		return EXIT_ENGINE; /* unknown: it tries again after a while */
	printf("%lld\n", (long long)res->next_ms);
	return 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct healthcheck_args *a = args;
	struct ctr_health_result res = { .passed = false };
	char id[65];
	int r = ctr_container_find(c->eng, c->args[0], id, e);

	if (r < 0)
		(void)err_wrap(e, r, "unable to look up %s to perform a health check", c->args[0]);
	else
		r = ctr_health_check(c->eng, id, &res, e);
	if (a->timer)
		return answer_monitor(r, &res);
	if (r < 0 || res.passed)
		return r;
	printf("%s\n", ctr_hc_status_str(res.startup ? CTR_HC_STARTING : CTR_HC_UNHEALTHY));
	return a->ignore_result ? 0 : 1;
}

const struct command cmd_healthcheck_run = {
	.summary = "Check the health of a container now",
	.usage = "[options] CONTAINER",
	.description =
		"Runs the health check of the container once and keeps the result. Prints nothing "
		"and "
		"ends with 0 when it succeeds; prints unhealthy and ends with 1 when it fails.",
	.examples = "healthcheck run web",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct healthcheck_args),
	.min_args = 1,
	.max_args = 1,
	.needs = NEED_STORE,
	.complete = COMPLETE_CONTAINER_RUNNING,
};
