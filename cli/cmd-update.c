/* `update`: change the limits of a container, whether it runs or not. */
#include "commands.h"

#include "limit-opts.h"
#include "targets.h"

struct update_args {
	struct limit_args limits;	/* first: its table is included */
	bool latest;
};

#define ARG(m) offsetof(struct update_args, m)
#define HEALTH "health checks are not supported yet"
/* clang-format off */
static const struct opt opts[] = {
	{ .kind = OPT_INCLUDE, .table = limit_opts },
	{ 'e', "env",         "KEY=VALUE", OPT_REFUSED, 0,        "variables", OPT_HIDDEN, .text = "the environment is chosen when a container is made" },
	{ 0,   "health-cmd",  "COMMAND",   OPT_REFUSED, 0,        "health check", OPT_HIDDEN, .text = HEALTH },
	{ 0,   "health-interval", "TIME",  OPT_REFUSED, 0,        "health check", OPT_HIDDEN, .text = HEALTH },
	{ 0,   "health-on-failure", "ACTION", OPT_REFUSED, 0,     "health check", OPT_HIDDEN, .text = HEALTH },
	{ 0,   "health-retries", "N",      OPT_REFUSED, 0,        "health check", OPT_HIDDEN, .text = HEALTH },
	{ 0,   "health-start-period", "TIME", OPT_REFUSED, 0,     "health check", OPT_HIDDEN, .text = HEALTH },
	{ 0,   "health-timeout", "TIME",   OPT_REFUSED, 0,        "health check", OPT_HIDDEN, .text = HEALTH },
	{ 'l', "latest",      NULL,        OPT_FLAG,    ARG(latest), "act on the newest container" },
	{ 0,   "no-healthcheck", NULL,     OPT_REFUSED, 0,        "health check", OPT_HIDDEN, .text = HEALTH },
	{ 0,   "restart",     "POLICY",    OPT_REFUSED, 0,        "restart policy", OPT_HIDDEN, .text = "there are no restart policies yet" },
	{ 0,   "ulimit",      "LIMIT",     OPT_REFUSED, 0,        "ulimits", OPT_HIDDEN, .text = "ulimits are chosen when a container is made" },
	{ 0,   "unsetenv",    "KEY",       OPT_REFUSED, 0,        "variables", OPT_HIDDEN, .text = "the environment is chosen when a container is made" },
	{ 0 },
};
/* clang-format on */
static const struct update_args defaults = { .limits = LIMIT_ARGS_DEFAULT };

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct update_args *a = args;
	struct spec_resources changes = SPEC_RESOURCES_INIT;
	size_t used;
	char id[65];
	int r;

	if (a->latest ? c->n_args != 0 : c->n_args != 1)
		return err_set(e, ERR_INVALID, "accepts %d arg(s), received %zu", a->latest ? 0 : 1,
			       c->n_args);
	r = target_one(c, a->latest, NULL, id, &used, e);
	if (r == 0)
		r = limits_parse(c, &a->limits, &changes, e);
	if (r == 0)
		r = ctr_container_update(c->eng, id, &changes, e);
	spec_resources_done(&changes);
	if (r == 0)
		printf("%s\n", id);
	return r;
}

const struct command cmd_update = {
	.summary = "Update an existing container",
	.usage = "[options] CONTAINER",
	.description = "Changes the resource limits of a container. A running one has the new limits at "
		       "once; they are kept for later starts. Limits that are not given stay as they are.",
	.examples = "update --memory 512m web\nupdate --cpus 1.5 --pids-limit 200 web",
	.run = run, .opts = opts, .args_size = sizeof(struct update_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
