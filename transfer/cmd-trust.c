/*
 * trust-show [--policypath FILE] [--registrypath DIR] [NAME]
 *
 * Prints the policy as a JSON array, see trust/show.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "show.h"
#include "transfer.h"

struct show_args {
	const char *policy, *registries_d;
};

static int set_policy(void *arg, const char *v, struct err *e)
{
	struct show_args *a = arg;

	(void)e;
	a->policy = v;
	return 0;
}

static int set_registries_d(void *arg, const char *v, struct err *e)
{
	struct show_args *a = arg;

	(void)e;
	a->registries_d = v;
	return 0;
}

static const struct transfer_opt show_opts[] = {
	{ "policypath", 0, true, set_policy },
	{ "registrypath", 0, true, set_registries_d },
	{ 0 },
};

int transfer_cmd_trust_show(struct transfer *t, int argc, char **argv, struct err *e)
{
	auto_json json_t *rows = NULL;
	struct show_args a = { 0 };
	int n, r = transfer_getopt(argc, argv, show_opts, &a, &n, e);

	if (r == 0 && n > 1)
		r = err_set(e, ERR_INVALID, "trust-show takes one name at most");
	if (r == 0)
		r = trust_show(&t->store, a.policy, a.registries_d, n ? argv[1] : NULL, &rows, e);
	if (r == 0 && json_dumpf(rows, stdout, JSON_COMPACT) < 0)
		r = err_sys(e, EIO, "print the policy");
	return r;
}
