/*
 * sign [--all] [--directory DIR] [--sign-by KEY] [--sign-passphrase-file FILE] [registry options]
 *      docker://NAME...
 */
#include <errno.h>

#include "registry-opts.h"
#include "sign-image.h"
#include "sign-opts.h"
#include "transfer.h"

struct sign_cmd_args {
	struct ctr_sign_opts opts;
	struct registry_args registry;
	struct sign_args sign;
};

static int set_all(void *arg, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	((struct sign_cmd_args *)arg)->opts.all = true;
	return 0;
}

static int set_directory(void *arg, const char *v, struct err *e)
{
	(void)e;
	((struct sign_cmd_args *)arg)->opts.directory = v;
	return 0;
}

static const struct transfer_opt sign_opts[] = {
	{ "all", 'a', false, set_all },
	{ "directory", 'd', true, set_directory },
	SIGN_OPTS(offsetof(struct sign_cmd_args, sign)),
	REGISTRY_OPTS("", offsetof(struct sign_cmd_args, registry)),
	{ 0 },
};

int transfer_cmd_sign(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct sign_cmd_args a = { .registry = REGISTRY_ARGS_INIT };
	int n, r = transfer_getopt(argc, argv, sign_opts, &a, &n, e);

	if (r == 0)
		r = sign_args_finish(&a.sign, e);
	a.opts.signers = a.sign.signers;
	a.opts.access = a.registry.access;
	a.opts.events.interrupted = transfer_interrupted;
	for (int i = 1; r == 0 && i <= n; i++) {
		auto_location struct ctr_location l = CTR_LOCATION_INIT;

		r = ctr_location_parse(argv[i], &l, e);
		if (r == 0)
			r = ctr_sign_location(&t->store, &l, &a.opts, e);
	}
	sign_args_done(&a.sign);
	registry_args_done(&a.registry);
	return r;
}
