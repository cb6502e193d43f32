/* `rm`: remove containers. */
#include "commands.h"

#include <errno.h>

#include "targets.h"

#define DEPTH_MAX 32

struct rm_args {
	struct target_args t;
	bool force, volumes, depend;
	int64_t time_s;
};

#define ARG(m) offsetof(struct rm_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",     NULL,      OPT_FLAG,    ARG(t.all),      "remove every container" },
	{ 0,   "cidfile", "FILE",    OPT_LIST,    ARG(t.cidfiles), "read the container ID from the file", 0, COMPLETE_FILE },
	{ 0,   "depend",  NULL,      OPT_FLAG,    ARG(depend),     "remove the containers that depend on it first: that share its namespaces, or require it" },
	{ 0,   "filter",  "FILTER",  OPT_LIST,    ARG(t.filters),  "remove those that a filter of ps chooses" },
	{ 'f', "force",   NULL,      OPT_FLAG,    ARG(force),      "stop running containers first; missing ones are no error" },
	{ 'i', "ignore",  NULL,      OPT_FLAG,    ARG(t.ignore),   "a container that does not exist is no error" },
	{ 'l', "latest",  NULL,      OPT_FLAG,    ARG(t.latest),   "act on the newest container" },
	{ 't', "time",    "SECONDS", OPT_I64,     ARG(time_s),     "with --force: seconds to wait before killing it (default: the container's, 10)" },
	{ 'v', "volumes", NULL,      OPT_FLAG,    ARG(volumes),    "remove its anonymous volumes too" },
	{ 0 },
};
/* clang-format on */
static const struct rm_args defaults = { .time_s = INT64_MIN };

static int rm_one(struct cmd *c, const struct rm_args *a, const char *id, unsigned int depth,
		  struct err *e);

/* What depends on it goes first, and is told of by its ID. */
static int rm_dependents(struct cmd *c, const struct rm_args *a, const char *id, unsigned int depth,
			 struct err *e)
{
	auto_strv struct strv deps = STRV_INIT;
	int r = depth < DEPTH_MAX ? ctr_container_dependents(c->eng, id, &deps, e)
				  : err_set(e, ERR_LIMIT, "containers depend on one another more than %d "
					    "deep", DEPTH_MAX);

	for (size_t i = 0; r == 0 && i < deps.n; i++) {
		r = rm_one(c, a, deps.items[i], depth + 1, e);
		if (r == -ENOENT) {
			*e = (struct err)ERR_INIT;
			r = 0;
		} else if (r == 0) {
			printf("%s\n", deps.items[i]);
		}
	}
	return r;
}

static int rm_one(struct cmd *c, const struct rm_args *a, const char *id, unsigned int depth,
		  struct err *e)
{
	int64_t time_s = a->time_s;

	if (time_s == INT64_MIN) {
		struct ctr_request req = CTR_REQUEST_INIT;
		int r = ctr_container_load(c->eng, id, &req, e);

		if (r < 0)
			return r;
		time_s = ctr_stop_timeout(&req);
		ctr_request_done(&req);
	}
	if (a->depend) {
		int r = rm_dependents(c, a, id, depth, e);

		if (r < 0)
			return r;
	}
	return ctr_container_remove(c->eng, id, a->force, a->volumes, time_s, e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct rm_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int r;

	if (a->time_s != INT64_MIN && !a->force)
		return err_set(e, ERR_INVALID, "--force option must be specified to use the --time option");
	a->t.ignore |= a->force;
	r = targets_find(c, &a->t, TARGETS_ATOMIC, &t, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		/* Those that were not named come oldest first, and what depends on others is younger. */
		const struct target *one = &t.items[a->t.all || a->t.filters.n ? t.n - 1 - i : i];

		r = rm_one(c, a, one->id, 0, e);
		if (r == -ENOENT && (a->t.ignore || a->t.all || a->t.filters.n || a->depend)) { /* removed by somebody else meanwhile */
			*e = (struct err)ERR_INIT;
			r = 0;
		}
		if (r < 0)
			cmd_fail(c, e);
		else
			printf("%s\n", one->shown);
	}
	return c->status;
}

static const struct cmd_exit exits[] = {
	{ ERR_NOT_FOUND, 1 },
	{ ERR_BUSY, 2 },
	{ ERR_NONE, 0 },
};

const struct command cmd_rm = {
	.summary = "Remove containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Removes containers and their writable layer. A running one is only removed with "
		       "--force.",
	.examples = "rm web\nrm --force --time 0 web\nrm --all --force",
	.run = run, .opts = opts, .args_size = sizeof(struct rm_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER, .exits = exits,
};
