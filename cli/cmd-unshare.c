/* `unshare`: a command in the user namespace that containers have. */
#include "commands.h"

#include <stdlib.h>

#include "cli.h"
#include "ctrlite/mount.h"

/* clang-format off */
static const struct opt opts[] = {
	{ 0, "rootless-netns", NULL, OPT_REFUSED, 0, "join the network namespace of rootless networks", .text = "there is none that all containers share" },
	{ 0 },
};
/* clang-format on */

static int run(struct cmd *c, void *args, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	const char *shell = getenv("SHELL");
	int code = 0, r = 0;

	(void)args;
	for (size_t i = 0; r == 0 && i < c->n_args; i++)
		r = strv_add(&argv, c->args[i]);
	if (r == 0 && !c->n_args && (!shell || !*shell))
		return err_set(e, ERR_INVALID, "no command specified and no $SHELL specified");
	if (r == 0 && !c->n_args)
		r = strv_add(&argv, shell);
	if (r < 0)
		return err_sys(e, r, "unshare");
	r = ctr_unshare(c->eng, strv_argv(&argv), &code, e);
	return r < 0 ? r : code;
}

const struct command cmd_unshare = {
	.summary = "Run a command in a modified user namespace",
	.usage = "[options] [COMMAND [ARG...]]",
	.description = "Runs a command (default: $SHELL) as root of a user namespace with the ids that "
		       "containers have, and with mounts of its own: files of containers and volumes "
		       "can be looked at and changed there as root of a container could, and containers "
		       "mounted. The exit status is the command's, 127 when there is none of that name, "
		       "126 when it cannot be executed.",
	.examples = "unshare\nunshare cat /proc/self/uid_map\nunshare sh -c 'ls $(ctr-lite mount web)'",
	.run = run, .opts = opts, .max_args = ARGS_ANY, .needs = NEED_STORE, .flags = CMD_STOP_AT_ARG,
};
