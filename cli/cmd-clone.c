/* `container clone`: another container that was asked for in the same words. */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>

#include "ctrlite/container.h"
#include "limit-opts.h"
#include "run-opts.h"
#include "targets.h"

struct clone_args {
	struct limit_args limits;	/* first: its table is included */
	bool destroy, force, run;
	const char *name;
};

#define ARG(m) offsetof(struct clone_args, m)
#define NAME_TRIES 1000
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "destroy", NULL,   OPT_FLAG,    ARG(destroy), "remove the original when the copy is there" },
	{ 'f', "force",   NULL,   OPT_FLAG,    ARG(force),   "with --destroy: also when it runs" },
	{ .kind = OPT_INCLUDE, .table = limit_opts },
	{ 0,   "name",    "NAME", OPT_STRING,  ARG(name),    "name of the copy (default: that of the original with -clone behind it)" },
	{ 0,   "pod",     "POD",  OPT_REFUSED, 0,            "put the copy into a pod", .text = "pods are not supported yet" },
	{ 0,   "run",     NULL,   OPT_FLAG,    ARG(run),     "start the copy" },
	{ 0 },
};
/* clang-format on */
static const struct clone_args defaults = { .limits = LIMIT_ARGS_DEFAULT };

/* What belongs to the one container, and not to what was asked for. */
static void forget_instance(struct ctr_request *r)
{
	char **const texts[] = { &r->id, &r->inner_uidmap, &r->inner_gidmap, &r->cidfile };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	strv_done(&r->anon_volumes);
	strv_done(&r->anon_dests);
}

/* NAME-clone, NAME-clone1, ... */
static int free_name(struct cmd *c, const char *of, char **ret, struct err *e)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		auto_free char *name = i ? str_printf("%s-clone%d", of, i) : str_printf("%s-clone", of);
		char id[65];
		int r = name ? ctr_container_find(c->eng, name, id, e) : -ENOMEM;

		if (r == -ENOENT) {
			*e = (struct err)ERR_INIT;
			*ret = take_ptr(&name);
			return 0;
		}
		if (r < 0)
			return r == -ENOMEM ? err_sys(e, r, "clone a container") : r;
	}
	return err_set(e, ERR_EXISTS, "container %s has too many clones: give --name", of);
}

static int set_name(struct cmd *c, const struct clone_args *a, struct ctr_request *r, struct err *e)
{
	const char *name = a->name ? a->name : c->n_args > 1 ? c->args[1] : NULL;
	auto_free char *old = r->name;

	r->name = NULL;
	if (!name)
		return free_name(c, old, &r->name, e);
	if (!run_name_ok(name))
		return err_set(e, ERR_INVALID, "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid "
			       "argument");
	r->name = strdup(name);
	return r->name ? 0 : err_sys(e, ENOMEM, "clone a container");
}

static int set_limits(struct cmd *c, const struct clone_args *a, struct ctr_request *r, struct err *e)
{
	struct spec_resources changes = SPEC_RESOURCES_INIT;
	int rc = limits_parse(c, &a->limits, &changes, e);

	if (rc == 0)
		rc = spec_resources_merge(&r->limits, &changes, e);
	if (rc == 0)
		rc = spec_resources_check(&r->limits, e);
	spec_resources_done(&changes);
	return rc;
}

static int clone(struct cmd *c, const struct clone_args *a, const char *id, struct ctr_request *r,
		 struct err *e)
{
	static const struct ctr_start_opts quiet = { 0 };
	int sock = FD_NONE, rc = set_name(c, a, r, e);

	if (rc == 0)
		rc = set_limits(c, a, r, e);
	forget_instance(r);
	if (rc == 0)
		rc = ctr_container_prepare(c->eng, r, e);
	if (rc == 0)
		rc = ctr_container_create(c->eng, r, e);
	if (rc == 0 && a->destroy)
		rc = ctr_container_remove(c->eng, id, a->force, false, 10, e);
	if (rc == 0 && a->run)
		rc = ctr_container_start(c->eng, r->id, &quiet, &sock, e);
	if (rc == 0)
		printf("%s\n", r->id);
	return rc;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct clone_args *a = args;
	struct ctr_request r = CTR_REQUEST_INIT;
	char id[65];
	int rc;

	if (c->n_args > 2)
		return err_set(e, ERR_UNSUPPORTED, "a copy with another image is not supported: use create");
	if (a->force && !a->destroy)
		return err_set(e, ERR_INVALID, "cannot set --force without --destroy: invalid argument");
	rc = ctr_container_find(c->eng, c->args[0], id, e);
	if (rc == 0)
		rc = ctr_container_load(c->eng, id, &r, e);
	if (rc == 0)
		rc = clone(c, a, id, &r, e);
	ctr_request_done(&r);
	return rc;
}

const struct command cmd_container_clone = {
	.summary = "Clone an existing container",
	.usage = "[options] CONTAINER [NAME]",
	.description = "Makes another container with the options and the command of an existing one, and "
		       "prints its ID. Its file system is that of the image; volumes with a name are shared, "
		       "those without are made anew.",
	.examples = "container clone web\ncontainer clone --destroy --run --memory 512m web web2",
	.run = run, .opts = opts, .args_size = sizeof(struct clone_args), .defaults = &defaults,
	.min_args = 1, .max_args = 3, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
