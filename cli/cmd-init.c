/* `init`: make the process of containers, and leave its program for start. */
#include "commands.h"

#include <errno.h>

#include "targets.h"

#define ARG(m) offsetof(struct target_args, m)
static const struct opt opts[] = {
	{ 'a', "all", NULL, OPT_FLAG, ARG(all), "initialize every container that does not run" },
	{ 'l', "latest", NULL, OPT_FLAG, ARG(latest), "act on the newest container" },
	{ 0 },
};

static int init_one(struct cmd *c, const char *id, void *args, struct err *e)
{
	static const struct ctr_start_opts hold = { .hold = true };
	const struct target_args *a = args;
	int sock, r = ctr_container_start(c->eng, id, &hold, &sock, e);

	if (r == -EBUSY && a->all) {
		*e = (struct err)ERR_INIT; /* it runs, or is so already */
		return 1;
	}
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	auto_targets struct targets t = TARGETS_INIT;
	int r = targets_find(c, args, TARGETS_ATOMIC, &t, e);

	if (r < 0)
		return r;
	return targets_each(c, &t, init_one, args, e);
}

const struct command cmd_init = {
	.summary = "Initialize containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Does all of a start but its last step: file system, namespaces, network and the first "
		       "process are there, and can be looked at and changed; start lets the program run.",
	.examples = "init web\ninit --all",
	.run = run, .opts = opts, .args_size = sizeof(struct target_args), .exits = start_exits,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
