/* `volume rm`: remove volumes. */
#include <errno.h>
#include <stdlib.h>

#include "commands.h"
#include "volumes.h"

struct rm_args {
	bool all, force;
	int64_t time_s;
};

#define ARG(m) offsetof(struct rm_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",   NULL,      OPT_FLAG, ARG(all),    "Remove all volumes" },
	{ 'f', "force", NULL,      OPT_FLAG, ARG(force),  "Remove the containers that use it too; a missing volume is no error" },
	{ 't', "time",  "SECONDS", OPT_I64,  ARG(time_s), "With --force: seconds to wait for a container before killing it" },
	{ 0 },
};
/* clang-format on */
static const struct rm_args defaults = { .time_s = -1 };

static void remove_one(struct cmd *c, const struct rm_args *a, const char *typed, struct err *e)
{
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	int r = ctr_volume_get(c->eng, typed, &v, e);

	if (r == 0)
		r = ctr_volume_remove(c->eng, v.name, a->force, a->time_s, e);
	else if (r == -ENOENT) /* as podman words it here */
		(void)err_set(e, ERR_NOT_FOUND, "no volume with name \"%.255s\" found: no such volume",
			      typed);
	if (r == -ENOENT && (a->force || a->all)) {
		*e = (struct err)ERR_INIT;
		return;
	}
	if (r < 0)
		cmd_fail(c, e);
	else
		printf("%s\n", typed);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct rm_args *a = args;
	struct ctr_volume_list l = CTR_VOLUME_LIST_INIT;
	int r = 0;

	if (a->all ? c->n_args > 0 : c->n_args == 0)
		return err_set(e, ERR_INVALID, "choose either one or more volumes or all");
	if (opt_seen(c->opts, "time") && !a->force)
		return err_set(e, ERR_INVALID, "--force option must be specified to use the --time option");
	if (a->all)
		r = ctr_volume_list(c->eng, &l, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		remove_one(c, a, l.items[i].name, e);
	for (size_t i = 0; i < c->n_args; i++)
		remove_one(c, a, c->args[i], e);
	ctr_volume_list_done(&l);
	return c->status;
}

static const struct cmd_exit exits[] = {
	{ ERR_NOT_FOUND, 1 },
	{ ERR_BUSY, 2 },
	{ ERR_NONE, 0 },
};

const struct command cmd_volume_rm = {
	.summary = "Remove one or more volumes",
	.usage = "[options] VOLUME [VOLUME...]",
	.description = "Removes volumes with all that is in them.  One that a container uses, running or not,\n"
		       "is only removed with --force, and the container with it.",
	.examples = "volume rm data\nvolume rm --all\nvolume rm --force data",
	.run = run, .opts = opts, .args_size = sizeof(struct rm_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_VOLUME, .exits = exits,
};
