/* `start`: run the main process of containers that exist. */
#include "commands.h"

#include <unistd.h>

#include "attached.h"
#include "fd.h"
#include "targets.h"

struct start_args {
	struct target_args t;
	bool attach, interactive, sig_proxy;
	const char *detach_keys;
};

#define ARG(m) offsetof(struct start_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "all",         NULL,   OPT_FLAG,    ARG(t.all),       "start every container" },
	{ 'a', "attach",      NULL,   OPT_FLAG,    ARG(attach),      "attach stdout and stderr, and end with the container's exit code" },
	{ 0,   "detach-keys", "KEYS", OPT_STRING,  ARG(detach_keys), "keys that detach (default ctrl-p,ctrl-q; empty: none)" },
	{ 'f', "filter",      "FILTER", OPT_LIST,  ARG(t.filters),   "start those that a filter of ps chooses" },
	{ 'i', "interactive", NULL,   OPT_FLAG,    ARG(interactive), "attach stdin as well" },
	{ 'l', "latest",      NULL,   OPT_FLAG,    ARG(t.latest),    "act on the newest container" },
	{ 0,   "sig-proxy",   NULL,   OPT_FLAG,    ARG(sig_proxy),   "pass signals on to the container (default true with --attach)" },
	{ 0 },
};
/* clang-format on */
static const struct start_args defaults = { .sig_proxy = true };

static int start_attached(struct cmd *c, struct start_args *a, const struct target *t, struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	struct ctr_client_opts co = { .want_stdout = true, .want_stderr = true };
	struct ctr_start_opts so = { .attach = true };
	auto_close int sock = FD_NONE;
	int r = attached_keys(a->detach_keys, &co, e);

	if (r == 0)
		r = ctr_container_load(c->eng, t->id, &req, e);
	if (r < 0)
		return r;
	co.tty = req.tty;
	co.want_stdin = a->interactive && req.open_stdin &&
			!(req.log_driver && str_starts(req.log_driver, "passthrough"));
	co.sig_proxy = a->sig_proxy;
	ctr_request_done(&req);
	ctr_terminal_size(&so.rows, &so.cols);
	r = ctr_container_start(c->eng, t->id, &so, &sock, e);
	if (r == 0 && sock < 0) /* it was running already */
		r = ctr_container_attach(c->eng, t->id, co.want_stdin, true, &sock, e);
	return r < 0 ? r : attached_run(c, t->id, sock, &co, e);
}

static int check(const struct cmd *c, const struct start_args *a, struct err *e)
{
	bool attach = a->attach || a->interactive;

	if (a->t.all && c->n_args)
		return err_set(e, ERR_INVALID, "either start all containers or the container(s) provided in "
			       "the arguments");
	if (a->t.all && attach)
		return err_set(e, ERR_INVALID, "you cannot start and attach all containers at once");
	if (attach && (c->n_args > 1 || a->t.filters.n))
		return err_set(e, ERR_INVALID, "you cannot start and attach multiple containers at once");
	return 0;
}

/* With --all those that do not run are meant: only they are told of. */
static int starts(struct cmd *c, const struct start_args *a, const char *id, bool *ret, struct err *e)
{
	struct ctr_status st;
	int r = a->t.all ? ctr_container_status(c->eng, id, &st, e) : 0;

	*ret = !a->t.all || st.state != CTR_RUNNING || st.initialized;
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct start_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int r = check(c, a, e);

	if (r == 0)
		r = targets_find(c, &a->t, TARGETS_ATOMIC | TARGETS_ALL_FILTER, &t, e);
	if (r < 0)
		return r;
	if (a->attach || a->interactive)
		return start_attached(c, a, &t.items[0], e);
	for (size_t i = 0; i < t.n; i++) {
		struct ctr_start_opts so = { 0 };
		auto_close int sock = FD_NONE;
		bool wanted;

		r = starts(c, a, t.items[i].id, &wanted, e);
		if (r == 0 && !wanted)
			continue;
		if (r < 0 || ctr_container_start(c->eng, t.items[i].id, &so, &sock, e) < 0) {
			(void)err_wrap(e, 0, "unable to start container %s", t.items[i].id);
			cmd_fail(c, e);
		} else {
			printf("%s\n", t.items[i].shown);
		}
	}
	return c->status;
}

const struct command cmd_start = {
	.summary = "Start containers",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Starts containers that were created or have ended. Starting a running one succeeds "
		       "without effect.",
	.examples = "start web\nstart --attach --interactive box\n"
		    "start --all --filter should-start-on-boot=true",
	.run = run, .opts = opts, .args_size = sizeof(struct start_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .exits = start_exits, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER_STOPPED,
};
