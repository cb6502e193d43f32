/* `stop`: ask containers to end, and end them. */
#include "commands.h"

#include <signal.h>
#include <stdlib.h>

#include "log.h"
#include "stopping.h"
#include "targets.h"

struct stop_args {
	struct target_args t;
	int64_t time_s;
	const char *signal;
};

#define ARG(m) offsetof(struct stop_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",     NULL,      OPT_FLAG,    ARG(t.all),      "stop every container" },
	{ 0,   "cidfile", "FILE",    OPT_LIST,    ARG(t.cidfiles), "read the container ID from the file", 0, COMPLETE_FILE },
	{ 'f', "filter",  "FILTER",  OPT_LIST,    ARG(t.filters),  "stop those that a filter of ps chooses" },
	{ 'i', "ignore",  NULL,      OPT_FLAG,    ARG(t.ignore),   "a container that does not exist is no error" },
	{ 'l', "latest",  NULL,      OPT_FLAG,    ARG(t.latest),   "act on the newest container" },
	{ 't', "time",    "SECONDS", OPT_I64,     ARG(time_s),     "seconds to wait before killing it (0: at once, -1: for ever; default: the container's, 10)" },
	{ 0,   "timeout", NULL,      OPT_ALIAS,   0,               NULL, OPT_HIDDEN, .text = "time" },
	{ 's', "signal",  "SIGNAL",  OPT_STRING,  ARG(signal),     "signal to send first (default: the container's)" },
	{ 0 },
};
/* clang-format on */
static const struct stop_args defaults = { .time_s = STOP_TIME_OWN };

/* Those of the options, and where they say nothing the container's own. */
static void stop_opts_of(const struct ctr_request *req, int signal, int64_t time_s,
			 struct ctr_stop_opts *ret)
{
	*ret = (struct ctr_stop_opts){ .signal = signal, .timeout_s = time_s };
	if (!signal)
		ret->signal = req->stop_signal ? req->stop_signal : SIGTERM;
	if (time_s == STOP_TIME_OWN)
		ret->timeout_s = ctr_stop_timeout(req);
	else if (time_s < 0)
		ret->timeout_s = -1;
}

struct each {
	int (*act)(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o, bool *ret_killed,
		   struct err *e);
	int signal;
	int64_t time_s;
};

static int act_on_one(struct cmd *c, const char *id, void *arg, struct err *e)
{
	const struct each *x = arg;
	struct ctr_request req = CTR_REQUEST_INIT;
	struct ctr_stop_opts o;
	bool killed;
	int r = ctr_container_load(c->eng, id, &req, e);

	if (r < 0)
		return r;
	stop_opts_of(&req, x->signal, x->time_s, &o);
	r = x->act(c->eng, id, &o, &killed, e);
	if (r == 0 && killed)
		log_warn("StopSignal %s failed to stop container %s in %lld seconds, resorting to SIGKILL",
			 sig_name(o.signal) ? sig_name(o.signal) : "SIGTERM", req.name,
			 (long long)o.timeout_s);
	ctr_request_done(&req);
	return r;
}

int stopping_each(struct cmd *c, const struct targets *t,
		  int (*act)(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
			     bool *ret_killed, struct err *e),
		  int signal, int64_t time_s, struct err *e)
{
	struct each x = { act, signal, time_s };

	return targets_each(c, t, act_on_one, &x, e);
}

int stop_options(int64_t time_s, const char *signal, int *ret_signal, struct err *e)
{
	*ret_signal = signal ? sig_parse(signal) : 0;
	if (*ret_signal < 0)
		return err_set(e, ERR_INVALID, "invalid signal: %s", signal);
	if (time_s > INT32_MAX)
		return err_set(e, ERR_INVALID, "--time: expected at most %d seconds", INT32_MAX);
	return 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct stop_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int sig, r = stop_options(a->time_s, a->signal, &sig, e);

	if (r < 0)
		return r;
	r = targets_find(c, &a->t, TARGETS_ATOMIC, &t, e);
	if (r < 0)
		return r;
	return stopping_each(c, &t, ctr_container_stop, sig, a->time_s, e);
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
