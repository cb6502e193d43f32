/* `attach`: connect the terminal to a running container. */
#include "commands.h"

#include "attached.h"
#include "fd.h"
#include "targets.h"

struct attach_args {
	bool latest, no_stdin, sig_proxy;
	const char *detach_keys;
};

#define ARG(m) offsetof(struct attach_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "detach-keys", "KEYS", OPT_STRING, ARG(detach_keys), "keys that detach (default ctrl-p,ctrl-q; empty: none)" },
	{ 'l', "latest",      NULL,   OPT_FLAG,   ARG(latest),      "act on the newest container" },
	{ 0,   "no-stdin",    NULL,   OPT_FLAG,   ARG(no_stdin),    "do not attach stdin" },
	{ 0,   "sig-proxy",   NULL,   OPT_FLAG,   ARG(sig_proxy),   "pass signals on to the container (default true)" },
	{ 0 },
};
/* clang-format on */
static const struct attach_args defaults = { .sig_proxy = true };

static int run(struct cmd *c, void *args, struct err *e)
{
	struct attach_args *a = args;
	struct ctr_request req = CTR_REQUEST_INIT;
	struct ctr_client_opts co = { .want_stdout = true, .want_stderr = true };
	auto_close int sock = FD_NONE;
	char id[65];
	size_t used;
	int r = 0;

	if (!a->latest && !c->n_args)
		r = err_set(e, ERR_INVALID, "\"" PROG " attach\" requires a name, id, or the "
			    "\"--latest\" flag");
	if (r == 0)
		r = attached_keys(a->detach_keys, &co, e);
	if (r == 0)
		r = target_one(c, a->latest, NULL, id, &used, e);
	if (r == 0)
		r = ctr_container_load(c->eng, id, &req, e);
	if (r < 0)
		return r;
	if (req.log_driver && str_starts(req.log_driver, "passthrough"))
		r = err_set(e, ERR_UNSUPPORTED, "this container is using the '%s' log driver, cannot attach: "
			    "this container is not logging output", req.log_driver);
	co.tty = req.tty;
	co.want_stdin = !a->no_stdin && req.open_stdin;
	co.sig_proxy = a->sig_proxy;
	ctr_request_done(&req);
	if (r == 0)
		r = ctr_container_settle(c->eng, id, e);
	if (r == 0)
		r = ctr_container_attach(c->eng, id, co.want_stdin, true, &sock, e);
	return r < 0 ? r : attached_run(c, id, sock, &co, e);
}

const struct command cmd_attach = {
	.summary = "Attach to a running container",
	.usage = "[options] CONTAINER",
	.description = "Connects the terminal to the container's input and output. Leave it running with "
		       "the detach keys. Ends with the container's exit code.",
	.examples = "attach box\nattach --detach-keys ctrl-a,d box",
	.run = run, .opts = opts, .args_size = sizeof(struct attach_args), .defaults = &defaults,
	.max_args = 1, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER_RUNNING,
};
