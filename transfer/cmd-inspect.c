/*
 * inspect [registry options] [--platform P] [--manifest | --config] [--no-tags] LOCATION
 *
 * Prints what is known of an image where it is: a summary as skopeo's, or one of its documents.
 */
#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "inspect.h"
#include "registry-opts.h"

struct inspect_args {
	struct ctr_inspect_opts opts;
	struct registry_args registry;
};

static int set_platform(void *arg, const char *v, struct err *e)
{
	struct inspect_args *a = arg;

	a->opts.have_platform = true;
	return ctr_platform_parse(v, &a->opts.platform, e);
}

static int set_manifest(void *arg, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	((struct inspect_args *)arg)->opts.what = INSPECT_MANIFEST;
	return 0;
}

static int set_config(void *arg, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	((struct inspect_args *)arg)->opts.what = INSPECT_CONFIG;
	return 0;
}

static int set_no_tags(void *arg, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	((struct inspect_args *)arg)->opts.no_tags = true;
	return 0;
}

static const struct transfer_opt inspect_opts[] = {
	REGISTRY_OPTS("", offsetof(struct inspect_args, registry)),
	{ "platform", 0, true, set_platform },
	{ "manifest", 0, false, set_manifest },
	{ "config", 0, false, set_config },
	{ "no-tags", 0, false, set_no_tags },
	{ 0 },
};

int transfer_cmd_inspect(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct inspect_args a = { .registry = REGISTRY_ARGS_INIT };
	auto_location struct ctr_location l = CTR_LOCATION_INIT;
	auto_free char *text = NULL;
	int n, r = transfer_getopt(argc, argv, inspect_opts, &a, &n, e);

	if (r == 0 && n != 1)
		r = err_set(e, ERR_INVALID, "inspect takes one image");
	if (r == 0)
		r = ctr_location_parse(argv[1], &l, e);
	a.opts.access = a.registry.access;
	a.opts.events.interrupted = transfer_interrupted;
	if (r == 0)
		r = ctr_inspect_location(&t->store, &l, &a.opts, &text, e);
	registry_args_done(&a.registry);
	if (r < 0)
		return r;
	printf("%s\n", text); /* the reader takes one newline off, so a document's own stays */
	return 0;
}
