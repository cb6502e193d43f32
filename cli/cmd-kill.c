/* `kill`: send a signal to containers. */
#include "commands.h"

#include <signal.h>

#include "targets.h"

struct kill_args {
	struct target_args t;
	const char *signal;
};

#define ARG(m) offsetof(struct kill_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",     NULL,     OPT_FLAG,   ARG(t.all),      "signal every running container" },
	{ 0,   "cidfile", "FILE",   OPT_LIST,   ARG(t.cidfiles), "read the container ID from the file", 0, COMPLETE_FILE },
	{ 'l', "latest",  NULL,     OPT_FLAG,   ARG(t.latest),   "act on the newest container" },
	{ 's', "signal",  "SIGNAL", OPT_STRING, ARG(signal),     "signal to send (default KILL)" },
	{ 0 },
};
/* clang-format on */
static const struct kill_args defaults = { .signal = "KILL" };

static int kill_one(struct cmd *c, const char *id, void *signal, struct err *e)
{
	const int *sig = signal;

	return ctr_container_kill(c->eng, id, *sig, e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct kill_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int sig = sig_parse(a->signal), r;

	if (sig < 0)
		return err_set(e, ERR_INVALID, "invalid signal: %s", a->signal);
	r = targets_find(c, &a->t, TARGETS_RUNNING | TARGETS_ATOMIC, &t, e);
	if (r < 0)
		return r;
	return targets_each(c, &t, kill_one, &sig, e);
}

const struct command cmd_kill = {
	.summary = "Send a signal to running containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Sends a signal to the first process of each container, SIGKILL by default.",
	.examples = "kill web\nkill --signal HUP web db",
	.run = run, .opts = opts, .args_size = sizeof(struct kill_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER_RUNNING,
};
