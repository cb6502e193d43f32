/* `system prune` and `image prune`: remove what nobody uses. */
#include <errno.h>

#include <ctrlite/usage.h>

#include "commands.h"
#include "confirm.h"
#include "fd.h"
#include "out.h"
#include "prune.h"

struct prune_args {
	bool all, volumes, force, build, external;
	struct strv filters;
};

#define ARG(m) offsetof(struct prune_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",      NULL,     OPT_FLAG, ARG(all),      "Remove all unused images, not only those without a name" },
	{ 0,   "build",    NULL,     OPT_FLAG, ARG(build),    "Remove build containers too (there are none)", OPT_COMPAT },
	{ 0,   "external", NULL,     OPT_FLAG, ARG(external), "Remove leftover containers of other programs (this store holds none)", OPT_COMPAT },
	{ 0,   "filter",   "FILTER", OPT_LIST, ARG(filters),  "Remove only what fits (label=, label!=, until=)" },
	{ 'f', "force",    NULL,     OPT_FLAG, ARG(force),    "Do not ask" },
	{ 0,   "volumes",  NULL,     OPT_FLAG, ARG(volumes),  "Remove unused volumes too" },
	{ 0 },
};
static const struct opt image_opts[] = {
	{ 'a', "all",         NULL,     OPT_FLAG, ARG(all),      "Remove all unused images, not only those without a name" },
	{ 0,   "build-cache", NULL,     OPT_FLAG, ARG(build),    "Remove the build cache too (there is none)", OPT_COMPAT },
	{ 0,   "external",    NULL,     OPT_FLAG, ARG(external), "Remove images that containers of other programs use (this store holds none)", OPT_COMPAT },
	{ 0,   "filter",      "FILTER", OPT_LIST, ARG(filters),  "Remove only what fits (dangling=, label=, label!=, until=)" },
	{ 'f', "force",       NULL,     OPT_FLAG, ARG(force),    "Do not ask" },
	{ 0 },
};
/* clang-format on */

static int ask(const struct prune_args *a, struct err *e)
{
	printf("WARNING! This command removes:\n\t- all stopped containers\n"
	       "\t- all networks not used by at least one container\n%s%s%s\n",
	       a->volumes ? "\t- all volumes not used by at least one container\n" : "",
	       a->all ? "\t- all images without at least one container associated with them\n"
		      : "\t- all dangling images\n",
	       a->all ? "\t- all build cache\n" : "\t- all dangling build cache\n");
	return confirm(e);
}

static uint64_t total(const struct ctr_usage *u)
{
	uint64_t sum = u->image_bytes;

	for (size_t i = 0; i < u->containers.n; i++)
		sum += u->by_container[i].bytes;
	for (size_t i = 0; i < u->volumes.n; i++)
		sum += u->by_volume[i].bytes;
	return sum;
}

static int measure(struct cmd *c, uint64_t *ret, struct err *e)
{
	struct ctr_usage u = CTR_USAGE_INIT;
	int r = ctr_usage_measure(c->eng, &u, e);

	if (r == 0)
		*ret = total(&u);
	ctr_usage_done(&u);
	return r;
}

static int prune(struct cmd *c, const struct prune_args *a, const struct prune_filters *f, struct err *e)
{
	uint64_t before = 0, after = 0;
	int r = measure(c, &before, e);

	if (r == 0)
		r = prune_containers(c, f, "Deleted Containers", e);
	if (r == 0 && a->volumes)
		r = prune_volumes(c, f, "Deleted Volumes", e);
	if (r == 0)
		r = prune_images(c, a->all, f, "Deleted Images", e);
	if (r == 0)
		r = measure(c, &after, e);
	if (r == 0) {
		/* what others made meanwhile is not our loss */
		auto_free char *size = out_size(before > after ? before - after : 0, 4, "");

		printf("Total reclaimed space: %s\n", size ? size : "");
	}
	return r < 0 ? r : c->status;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct prune_args *a = args;
	struct prune_filters f = PRUNE_FILTERS_INIT;
	int r = prune_filters_parse(&a->filters, &f, e);

	if (r >= 0)
		r = a->force ? 1 : ask(a, e);
	if (r > 0)
		r = prune(c, a, &f, e);
	prune_filters_done(&f);
	return r;
}

static int image_main(struct cmd *c, void *args, struct err *e)
{
	const struct prune_args *a = args;
	struct prune_filters f = PRUNE_FILTERS_INIT;
	int r = prune_image_filters_parse(&a->filters, &f, e);

	if (r >= 0 && !a->force) {
		printf(a->all ? "WARNING! This command removes all images without at least one container "
				"associated with them.\n"
			      : "WARNING! This command removes all dangling images.\n");
		r = confirm(e);
	} else if (r >= 0) {
		r = 1;
	}
	if (r > 0) {
		r = prune_images(c, a->all, &f, NULL, e);
		r = r < 0 ? r : c->status;
	}
	prune_filters_done(&f);
	return r;
}

const struct command cmd_system_prune = {
	.summary = "Remove unused data",
	.usage = "[options]",
	.description = "Removes the containers that do not run and the images without a name that no container\n"
		       "uses; with --all every image that no container uses, with --volumes unused volumes too.\n"
		       "Without a filter also what unfinished pulls have left.",
	.examples = "system prune\nsystem prune --all --volumes --force\nsystem prune --filter until=24h",
	.run = run, .opts = opts, .args_size = sizeof(struct prune_args), .needs = NEED_STORE,
};

const struct command cmd_image_prune = {
	.summary = "Remove unused images",
	.usage = "[options]",
	.description = "Removes the images without a name that no container uses, with --all those that have one\n"
		       "too, and prints their IDs.  Without a filter also removes what unfinished pulls have left.",
	.examples = "image prune\nimage prune --all --force --filter until=240h",
	.run = image_main, .opts = image_opts, .args_size = sizeof(struct prune_args),
	.needs = NEED_STORE,
};
