/* `restart`: stop containers and start them again. */
#include "commands.h"

#include "log.h"
#include "proc.h"
#include "stopping.h"
#include "targets.h"

struct restart_args {
	struct target_args t;
	bool running;
	int64_t time_s;
	const char *signal;
};

#define ARG(m) offsetof(struct restart_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",     NULL,      OPT_FLAG,    ARG(t.all),      "restart every container, also those that do not run" },
	{ 0,   "cidfile", "FILE",    OPT_LIST,    ARG(t.cidfiles), "read the container ID from the file", 0, COMPLETE_FILE },
	{ 'f', "filter",  "FILTER",  OPT_LIST,    ARG(t.filters),  "restart those that a filter of ps chooses" },
	{ 'l', "latest",  NULL,      OPT_FLAG,    ARG(t.latest),   "act on the newest container" },
	{ 0,   "running", NULL,      OPT_FLAG,    ARG(running),    "restart every running container" },
	{ 's', "signal",  "SIGNAL",  OPT_STRING,  ARG(signal),     "signal to send first (default: the container's)" },
	{ 't', "time",    "SECONDS", OPT_I64,     ARG(time_s),     "seconds to wait before killing it (0: at once, -1: for ever; default: the container's, 10)" },
	{ 0,   "timeout", NULL,      OPT_ALIAS,   0,               NULL, OPT_HIDDEN, .text = "time" },
	{ 0 },
};
/* clang-format on */
static const struct restart_args defaults = { .time_s = STOP_TIME_OWN };

static int run(struct cmd *c, void *args, struct err *e)
{
	struct restart_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int sig, r = stop_options(a->time_s, a->signal, &sig, e);

	if (r < 0)
		return r;
	if (a->running && (a->t.all || a->t.latest || c->n_args || a->t.cidfiles.n || a->t.filters.n))
		return err_set(e, ERR_INVALID, "--running takes neither --all, --latest, --cidfile, --filter "
			       "nor containers");
	a->t.all |= a->running;
	r = targets_find(c, &a->t, TARGETS_ATOMIC | (a->running ? TARGETS_RUNNING : 0), &t, e);
	if (r < 0)
		return r;
	return stopping_each(c, &t, ctr_container_restart, sig, a->time_s, e);
}

const struct command cmd_restart = {
	.summary = "Restart containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Stops containers as stop does and starts them again; those that do not run are only "
		       "started. A container that was made with --rm stays.",
	.examples = "restart web\nrestart --time 2 web db\nrestart --running",
	.run = run, .opts = opts, .args_size = sizeof(struct restart_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .exits = start_exits, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
