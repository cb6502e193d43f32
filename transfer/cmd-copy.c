/*
 * copy [--all|--index-only] [--platform P] [--preserve-digests] [--remove-signatures] [--format F]
 *      [--compression C] [--compression-level N] [--force-compression] [--src-... --dest-...]
 *      SOURCE DESTINATION
 *
 * Prints the digest of the manifest at the destination and the ID of the (last) image.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "copy.h"
#include "pull-progress.h"
#include "registry-opts.h"
#include "sign-opts.h"
#include "str.h"
#include "transfer.h"

struct copy_args {
	struct ctr_copy_opts opts;
	struct registry_args src, dest;
	struct sign_args sign;
};

static int set_all(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	(void)v;
	(void)e;
	a->opts.all = true;
	return 0;
}

static int set_index_only(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	(void)v;
	(void)e;
	a->opts.all = a->opts.index_only = true;
	return 0;
}

static int set_platform(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	a->opts.have_platform = true;
	return ctr_platform_parse(v, &a->opts.platform, e);
}

static int set_preserve(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	(void)v;
	(void)e;
	a->opts.preserve_digests = true;
	return 0;
}

static int set_remove_signatures(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	(void)v;
	(void)e;
	a->opts.remove_signatures = true;
	return 0;
}

static int set_force(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	(void)v;
	(void)e;
	a->opts.force_compression = true;
	return 0;
}

static int set_format(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	return ctr_copy_format(v, &a->opts.format, e);
}

static int set_compression(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;

	return ctr_copy_compression(v, &a->opts.compression, e);
}

static int set_level(void *arg, const char *v, struct err *e)
{
	struct copy_args *a = arg;
	uint32_t n;

	if (str_u32(v, COPY_LEVEL_MAX, &n) < 0 || n == 0)
		return err_set(e, ERR_INVALID, "compression level \"%s\": not a number from 1 to %d", v,
			       COPY_LEVEL_MAX);
	a->opts.compression_level = (int)n;
	return 0;
}

static const struct transfer_opt copy_opts[] = {
	{ "all", 'a', false, set_all },
	{ "compression", 0, true, set_compression },
	{ "compression-level", 0, true, set_level },
	{ "force-compression", 0, false, set_force },
	{ "format", 0, true, set_format },
	{ "index-only", 0, false, set_index_only },
	{ "platform", 0, true, set_platform },
	{ "preserve-digests", 0, false, set_preserve },
	{ "remove-signatures", 0, false, set_remove_signatures },
	SIGN_OPTS(offsetof(struct copy_args, sign)),
	REGISTRY_OPTS("src-", offsetof(struct copy_args, src)),
	REGISTRY_OPTS("dest-", offsetof(struct copy_args, dest)),
	{ 0 },
};

static int copy(struct transfer *t, const char *from, const char *to, struct copy_args *a,
		struct ctr_copy_result *ret, struct err *e)
{
	auto_location struct ctr_location src = CTR_LOCATION_INIT, dest = CTR_LOCATION_INIT;
	struct pull_progress *progress;
	int r = ctr_location_parse(from, &src, e);

	if (r == 0)
		r = ctr_location_parse(to, &dest, e);
	if (r < 0)
		return r;
	progress = pull_progress_new(t->quiet);
	if (!progress)
		return err_sys(e, ENOMEM, "copy %s", from);
	a->opts.src = a->src.access;
	a->opts.dest = a->dest.access;
	pull_progress_events(progress, &a->opts.events);
	a->opts.events.interrupted = transfer_interrupted;
	r = ctr_copy(&t->store, t->idmap, &src, &dest, &a->opts, ret, e);
	pull_progress_free(progress, transfer_interrupted(NULL) == 0);
	return r;
}

/* What containers.conf says where the command line is silent. */
static int use_conf(const struct engine_conf *conf, struct ctr_copy_opts *o, struct err *e)
{
	if (o->compression != COPY_COMPRESSION_DEFAULT)
		return 0;
	if (o->compression_level < 0)
		o->compression_level = conf->compression_level;
	return conf->compression ? ctr_copy_compression(conf->compression, &o->usual, e) : 0;
}

int transfer_cmd_copy(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct copy_args a = { .opts = CTR_COPY_OPTS_INIT, .src = REGISTRY_ARGS_INIT,
			       .dest = REGISTRY_ARGS_INIT };
	struct ctr_copy_result result;
	int n, r = transfer_getopt(argc, argv, copy_opts, &a, &n, e);

	if (r == 0 && n != 2)
		r = err_set(e, ERR_INVALID, "copy needs a source and a destination");
	if (r == 0)
		r = sign_args_finish(&a.sign, e);
	a.opts.signers = a.sign.signers;
	if (r == 0)
		r = use_conf(&t->conf, &a.opts, e);
	if (r == 0)
		r = copy(t, argv[1], argv[2], &a, &result, e);
	sign_args_done(&a.sign);
	registry_args_done(&a.src);
	registry_args_done(&a.dest);
	if (r == 0)
		printf("sha256:%s %s\n", result.manifest.hex, result.config.hex);
	return r;
}
