/* `container prune`: remove what does not run. */
#include <errno.h>

#include <ctrlite/container.h>

#include "cli.h"
#include "commands.h"
#include "confirm.h"
#include "filter.h"

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

static bool match_label(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_container *c = o;

	(void)ctx;
	return filter_match_label(f->value, &c->req.labels);
}

static bool match_until(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_container *c = o;

	(void)ctx;
	return c->req.created_ns < f->number;
}

static const struct filter_key keys[] = {
	{ "label", true, NULL, match_label },
	{ "until", false, filter_read_time, match_until },
	{ NULL, false, NULL, NULL },
};

static const struct filter_words words = {
	.malformed = "filter input must be in the form of filter=value: %s is invalid",
	.unknown = "%s is an invalid filter",
};

static int prune_one(struct cmd *c, const char *id, struct err *e)
{
	/* without force: one that has been started meanwhile stays */
	int r = ctr_container_remove(c->eng, id, false, false, 0, e);

	if (r == 0)
		printf("%s\n", id);
	else if (r == -ENOENT || r == -EBUSY)
		*e = (struct err)ERR_INIT;
	else
		cmd_fail(c, e);
	return 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct prune_args *a = args;
	auto_filters struct filters f = FILTERS_INIT;
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	int r = filters_parse(&a->filters, keys, &words, NULL, &f, e);

	if (r == 0 && !a->force) {
		printf("WARNING! This will remove all non running containers.\n");
		r = confirm(e);
		if (r <= 0)
			return r;
		r = 0;
	}
	if (r == 0)
		r = ctr_container_list(c->eng, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		if (l.items[i].status.state != CTR_RUNNING && filters_match(&f, NULL, &l.items[i]))
			r = prune_one(c, l.items[i].req.id, e);
	ctr_container_list_done(&l);
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
