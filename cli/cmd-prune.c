/* `container prune`: remove what does not run. */

#include "cli.h"
#include "commands.h"
#include "confirm.h"
#include "prune.h"

struct prune_args {
	bool force;
	struct strv filters;
};

#define ARG(m) offsetof(struct prune_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "filter", "FILTER", OPT_LIST, ARG(filters), "Remove only containers that fit (label=, label!=, until=)" },
	{ 'f', "force",  NULL,     OPT_FLAG, ARG(force),   "Do not prompt for confirmation" },
	{ 0 },
};
/* clang-format on */

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct prune_args *a = args;
	struct prune_filters f = PRUNE_FILTERS_INIT;
	bool go = true;
	int r = prune_filters_parse(&a->filters, &f, e);

	if (r == 0 && !a->force) {
		printf("WARNING! This will remove all non running containers.\n");
		r = confirm(e);
		go = r > 0;
		r = r < 0 ? r : 0;
	}
	if (r == 0 && go)
		r = prune_containers(c, &f, NULL, e);
	prune_filters_done(&f);
	return r == 0 ? c->status : r;
}

const struct command cmd_container_prune = {
	.summary = "Remove all non running containers",
	.usage = "[options]",
	.description = "Removes the containers that do not run, with their writable layers, and "
		       "prints their "
		       "IDs. Their volumes stay: see volume prune.",
	.examples = "container prune\ncontainer prune --force --filter until=24h\n"
		    "container prune --filter label!=keep",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct prune_args),
	.needs = NEED_STORE,
};
