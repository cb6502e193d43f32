/* `stop`: ask containers to end, and end them. */
#include "commands.h"

#include "log.h"
#include "targets.h"

struct stop_args {
	struct target_args t;
	int64_t time_s;
};

#define ARG(m) offsetof(struct stop_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",     NULL,      OPT_FLAG,    ARG(t.all),      "stop every running container" },
	{ 0,   "cidfile", "FILE",    OPT_LIST,    ARG(t.cidfiles), "read the container ID from the file", 0, COMPLETE_FILE },
	{ 'f', "filter",  "FILTER",  OPT_REFUSED, 0,               "choose containers by a filter", .text = "filters of stop come with the other filters of ps" },
	{ 'i', "ignore",  NULL,      OPT_FLAG,    ARG(t.ignore),   "a container that does not exist is no error" },
	{ 'l', "latest",  NULL,      OPT_FLAG,    ARG(t.latest),   "act on the newest container" },
	{ 't', "time",    "SECONDS", OPT_I64,     ARG(time_s),     "seconds to wait before killing it (0: at once, -1: for ever; default: the container's, 10)" },
	{ 0,   "timeout", NULL,      OPT_ALIAS,   0,               NULL, OPT_HIDDEN, .text = "time" },
	{ 's', "signal",  "SIGNAL",  OPT_REFUSED, 0,               "signal to send", OPT_HIDDEN, .text = "use kill --signal, or --stop-signal when the container is made" },
	{ 0 },
};
/* clang-format on */
static const struct stop_args defaults = { .time_s = INT64_MIN };

static int stop_one(struct cmd *c, const struct target *t, int64_t time_s, struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	bool killed;
	int r;

	r = ctr_container_load(c->eng, t->id, &req, e);
	if (r < 0)
		return r;
	if (time_s == INT64_MIN)
		time_s = req.stop_timeout_s;
	r = ctr_container_stop(c->eng, t->id, time_s, &killed, e);
	if (r == 0 && killed)
		log_warn("StopSignal %s failed to stop container %s in %lld seconds, resorting to SIGKILL",
			 sig_name(req.stop_signal) ? sig_name(req.stop_signal) : "SIGTERM", req.name,
			 (long long)time_s);
	ctr_request_done(&req);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct stop_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int r;

	if (a->time_s != INT64_MIN && (a->time_s < -1 || a->time_s > INT32_MAX))
		return err_set(e, ERR_INVALID, "--time: expected -1..%d seconds", INT32_MAX);
	r = targets_find(c, &a->t, TARGETS_RUNNING | TARGETS_ATOMIC, &t, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		if (stop_one(c, &t.items[i], a->time_s, e) < 0) {
			cmd_fail(c, e);
			continue;
		}
		printf("%s\n", t.items[i].shown);
		(void)fflush(stdout); /* the next one may take its time; main reports a failure */
	}
	return c->status;
}

const struct command cmd_stop = {
	.summary = "Stop containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Sends the container's stop signal (SIGTERM unless the image or --stop-signal says "
		       "otherwise), waits, and kills what is still there. Stopping a stopped container "
		       "succeeds.",
	.examples = "stop web\nstop --time 2 web\nstop --all",
	.run = run, .opts = opts, .args_size = sizeof(struct stop_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER_RUNNING,
};
