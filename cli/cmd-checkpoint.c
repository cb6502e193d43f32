/* Commands of podman that are known and refused, with the reason. */
#include "cli.h"
#include "commands.h"

static int run(struct cmd *c, void *args, struct err *e)
{
	(void)args;
	return err_set(e, ERR_UNSUPPORTED, "%s is not supported: the state of processes is saved and brought "
		       "back by CRIU, which needs root on the host; keep state in volumes, or save the file "
		       "system with commit or export", c->path);
}

const struct command cmd_checkpoint = {
	.summary = "Not supported: save the state of running containers",
	.usage = "CONTAINER [CONTAINER...]",
	.description = "Saving the state of processes needs CRIU, and CRIU needs root on the host. Keep state "
		       "in volumes, or save the file system with commit or export.",
	.run = run, .max_args = ARGS_ANY,
};

const struct command cmd_container_restore = {
	.summary = "Not supported: bring containers back from a checkpoint",
	.usage = "CONTAINER [CONTAINER...]",
	.description = "There are no checkpoints: see container checkpoint.",
	.run = run, .max_args = ARGS_ANY,
};
