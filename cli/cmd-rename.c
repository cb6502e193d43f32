/* `rename`: give a container another name. */
#include "commands.h"

#include "ctrlite/container.h"
#include "run-opts.h"

static int run(struct cmd *c, void *args, struct err *e)
{
	char id[65];
	int r = ctr_container_find(c->eng, c->args[0], id, e);

	(void)args;
	if (r == 0 && !run_name_ok(c->args[1]))
		r = err_set(e, ERR_INVALID, "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid "
			    "argument");
	return r < 0 ? r : ctr_container_rename(c->eng, id, c->args[1], e);
}

const struct command cmd_rename = {
	.summary = "Rename a container",
	.usage = "CONTAINER NAME",
	.description = "Gives a container another name, whether it runs or not. Its host name and what is "
		       "written in its files stay as they are.",
	.examples = "rename web web-old",
	.run = run, .min_args = 2, .max_args = 2, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
