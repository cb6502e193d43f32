/* `wait`: until containers end, and print their exit codes. */
#include "commands.h"

#include <errno.h>

#include "targets.h"

struct wait_args {
	bool latest, ignore;
	struct strv conditions;
	const char *interval;
};

#define ARG(m) offsetof(struct wait_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "condition", "CONDITION", OPT_CSVLIST, ARG(conditions), "wait for this state: stopped or exited (the default)" },
	{ 0,   "exit-first-match", NULL, OPT_REFUSED, 0,             "stop when the first one matches", .text = "wait for the containers one by one" },
	{ 0,   "ignore",    NULL,        OPT_FLAG,    ARG(ignore),   "a container that does not exist prints -1" },
	{ 'i', "interval",  "TIME",      OPT_STRING,  ARG(interval), "no effect: nothing is polled", OPT_COMPAT },
	{ 'l', "latest",    NULL,        OPT_FLAG,    ARG(latest),   "act on the newest container" },
	{ 0 },
};
/* clang-format on */

static int run(struct cmd *c, void *args, struct err *e)
{
	struct wait_args *a = args;
	char latest[65];
	size_t n = a->latest ? 1 : c->n_args, used;
	int r;

	for (size_t i = 0; i < a->conditions.n; i++)
		if (!streq(a->conditions.items[i], "stopped") && !streq(a->conditions.items[i], "exited"))
			return err_set(e, ERR_UNSUPPORTED, "--condition=%s is not supported yet: only "
				       "stopped and exited are", a->conditions.items[i]);
	if (a->latest && c->n_args)
		return err_set(e, ERR_INVALID, "--latest and containers cannot be used together");
	if (!n)
		return err_set(e, ERR_INVALID, "%s requires a name, id, or the \"--latest\" flag",
			       "ctr-lite wait");
	if (a->latest && (r = target_one(c, true, NULL, latest, &used, e)) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		char id[65];
		int code = -1;

		r = ctr_container_find(c->eng, a->latest ? latest : c->args[i], id, e);
		if (r == 0)
			r = ctr_container_wait(c->eng, id, &code, e);
		if (r == -ENOENT && a->ignore) {
			*e = (struct err)ERR_INIT;
			r = 0;
		}
		if (r < 0) {
			cmd_fail(c, e);
			continue;
		}
		printf("%d\n", code);
		(void)fflush(stdout); /* the next one may take its time; main reports a failure */
	}
	return c->status;
}

const struct command cmd_wait = {
	.summary = "Wait for containers to stop and print their exit codes",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "wait web\nwait --ignore web db",
	.run = run, .opts = opts, .args_size = sizeof(struct wait_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
