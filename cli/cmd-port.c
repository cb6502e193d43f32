/* `port`: the published ports of containers. */
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "ports.h"
#include "targets.h"

#define SHORT_ID 12

struct port_args {
	bool all, latest;
};

#define ARG(m) offsetof(struct port_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",    NULL, OPT_FLAG, ARG(all),    "Show the ports of all running containers" },
	{ 'l', "latest", NULL, OPT_FLAG, ARG(latest), "Show the ports of the newest container" },
	{ 0 },
};
/* clang-format on */

/* What was asked for: one port of the container. */
struct wanted {
	const char *text; /* NULL: all */
	uint64_t port;
	bool udp;
};

static int read_wanted(const char *text, struct wanted *ret, struct err *e)
{
	auto_free char *number = strndup(text, strcspn(text, "/"));
	auto_free char *shown = str_quote(number ? number : "");
	const char *proto = strchr(text, '/');

	*ret = (struct wanted){ .text = text, .udp = proto && streq(proto, "/udp") };
	if (!number || !shown)
		return err_sys(e, ENOMEM, "read the port");
	if (str_u64(number, 65535, &ret->port) < 0)
		return err_set(e, ERR_INVALID,
			       "%s is no port: give a number from 1 to 65535, and /tcp or "
			       "/udp behind it",
			       shown);
	if (proto && !ret->udp && !streq(proto, "/tcp"))
		ret->port = 0; /* of another protocol none is published */
	return 0;
}

static int print_one(const struct ctr_net_port *p, unsigned int i, const struct wanted *w,
		     const char *id, struct err *e)
{
	auto_free char *host = ctr_net_port_host(p, i);

	if (!host)
		return err_sys(e, ENOMEM, "show the ports");
	if (id)
		printf("%.*s\t", SHORT_ID, id);
	if (w->text)
		printf("%s\n", host);
	else
		printf("%u/%s -> %s\n", p->ctr_port + i, p->udp ? "udp" : "tcp", host);
	return 0;
}

/* The ports of a container that does not run are nobody's. */
static int show(const struct ctr_container *c, const struct wanted *w, bool with_id, struct err *e)
{
	auto_ports struct ports ports = PORTS_INIT;
	bool found = false;
	int r = c->status.state == CTR_RUNNING ? ports_of(&c->req, &ports) : 0;

	if (r < 0)
		return err_sys(e, r, "show the ports");
	for (size_t i = 0; r == 0 && i < ports.n; i++) {
		const struct ctr_net_port *p = &ports.items[i];

		for (unsigned int k = 0; r == 0 && k < p->count; k++) {
			if (w->text && (p->ctr_port + k != w->port || p->udp != w->udp))
				continue;
			found = true;
			r = print_one(p, k, w, with_id ? c->req.id : NULL, e);
		}
	}
	if (r == 0 && w->text && !found) {
		auto_free char *shown = str_quote(w->text);

		return err_set(e, ERR_NOT_FOUND, "failed to find published port %s",
			       shown ? shown : "");
	}
	return r;
}

static int show_all(struct cmd *c, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	const struct wanted any = { .text = NULL };
	int r = ctr_container_list_running(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = show(&l.items[i], &any, true, e);
	ctr_container_list_done(&l);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct port_args *a = args;
	struct ctr_container one = { .req = CTR_REQUEST_INIT };
	struct wanted w = { .text = NULL };
	char id[65];
	size_t used;
	int r;

	if (a->all && a->latest)
		return err_set(e, ERR_INVALID, "--all and --latest cannot be used together");
	if (a->all && c->n_args)
		return err_set(e, ERR_INVALID, "no arguments are needed with --all");
	if (a->latest && c->n_args > 1)
		return err_set(e, ERR_INVALID, "with --latest only a port can be given");
	if (!a->all && !a->latest && !c->n_args)
		return err_set(e, ERR_INVALID, "you must supply a running container name or id");
	if (a->all)
		return show_all(c, e);
	r = target_one(c, a->latest, NULL, id, &used, e);
	if (r == 0 && c->n_args > used)
		r = read_wanted(c->args[used], &w, e);
	if (r == 0)
		r = ctr_container_load(c->eng, id, &one.req, e);
	if (r == 0)
		r = ctr_container_status(c->eng, id, &one.status, e);
	if (r == 0)
		r = show(&one, &w, false, e);
	ctr_request_done(&one.req);
	return r;
}

const struct command cmd_port = {
	.summary = "List port mappings or a specific mapping for the container",
	.usage = "[options] CONTAINER [PORT]",
	.description = "Shows which addresses of the host lead to which ports of a running "
		       "container; with "
		       "PORT, as in 80 or 53/udp, only the addresses of that one.",
	.examples = "port web\nport web 80/tcp\nport --all",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct port_args),
	.max_args = 2,
	.needs = NEED_STORE,
	.complete = COMPLETE_CONTAINER_RUNNING,
};
