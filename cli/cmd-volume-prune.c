/* `volume prune`: remove the volumes that no container uses. */
#include <errno.h>

#include "commands.h"
#include "confirm.h"
#include "volumes.h"

struct prune_args {
	bool force, all;
	struct strv filters;
};

#define ARG(m) offsetof(struct prune_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",    NULL,     OPT_FLAG, ARG(all),     "No effect: volumes with a name are removed too in any case", OPT_COMPAT },
	{ 0,   "filter", "FILTER", OPT_LIST, ARG(filters), "Remove only volumes that fit (as for volume ls; all=false: only those without a name)" },
	{ 'f', "force",  NULL,     OPT_FLAG, ARG(force),   "Do not ask" },
	{ 0 },
};
/* clang-format on */

static int ask(const struct volumes *v, struct err *e)
{
	printf("WARNING! This will remove all volumes not used by at least one container. The following "
	       "volumes will be removed:\n");
	if (v->list.n == 0) {
		printf("No dangling volumes found\n");
		return 0;
	}
	for (size_t i = 0; i < v->list.n; i++)
		printf("%s\n", v->list.items[i].name);
	return confirm(e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct prune_args *a = args;
	auto_volumes struct volumes v = VOLUMES_INIT;
	int r = volumes_choose(c, &a->filters, &v, e);

	if (r < 0)
		return r;
	volumes_keep_unused(&v);
	r = a->force ? 1 : ask(&v, e);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < v.list.n; i++) {
		r = ctr_volume_remove(c->eng, v.list.items[i].name, false, 0, e);
		if (r == 0) {
			ctr_volume_event(c->eng, "prune", v.list.items[i].name);
			printf("%s\n", v.list.items[i].name);
		} else if (e->kind == ERR_BUSY || r == -ENOENT)
			*e = (struct err)ERR_INIT; /* used, or removed by another, since it was listed */
		else
			cmd_fail(c, e);
	}
	return c->status;
}

const struct command cmd_volume_prune = {
	.summary = "Remove all unused volumes",
	.usage = "[options]",
	.description = "Removes the volumes that no container uses, also those that have a name, and prints\n"
		       "which.",
	.examples = "volume prune\nvolume prune --force --filter label=test",
	.run = run, .opts = opts, .args_size = sizeof(struct prune_args), .needs = NEED_STORE,
};
