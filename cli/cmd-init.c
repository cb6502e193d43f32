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

static int run(struct cmd *c, void *args, struct err *e)
{
	static const struct ctr_start_opts hold = { .hold = true };
	const struct target_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int sock, r = targets_find(c, a, TARGETS_ATOMIC, &t, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		r = ctr_container_start(c->eng, t.items[i].id, &hold, &sock, e);
		if (r == -EBUSY && a->all)
			*e = (struct err)ERR_INIT; /* it runs, or is so already */
		else if (r < 0)
			cmd_fail(c, e);
		else
			printf("%s\n", t.items[i].shown);
	}
	return c->status;
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
