/* `pause` and `unpause`: freeze containers, and let them go on. */
#include "commands.h"

#include <errno.h>

#include "targets.h"

#define ARG(m) offsetof(struct target_args, m)
#define OPTIONS(verb, which)                                                                             \
	{                                                                                                \
		{ 'a', "all", NULL, OPT_FLAG, ARG(all), verb " " which },                                \
		{ 0, "cidfile", "FILE", OPT_LIST, ARG(cidfiles), "read the container ID from the file",  \
		  0, COMPLETE_FILE },                                                                    \
		{ 'f', "filter", "FILTER", OPT_LIST, ARG(filters), verb " those that a filter of ps "    \
		  "chooses" },                                                                           \
		{ 'l', "latest", NULL, OPT_FLAG, ARG(latest), "act on the newest container" },           \
		{ 0 },                                                                                   \
	}
static const struct opt pause_opts[] = OPTIONS("pause", "every running container");
static const struct opt unpause_opts[] = OPTIONS("unpause", "every paused container");

struct change {
	const struct target_args *a;
	bool pause;
};

static int change_one(struct cmd *c, const char *id, void *arg, struct err *e)
{
	const struct change *ch = arg;
	int r = ctr_container_pause(c->eng, id, ch->pause, e);

	if (r == -EBUSY && (ch->a->all || ch->a->filters.n)) {
		*e = (struct err)ERR_INIT; /* it is so already */
		return 1;
	}
	return r;
}

static int change(struct cmd *c, const struct target_args *a, bool pause, struct err *e)
{
	struct change ch = { a, pause };
	auto_targets struct targets t = TARGETS_INIT;
	int r = targets_find(c, a, TARGETS_RUNNING, &t, e);

	if (r < 0)
		return r;
	return targets_each(c, &t, change_one, &ch, e);
}

static int run_pause(struct cmd *c, void *args, struct err *e)
{
	return change(c, args, true, e);
}

static int run_unpause(struct cmd *c, void *args, struct err *e)
{
	return change(c, args, false, e);
}

const struct command cmd_pause = {
	.summary = "Pause all the processes in one or more containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Freezes the cgroup of each container: its processes stand still until unpause.\n"
		       "Needs a container with a cgroup of its own, and so cgroup version 2.",
	.examples = "pause web\npause --all",
	.run = run_pause, .opts = pause_opts, .args_size = sizeof(struct target_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER_RUNNING,
};

const struct command cmd_unpause = {
	.summary = "Unpause the processes in one or more containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "unpause web\nunpause --all",
	.run = run_unpause, .opts = unpause_opts, .args_size = sizeof(struct target_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER_PAUSED,
};
