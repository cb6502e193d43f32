/*
 * pull [--platform P] [--tls-verify[=BOOL]] [--authfile F] [--creds-fd N] [--cert-dir D]
 *      [--retry N] [--retry-delay TIME] [--quiet] NAME
 *
 * Prints the image's ID.
 */
#include "transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "copy.h"
#include "fd.h"
#include "pull-progress.h"
#include "pull.h"
#include "registry-opts.h"
#include "str.h"

struct pull_args {
	struct ctr_pull_opts opts;
	struct registry_args registry;
	bool quiet;
};

static int set_platform(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;

	a->opts.have_platform = true;
	return ctr_platform_parse(v, &a->opts.platform, e);
}

static int set_quiet(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;

	(void)v;
	(void)e;
	a->quiet = true;
	return 0;
}

static const struct transfer_opt pull_opts[] = {
	{ "platform", 0, true, set_platform },
	REGISTRY_OPTS("", offsetof(struct pull_args, registry)),
	{ "quiet", 'q', false, set_quiet },
	{ 0 },
};

/* Ask on the terminal which registry a short name means. */
static int ask(void *arg, const struct ctr_candidates *c, size_t *ret_index, struct err *e)
{
	char name[REF_STR_MAX], line[32];
	uint32_t n;

	(void)arg;
	(void)fprintf(stderr, "The short name has several meanings:\n");
	for (size_t i = 0; i < c->n; i++)
		(void)fprintf(stderr, "  %zu) %s\n", i + 1, ctr_reference_str(&c->items[i], name));
	(void)fprintf(stderr, "Which one? [1-%zu] ", c->n);
	if (!fgets(line, sizeof(line), stdin)) {
		int r = transfer_interrupted(e);

		return r < 0 ? r : err_set(e, ERR_INVALID, "no registry was chosen: end of file");
	}
	line[strcspn(line, "\n")] = '\0';
	if (str_u32(line, (uint32_t)c->n, &n) < 0 || n == 0)
		return err_set(e, ERR_INVALID, "no registry was chosen");
	*ret_index = n - 1;
	return 0;
}

/* An image that is somewhere else than in a registry. */
static int pull_in(struct transfer *t, const char *text, const struct pull_args *a,
		   struct digest *ret_id, struct err *e)
{
	auto_location struct ctr_location l = CTR_LOCATION_INIT;
	struct ctr_copy_opts o = CTR_COPY_OPTS_INIT;
	struct ctr_copy_result result;
	int r = ctr_location_parse(text, &l, e);

	if (r < 0)
		return r;
	o.have_platform = a->opts.have_platform;
	o.platform = a->opts.platform;
	o.src = a->opts.registry;
	o.events = a->opts.events;
	r = ctr_copy_in(&t->store, t->idmap, &l, &o, NULL, &result, e);
	if (r == 0)
		*ret_id = result.config;
	return r;
}

int transfer_cmd_pull(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct pull_args a = { .registry = REGISTRY_ARGS_INIT };
	struct pull_progress *progress = NULL;
	struct digest id = { "" };
	int n, r;

	r = transfer_getopt(argc, argv, pull_opts, &a, &n, e);
	if (r == 0 && n != 1)
		r = err_set(e, ERR_INVALID, "pull needs the name of one image");
	a.opts.registry = a.registry.access;
	if (r == 0) {
		progress = pull_progress_new(t->quiet || a.quiet);
		if (!progress)
			r = err_sys(e, ENOMEM, "pull %s", argv[1]);
	}
	if (r == 0) {
		pull_progress_events(progress, &a.opts.events);
		a.opts.events.interrupted = transfer_interrupted;
		if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
			a.opts.events.choose = ask;
		if (ctr_location_has_transport(argv[1]) && !str_starts(argv[1], "docker://"))
			r = pull_in(t, argv[1], &a, &id, e);
		else
			r = ctr_pull(&t->store, t->idmap, argv[1], &a.opts, &id, e);
	}
	pull_progress_free(progress, transfer_interrupted(NULL) == 0);
	registry_args_done(&a.registry);
	if (r < 0)
		return r;
	printf("%s\n", id.hex);
	return 0;
}
