/* From argv to a command, from its result to an exit status. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/cgroup.h>
#include <ctrlite/engine.h>
#include <ctrlite/event.h>

#include "cli.h"
#include "config.h"
#include "fd.h"
#include "log.h"

/* clang-format off */
static const struct cmd_exit default_exits[] = {
	{ ERR_CMD_NOT_EXEC,	126 },
	{ ERR_CMD_NOT_FOUND,	127 },
	{ ERR_NONE, 0 },
};

#define ARG(member) offsetof(struct globals, member)
#define REMOTE_REASON "ctr-lite works on this machine only"
const struct opt global_opts[] = {
	{ 0, "cgroup-manager", "NAME", OPT_STRING, ARG(cgroup_manager),
	  "Who makes the cgroups of containers: systemd, cgroupfs or disabled (default: what works)" },
	{ 0, "config", "DIR", OPT_STRING, ARG(config), "Directory of docker's config.json, for credentials", 0, COMPLETE_DIR },
	{ 'D', "debug", NULL, OPT_FLAG, ARG(debug), "Docker's spelling of --log-level=debug", OPT_HIDDEN },
	{ 0, "events-backend", "NAME", OPT_STRING, ARG(events_backend),
	  "Where events go and are read from: file (default), journald or none" },
	{ 0, "hooks-dir", "DIR", OPT_LIST, ARG(hooks_dirs), "Directory of OCI hooks (oci-hooks(5)) for the containers that are started", 0, COMPLETE_DIR },
	{ 0, "log-level", "LEVEL", OPT_STRING, ARG(log_level),
	  "Log messages at and above this level (trace, debug, info, warn, error, fatal, panic) (default warn)" },
	{ 0, "root", "DIR", OPT_STRING, ARG(root), "Directory of the store", 0, COMPLETE_DIR },
	{ 0, "runroot", "DIR", OPT_STRING, ARG(runroot), "Directory of the run-time state", 0, COMPLETE_DIR },
	{ 0, "runtime", "NAME", OPT_STRING, ARG(runtime),
	  "Name or path of the OCI runtime (default ctr-lite-runtime)", 0, COMPLETE_FILE },
	{ 0, "runtime-flag", "FLAG", OPT_LIST, ARG(runtime_flags), "Global option for the OCI runtime, without its --, as in log-format=json" },
	{ 0, "storage-driver", "NAME", OPT_STRING, ARG(storage_driver), "Storage driver (overlay)" },
	{ 'v', "version", NULL, OPT_FLAG, ARG(version), "Print the version", OPT_FIRST },
	{ 0, "storage-opt", "KEY=VALUE", OPT_LIST, ARG(storage_opts), "Option of storage.conf: overlay.imagestore=DIR is one more read-only store of images" },
	{ 0, "cdi-spec-dir", "DIR", OPT_REFUSED, .text = "there are no CDI devices" },
	{ 0, "conmon", "PATH", OPT_REFUSED, .text = "containers are watched by ctr-lite-monitor" },
	{ 'c', "connection", "NAME", OPT_REFUSED, .text = REMOTE_REASON },
	{ 0, "context", "NAME", OPT_REFUSED, .text = REMOTE_REASON },
	{ 'H', "host", "URL", OPT_REFUSED, .text = REMOTE_REASON },
	{ 0, "identity", "FILE", OPT_REFUSED, .text = REMOTE_REASON },
	{ 0, "imagestore", "DIR", OPT_REFUSED, .text = "there is one store, see --root" },
	{ 0, "module", "NAME", OPT_REFUSED, .text = "containers.conf modules are not read" },
	{ 0, "network-cmd-path", "PATH", OPT_REFUSED, .text = "the network helper is found in PATH" },
	{ 0, "network-config-dir", "DIR", OPT_REFUSED, .text = "there are no user-defined networks" },
	{ 'r', "remote", NULL, OPT_REFUSED, .text = REMOTE_REASON },
	{ 0, "ssh", "MODE", OPT_REFUSED, .text = REMOTE_REASON },
	{ 0, "syslog", NULL, OPT_REFUSED, .text = "messages go to stderr" },
	{ 0, "tmpdir", "DIR", OPT_REFUSED, .text = "run-time state is under --runroot" },
	{ 0, "transient-store", NULL, OPT_REFUSED, .text = "container records are always kept" },
	{ 0, "url", "URL", OPT_REFUSED, .text = REMOTE_REASON },
	{ 0, "volumepath", "DIR", OPT_REFUSED, .text = "volumes are under --root" },
	{ 0 },
};
#undef ARG
/* clang-format on */

static int status_in(const struct cmd_exit *x, enum err_kind kind)
{
	for (; x && x->kind != ERR_NONE; x++)
		if (x->kind == kind)
			return x->status;
	return -1;
}

int cmd_exit_status(const struct command *def, enum err_kind kind)
{
	int r = status_in(def ? def->exits : NULL, kind);

	if (r < 0)
		r = status_in(default_exits, kind);
	return r < 0 ? EXIT_ENGINE : r;
}

static void print_error(const struct err *e)
{
	/* results that precede the failure come first where both go to one terminal */
	(void)fflush(stdout);	/* a failure to write is met again at the end */
	fprintf(stderr, "Error: %s\n", e->text[0] ? e->text : err_kind_str(ERR_OS));
}

void cmd_fail(struct cmd *c, struct err *e)
{
	int status = cmd_exit_status(c->def, e->kind);

	print_error(e);
	if (status > c->status)
		c->status = status;
	*e = (struct err)ERR_INIT;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

#define SUGGEST_LEN_MAX 32
#define SUGGEST_DISTANCE_MAX 2

/* How many letters must be put in, taken out or changed to make @b of @a. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[SUGGEST_LEN_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > SUGGEST_LEN_MAX || lb > SUGGEST_LEN_MAX)
		return SUGGEST_LEN_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
				      diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

static void suggest(const char *group, const char *word)
{
	size_t skip = group ? strlen(group) + 1 : 0;
	bool any = false;

	for (const struct command_name *n = commands; n->path; n++) {
		const char *name;

		if (n->flags & NAME_HIDDEN)
			continue;
		if (group && (!str_starts(n->path, group) || n->path[skip - 1] != ' '))
			continue;
		name = n->path + skip;
		if (strchr(name, ' ') || !*word)
			continue;
		if (!str_starts(name, word) && edit_distance(name, word) > SUGGEST_DISTANCE_MAX)
			continue;
		fprintf(stderr, "%s\t%s\n", any ? "" : "\nDid you mean this?\n", name);
		any = true;
	}
	if (any)
		fputc('\n', stderr);
}

struct nearest {
	const char *name;	/* as it was typed, without "--" and value */
	const struct opt *o;
	size_t distance;
};

static int look_nearer(const struct opt *o, void *arg)
{
	struct nearest *n = arg;
	size_t d = edit_distance(o->name, n->name);

	/* a short name is near to anything */
	if (!(o->flags & OPT_HIDDEN) && o->kind != OPT_REFUSED && d < n->distance &&
	    2 * d <= strlen(n->name)) {
		n->distance = d;
		n->o = o;
	}
	return 0;
}

static void suggest_option(const struct opt_parse *p)
{
	auto_free char *name = strndup(p->unknown + 2, strcspn(p->unknown + 2, "="));
	struct nearest n = { .name = name, .distance = SUGGEST_DISTANCE_MAX + 1 };

	if (!name)
		return;
	(void)opt_each(p->table, look_nearer, &n);
	(void)opt_each(p->global, look_nearer, &n);
	if (n.o)
		fprintf(stderr, "Did you mean --%s?\n", n.o->name);
}

/* A mistake in the command line itself: the message and where to read how it is right. */
static int usage_error(const struct err *e, const char *path, const struct opt_parse *p)
{
	print_error(e);
	if (p->unknown)
		suggest_option(p);
	fprintf(stderr, "See '%s%s%s --help'\n", PROG, path ? " " : "", path ? path : "");
	return EXIT_ENGINE;
}

static int unknown_command(const char *group, const char *word)
{
	auto_free char *shown = str_printable(word);

	fprintf(stderr, "Error: unrecognized command `%s%s%s %s`\n", PROG, group ? " " : "",
		group ? group : "", shown ? shown : "");
	suggest(group, word);
	fprintf(stderr, "Try '%s%s%s --help' for more information\n", PROG, group ? " " : "",
		group ? group : "");
	return EXIT_ENGINE;
}

static int missing_command(const char *group)
{
	help_print(stdout, group);
	(void)fflush(stdout);	/* a failure to write is met again at the end */
	fprintf(stderr, "Error: missing command '%s%s%s COMMAND'\n", PROG, group ? " " : "",
		group ? group : "");
	return EXIT_ENGINE;
}

static int check_arg_count(const struct cmd *c, struct err *e)
{
	const struct command *d = c->def;

	if (c->n_args < d->min_args) {
		if (d->few_args)
			return err_set(e, ERR_INVALID, "%s", d->few_args);
		return err_set(e, ERR_INVALID, "requires at least %zu arg(s), only received %zu",
			       d->min_args, c->n_args);
	}
	if (d->max_args == 0 && c->n_args)
		return err_set(e, ERR_INVALID, "`%s %s` takes no arguments", PROG, c->path);
	if (d->max_args != ARGS_ANY && c->n_args > d->max_args)
		return err_set(e, ERR_INVALID, "accepts at most %zu arg(s), received %zu",
			       d->max_args, c->n_args);
	return 0;
}

static int apply_globals(const struct globals *g, struct err *e)
{
	if (g->log_level && log_level_parse(g->log_level, &log_max) < 0) {
		auto_free char *shown = str_quote(g->log_level);
		return err_set(e, ERR_INVALID,
			       "Log Level %s is not supported, choose from: trace, "
			       "debug, info, warn, warning, error, fatal, panic",
			       shown ? shown : "");
	}
	if (g->cgroup_manager) {
		enum ctr_cgroup_manager ignored;
		int r = ctr_cgroup_manager_parse(g->cgroup_manager, &ignored, e);

		if (r < 0)
			return r;
	}
	if (g->debug)
		log_max = LOG_DEBUG;
	/* where whoever looks for credentials looks, ctr-lite-transfer too */
	if (g->config && setenv("DOCKER_CONFIG", g->config, 1) < 0)
		return err_sys(e, errno, "--config");
	if (g->storage_driver && *g->storage_driver && !streq(g->storage_driver, "overlay")) {
		auto_free char *shown = str_quote(g->storage_driver);
		return err_set(e, ERR_UNSUPPORTED,
			       "--storage-driver %s is not supported yet: layers "
			       "are stored for overlay",
			       shown ? shown : "");
	}
	return 0;
}

static int open_engine(const struct globals *g, struct ctr_engine **ret, struct err *e)
{
	static struct ctr_engine eng = CTR_ENGINE_INIT;
	struct ctr_engine_opts o = {
		.root = g->root, .runroot = g->runroot, .runtime = g->runtime,
		.cgroup_manager = g->cgroup_manager, .runtime_flags = &g->runtime_flags,
		.hooks_dirs = &g->hooks_dirs, .storage_opts = &g->storage_opts,
	};
	int r = g->events_backend ? ctr_events_backend_parse(g->events_backend, &o.events, e) : 0;

	r = r < 0 ? r : ctr_engine_open(&eng, &o, e);
	if (r >= 0)
		*ret = &eng;
	if (r >= 0)
		log_debug("store %s, run directory %s", eng.store.root, eng.store.run);
	return r;
}

/* Options are parsed: check the arguments, open what is needed, run. */
static int call(struct cmd *c, void *args)
{
	struct err e = ERR_INIT;
	int r;

	r = apply_globals(c->g, &e);
	if (r >= 0)
		log_debug("%s %s (version %s)", PROG, c->path, CTR_VERSION);
	if (r >= 0)
		r = check_arg_count(c, &e);
	if (r >= 0 && (c->def->needs & NEED_STORE))
		r = open_engine(c->g, &c->eng, &e);
	if (r >= 0)
		r = c->def->run(c, args, &e);
	if (r < 0) {
		int status = cmd_exit_status(c->def, e.kind);

		print_error(&e);
		r = status > c->status ? status : c->status;
	}
	if (c->eng)
		ctr_engine_close(c->eng);
	return r;
}

static int run_command(struct cmd *c, size_t argc, char *const *argv)
{
	const struct command *d = c->def;
	auto_free void *args = calloc(1, d->args_size + 1);
	struct opt_parse p = {
		.table = d->opts, .dst = args, .global = global_opts, .global_dst = c->g,
		.stop_at_arg = d->flags & CMD_STOP_AT_ARG,
	};
	struct err e = ERR_INIT;
	int r;

	if (!args) {
		(void)err_sys(&e, ENOMEM, "read the command line");
		print_error(&e);
		return EXIT_ENGINE;
	}
	if (d->defaults)
		memcpy(args, d->defaults, d->args_size);
	r = opt_parse(&p, argc, argv, &e);
	if (p.help && r >= 0) {
		help_print(stdout, c->path);
		r = 0;
	} else if (r < 0) {
		r = usage_error(&e, c->path, &p);
	} else {
		c->opts = &p;
		c->args = p.args;
		c->n_args = p.n_args;
		r = call(c, args);
	}
	opt_parse_done(&p);
	return r;
}

static int run_named(struct cmd *c, const struct command_name *name, size_t n, char *const *words);

/* `ctr-lite image`, `ctr-lite image --help`, `ctr-lite image foo`, `ctr-lite image --log-level=info ls` */
static int run_group(const char *group, struct cmd *c, size_t n, char *const *words)
{
	struct opt_parse p = { .global = global_opts, .global_dst = c->g, .stop_at_arg = true };
	const struct command_name *name = NULL;
	struct err e = ERR_INIT;
	int r;

	r = opt_parse(&p, n, words, &e);
	if (r >= 0 && p.n_args)
		name = command_below(group, p.args[0]);
	if (r < 0)
		r = usage_error(&e, group, &p);
	else if (p.help)
		help_print(stdout, group);
	else if (!p.n_args)
		r = missing_command(group);
	else if (!name)
		r = unknown_command(group, p.args[0]);
	else
		r = run_named(c, name, p.n_args - 1, words + (n - p.n_args) + 1);
	opt_parse_done(&p);
	return r;
}

static int run_named(struct cmd *c, const struct command_name *name, size_t n, char *const *words)
{
	c->def = name->cmd;
	c->path = name->path;
	return c->def ? run_command(c, n, words) : run_group(c->path, c, n, words);
}

int cli_run(int argc, char **argv)
{
	struct globals g = { 0 };
	struct opt_parse p = { .global = global_opts, .global_dst = &g, .stop_at_arg = true };
	const struct command_name *name;
	struct err e = ERR_INIT;
	size_t used, first;
	int r;

	r = opt_parse(&p, argc > 0 ? (size_t)argc - 1 : 0, argv + (argc > 0), &e);
	if (r < 0) {
		r = usage_error(&e, NULL, &p);
	} else if (p.help) {
		help_print(stdout, NULL);
	} else if (g.version) {
		printf("%s version %s\n", PROG, CTR_VERSION);
	} else if (!p.n_args) {
		r = missing_command(NULL);
	} else {
		first = (size_t)argc - p.n_args;
		name = command_match(p.args, p.n_args, &used);
		if (!name) {
			r = unknown_command(NULL, p.args[0]);
		} else {
			struct cmd c = { .g = &g, .argc = argc, .argv = argv };

			r = run_named(&c, name, p.n_args - used, argv + first + used);
		}
	}
	opt_parse_done(&p);
	return r;
}
