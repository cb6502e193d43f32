/* `wait`: until containers have reached a state, and print their exit codes. */
#include "commands.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "targets.h"
#include "waiting.h"

struct wait_args {
	bool latest, ignore, first;
	struct strv conditions;
	const char *interval;
};

#define ARG(m) offsetof(struct wait_args, m)
#define INTERVAL_NS 250000000 /* podman's */
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "condition", "CONDITION", OPT_CSVLIST, ARG(conditions), "wait for one of these: configured, created, exited, healthy, initialized, paused, removing, running, stopped, stopping, unhealthy (default stopped)" },
	{ 0,   "exit-first-match", NULL, OPT_FLAG, ARG(first),       "end when one of the containers matches" },
	{ 0,   "ignore",    NULL,        OPT_FLAG,    ARG(ignore),   "a container that does not exist prints -1" },
	{ 'i', "interval",  "TIME",      OPT_STRING,  ARG(interval), "how often to look for a state other than stopped, exited (default 250ms; a number is of milliseconds)" },
	{ 'l', "latest",    NULL,        OPT_FLAG,    ARG(latest),   "act on the newest container" },
	{ 0 },
};
/* clang-format on */

static int read_interval(const char *text, int64_t *ret_ns, struct err *e)
{
	uint64_t ms;

	*ret_ns = INTERVAL_NS;
	if (!text)
		return 0;
	if (str_u64(text, INT32_MAX, &ms) == 0)
		*ret_ns = (int64_t)ms * 1000000;
	else if (str_duration(text, ret_ns) < 0 || *ret_ns < 0)
		return err_set(e, ERR_INVALID, "time: invalid duration \"%.40s\"", text);
	if (*ret_ns < 1000000)
		*ret_ns = 1000000;
	return 0;
}

/* The container's own answer, as soon as it has one: -ENOENT without text when it is gone. */
static int look(struct cmd *c, const char *id, const struct wait_conditions *w, bool *ret_matches,
		int *ret_code, struct err *e)
{
	struct ctr_status st;
	int r = ctr_container_settle(c->eng, id, e);

	if (r == 0)
		r = ctr_container_status(c->eng, id, &st, e);
	if (r < 0)
		return r;
	r = wait_matches(c, id, &st, w, ret_matches, e);
	*ret_code = st.state == CTR_EXITED && wait_is_end(w) ? st.exit_code : -1;
	return r;
}

/* One after the other, until each has matched, or with @first one of them. */
static int wait_by_looking(struct cmd *c, char (*ids)[65], size_t n, const struct wait_conditions *w,
			   int64_t interval_ns, bool first, struct err *e)
{
	for (size_t i = 0; i < n;) {
		bool matches = false;
		int code = -1, r = 0;

		for (size_t k = first ? 0 : i; k < (first ? n : i + 1) && !matches && r == 0; k++)
			r = ids[k][0] ? look(c, ids[k], w, &matches, &code, e) : 0;
		if (r < 0)
			return r;
		if (!ids[i][0] && !first) /* there is none, which --ignore is content with */
			matches = true;
		if (matches) {
			printf("%d\n", code);
			(void)fflush(stdout); /* main reports a failure */
			i = first ? n : i + 1;
			continue;
		}
		(void)poll(NULL, 0, (int)(interval_ns / 1000000));
	}
	return 0;
}

/* For the end alone nothing is looked for: its monitor tells. */
static int wait_for_ends(struct cmd *c, char (*ids)[65], size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int code = -1;

		if (ids[i][0] && ctr_container_wait(c->eng, ids[i], &code, e) < 0) {
			cmd_fail(c, e);
			continue;
		}
		printf("%d\n", code);
		(void)fflush(stdout); /* the next one may take its time; main reports a failure */
	}
	return c->status;
}

/* IDs in the order of the arguments; one that does not exist is "" with --ignore. */
static int find_all(struct cmd *c, const struct wait_args *a, char (*ids)[65], size_t *ret_n,
		    struct err *e)
{
	size_t used;
	int r;

	*ret_n = a->latest ? 1 : c->n_args;
	if (a->latest)
		return target_one(c, true, NULL, ids[0], &used, e);
	for (size_t i = 0; i < c->n_args; i++) {
		r = ctr_container_find(c->eng, c->args[i], ids[i], e);
		if (r == -ENOENT && a->ignore) {
			ids[i][0] = '\0';
			*e = (struct err)ERR_INIT;
		} else if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct wait_args *a = args;
	struct wait_conditions w;
	auto_free char(*ids)[65] = calloc(c->n_args + 1, sizeof(*ids));
	int64_t interval_ns;
	size_t n;
	int r = ids ? wait_conditions(&a->conditions, &w, e) : err_sys(e, ENOMEM, "wait");

	if (r == 0)
		r = read_interval(a->interval, &interval_ns, e);
	if (r < 0)
		return r;
	if (a->latest && c->n_args)
		return err_set(e, ERR_INVALID, "--latest and containers cannot be used together");
	if (!a->latest && !c->n_args)
		return err_set(e, ERR_INVALID, "%s requires a name, id, or the \"--latest\" flag",
			       "ctr-lite wait");
	r = find_all(c, a, ids, &n, e);
	if (r < 0)
		return r;
	if (!a->first && wait_is_end(&w))
		return wait_for_ends(c, ids, n, e);
	return wait_by_looking(c, ids, n, &w, interval_ns, a->first, e);
}

const struct command cmd_wait = {
	.summary = "Wait for containers to stop and print their exit codes",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Waits until each container has stopped for good, or is in one of the states of "
		       "--condition, and prints the exit code; -1 for states that have none.",
	.examples = "wait web\nwait --ignore web db\nwait --condition=healthy web",
	.run = run, .opts = opts, .args_size = sizeof(struct wait_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
