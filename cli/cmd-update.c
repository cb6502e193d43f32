/* `update`: change a container, whether it runs or not. */
#include "commands.h"

#include <assert.h>

#include "env.h"
#include "health-opts.h"
#include "limit-opts.h"
#include "targets.h"

extern char **environ;

struct update_args {
	struct limit_args limits;	/* first: its table is included */
	struct health_args health;	/* second: the same */
	bool latest;
	const char *restart;
	struct strv env, unset, ulimits;
};

static_assert(offsetof(struct update_args, health) == HEALTH_ARGS_AT, "where its table says");

#define ARG(m) offsetof(struct update_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ .kind = OPT_INCLUDE, .table = limit_opts },
	{ 'e', "env",         "KEY=VALUE", OPT_LIST, ARG(env),    "set a variable for later starts; KEY alone copies it, PREFIX* copies all that start so" },
	{ .kind = OPT_INCLUDE, .table = health_opts },
	{ 'l', "latest",      NULL,        OPT_FLAG,    ARG(latest), "act on the newest container" },
	{ 0,   "restart",     "POLICY",    OPT_STRING,  ARG(restart), "restart policy, from now on: no, always, unless-stopped, on-failure[:N]" },
	{ 0,   "ulimit",      "LIMIT",     OPT_CSVLIST, ARG(ulimits), "NAME=SOFT[:HARD], for later starts" },
	{ 0,   "unsetenv",    "KEY",       OPT_LIST,    ARG(unset),   "take a variable away, for later starts" },
	{ 0 },
};
/* clang-format on */
static const struct update_args defaults = { .limits = LIMIT_ARGS_DEFAULT };

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct update_args *a = args;
	struct spec_resources changes = SPEC_RESOURCES_INIT;
	auto_strv struct strv env = STRV_INIT;
	struct ctr_update u = { .limits = &changes, .restart = a->restart, .env = &env,
				.unsetenv = &a->unset, .ulimits = &a->ulimits };
	struct ctr_healthcheck_options health;
	size_t used;
	char id[65];
	int r;

	if (a->latest ? c->n_args != 0 : c->n_args != 1)
		return err_set(e, ERR_INVALID, "accepts %d arg(s), received %zu", a->latest ? 0 : 1,
			       c->n_args);
	r = target_one(c, a->latest, NULL, id, &used, e);
	if (r == 0)
		r = limits_parse(c, &a->limits, &changes, e);
	for (size_t i = 0; r == 0 && i < a->env.n; i++)
		r = spec_env_apply(&env, a->env.items[i], (const char *const *)environ, e);
	if (r == 0)
		u.health = health_options(c, &a->health, &health) ? &health : NULL;
	if (r == 0)
		r = ctr_container_update(c->eng, id, &u, e);
	spec_resources_done(&changes);
	if (r == 0)
		printf("%s\n", id);
	return r;
}

const struct command cmd_update = {
	.summary = "Update an existing container",
	.usage = "[options] CONTAINER",
	.description = "Changes a container. A running one has new limits, a new restart policy and a new health check at once; "
		       "variables and ulimits count when it is started again. What is not given stays as it is.",
	.examples = "update --memory 512m web\nupdate --cpus 1.5 --pids-limit 200 web\nupdate --restart on-failure:5 web",
	.run = run, .opts = opts, .args_size = sizeof(struct update_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
