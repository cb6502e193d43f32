/* The program ctr-lite-transfer: global options, the command table, and reporting of failures. */
#include "transfer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "ctrlite/default-dirs.h"
#include "ctrlite/idmap.h"
#include "fd.h"
#include "log.h"
#include "path.h"
#include "policy.h"
#include "pull-layers.h"
#include "registry.h"
#include "str.h"
#include "upload.h"

#define EXIT_ENGINE 125	/* podman's status for "the engine failed" */

enum { NEED_STORE = 1, NEED_IDMAP = 2 };

static const struct {
	const char *name;
	const char *summary;
	int (*run)(struct transfer *t, int argc, char **argv, struct err *e);
	unsigned int needs;
} commands[] = {
	{ "pull", "get an image from a registry", transfer_cmd_pull, NEED_STORE | NEED_IDMAP },
	{ "copy", "copy an image from one place to another", transfer_cmd_copy,
	  NEED_STORE | NEED_IDMAP },
	{ "import", "make an image of a root file system tarball", transfer_cmd_import,
	  NEED_STORE | NEED_IDMAP },
	{ "manifest", "change lists of images", transfer_cmd_manifest, NEED_STORE | NEED_IDMAP },
	{ "load", "bring in the images of an archive or a directory", transfer_cmd_load,
	  NEED_STORE | NEED_IDMAP },
	{ "save", "write images to an archive or a directory", transfer_cmd_save,
	  NEED_STORE | NEED_IDMAP },
	{ "unpack", "unpack an image that another tool put into the layout", transfer_cmd_unpack,
	  NEED_STORE | NEED_IDMAP },
	{ "check", "look for damage in images and layers", transfer_cmd_check, NEED_STORE | NEED_IDMAP },
	{ "shift", "copy layers for another id map", transfer_cmd_shift, NEED_STORE | NEED_IDMAP },
	{ "commit", "make an image of a layer that is piped in", transfer_cmd_commit,
	  NEED_STORE | NEED_IDMAP },
	{ "untar", "unpack an archive into a container's files", transfer_cmd_untar, 0 },
	{ "inspect", "look at an image where it is", transfer_cmd_inspect, NEED_STORE },
	{ "login", "check credentials for a registry and keep them", transfer_cmd_login, 0 },
	{ "logout", "forget credentials", transfer_cmd_logout, 0 },
	{ "search", "ask registries what they have", transfer_cmd_search, 0 },
	{ "list-tags", "list the tags of a repository", transfer_cmd_list_tags, 0 },
	{ "sign", "sign images that are in registries", transfer_cmd_sign, NEED_STORE },
	{ "trust-show", "print the policy about signatures", transfer_cmd_trust_show, NEED_STORE },
	{ "idmap", "print the default id map", transfer_cmd_idmap, 0 },
	{ NULL, NULL, NULL, 0 },
};

struct globals {
	const char *root, *run;
	int err_fd;
	bool quiet, help, version;
	struct strv additional;
};

static volatile sig_atomic_t got_signal;

static void on_signal(int sig)
{
	got_signal = sig;
	(void)alarm(1);
}

/* The signal may have come between a command's look at it and its next blocking call: interrupt
 * that, and the one after it, until somebody looks. */
static void on_alarm(int sig)
{
	(void)sig;
	(void)alarm(1);
}

int transfer_interrupted(struct err *e)
{
	if (!got_signal)
		return 0;
	if (e) {
		(void)err_set(e, ERR_OS, "interrupted by %s", sig_name(got_signal));
		e->code = EINTR;
	}
	return -EINTR;
}

/* No SA_RESTART: a blocked read or poll must come back for the command to notice. */
static void catch_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal }, again = { .sa_handler = on_alarm };
	struct sigaction old;

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (sigaction(sigs[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(sigs[i], &sa, NULL);
	(void)sigaction(SIGALRM, &again, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* a worker that gave up is seen as EPIPE */
}

/* A download, its blob, a worker and two pipes for each of many layers. */
static void raise_fd_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim); /* it works with fewer, too */
	}
}

static void usage(FILE *f)
{
	fprintf(f, "Usage: ctr-lite-transfer [--root DIR] [--runroot DIR] [--err-fd N] "
		   "[--log-level LEVEL] [--quiet] COMMAND ...\n\nCommands:\n");
	for (size_t i = 0; commands[i].name; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].summary);
}

static int find_opt(const struct transfer_opt *opts, const char *arg, const char **ret_value)
{
	for (int i = 0; opts[i].name; i++) {
		const char *rest;

		if (arg[1] != '-') {
			if (!opts[i].letter || arg[1] != opts[i].letter)
				continue;
			rest = arg + 2;
			if (*rest && !opts[i].has_value)
				continue;
			*ret_value = *rest ? rest + (*rest == '=') : NULL;
			return i;
		}
		rest = str_after(arg + 2, opts[i].name);
		if (!rest || (*rest && *rest != '='))
			continue;
		*ret_value = *rest ? rest + 1 : NULL;
		return i;
	}
	return -1;
}

int transfer_getopt(int argc, char **argv, const struct transfer_opt *opts, void *arg, int *ret_n,
		    struct err *e)
{
	bool only_args = false;
	int n = 0;

	for (int i = 1; i < argc; i++) {
		const char *value = NULL;
		int o, r;

		if (only_args || argv[i][0] != '-' || streq(argv[i], "-")) {
			argv[++n] = argv[i];
			continue;
		}
		if (streq(argv[i], "--")) {
			only_args = true;
			continue;
		}
		o = find_opt(opts, argv[i], &value);
		if (o < 0)
			return err_set(e, ERR_INVALID, "%s: unknown option %s", argv[0], argv[i]);
		if (opts[o].has_value && !value) {
			if (i + 1 >= argc)
				return err_set(e, ERR_INVALID, "%s: option --%s needs a value", argv[0],
					       opts[o].name);
			value = argv[++i];
		} else if (!opts[o].has_value && value) {
			return err_set(e, ERR_INVALID, "%s: option --%s takes no value", argv[0],
				       opts[o].name);
		}
		r = opts[o].set((char *)arg + opts[o].offset, value, e);
		if (r < 0)
			return r;
	}
	*ret_n = n;
	return 0;
}

static int set_root(void *arg, const char *v, struct err *e)
{
	struct globals *g = arg;

	(void)e;
	g->root = v;
	return 0;
}

static int set_run(void *arg, const char *v, struct err *e)
{
	struct globals *g = arg;

	(void)e;
	g->run = v;
	return 0;
}

static int set_policy(void *arg, const char *v, struct err *e)
{
	(void)arg;
	(void)e;
	policy_set_path(v);
	return 0;
}

static int set_additional(void *arg, const char *v, struct err *e)
{
	struct globals *g = arg;

	return strv_add(&g->additional, v) < 0 ? err_sys(e, ENOMEM, "read the options") : 0;
}

static int set_err_fd(void *arg, const char *v, struct err *e)
{
	struct globals *g = arg;
	uint32_t fd;

	if (str_u32(v, 1u << 20, &fd) < 0 || fd_set_cloexec((int)fd, true) < 0)
		return err_set(e, ERR_INVALID, "--err-fd %s: not an open descriptor", v);
	g->err_fd = (int)fd;
	return 0;
}

static int set_log_level(void *arg, const char *v, struct err *e)
{
	(void)arg;
	if (log_level_parse(v, &log_max) < 0)
		return err_set(e, ERR_INVALID, "--log-level %s: not one of trace, debug, info, warn, "
			       "error, fatal, panic", v);
	return 0;
}

static int set_quiet(void *arg, const char *v, struct err *e)
{
	struct globals *g = arg;

	(void)v;
	(void)e;
	g->quiet = true;
	return 0;
}

static int set_help(void *arg, const char *v, struct err *e)
{
	struct globals *g = arg;

	(void)v;
	(void)e;
	g->help = true;
	return 0;
}

static int set_version(void *arg, const char *v, struct err *e)
{
	struct globals *g = arg;

	(void)v;
	(void)e;
	g->version = true;
	return 0;
}

static const struct transfer_opt global_opts[] = {
	{ "root", 0, true, set_root },
	{ "runroot", 0, true, set_run },
	{ "additional", 0, true, set_additional },
	{ "err-fd", 0, true, set_err_fd },
	{ "signature-policy", 0, true, set_policy },
	{ "log-level", 0, true, set_log_level },
	{ "quiet", 'q', false, set_quiet },
	{ "help", 'h', false, set_help },
	{ "version", 0, false, set_version },
	{ 0 },
};

/* The index of the first argument that is neither a global option nor one's value. */
static int find_command(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = NULL;
		int o;

		if (argv[i][0] != '-' || streq(argv[i], "-"))
			return i;
		o = find_opt(global_opts, argv[i], &value);
		if (o >= 0 && global_opts[o].has_value && !value)
			i++;
	}
	return argc;
}

/* What the files say that every command goes by. */
static int read_conf(struct transfer *t, struct err *e)
{
	int r = engine_conf_load(&t->conf, e);

	if (r == 0)
		r = engine_conf_set_env(&t->conf, e);
	if (r == 0)
		r = storage_conf_load(&t->storage_conf, e);
	registry_defaults(t->conf.retry, t->conf.retry_delay_ms);
	pull_layers_limit(t->conf.parallel_copies);
	uploads_limit(t->conf.parallel_copies);
	return r;
}

static int open_store(struct transfer *t, const struct globals *g, struct err *e)
{
	const struct storage_conf *c = &t->storage_conf;
	const struct strv *stores = g->additional.n ? &g->additional : &c->additional;
	bool conf = !ctr_in_unshare();
	int r;
	auto_free char *root = g->root ? strdup(g->root) : conf && c->root ? strdup(c->root)
									   : ctr_default_root();
	auto_free char *run = g->run ? strdup(g->run) : conf && c->run ? strdup(c->run)
								       : ctr_default_runroot();

	if (!root || !run)
		return err_set(e, ERR_INVALID, "no home directory for uid %u: give --root and --runroot",
			       (unsigned int)geteuid());
	r = store_open(&t->store, root, run, e);
	for (size_t i = 0; r == 0 && i < stores->n; i++) {
		struct err why = ERR_INIT;

		if (store_add_read_only(&t->store, stores->items[i], &why) < 0)
			log_info("%s", why.text); /* who started us has said it */
	}
	return r;
}

/* Root keeps ids as they are; anybody else needs the map that the engine chooses. */
static int get_idmap(struct transfer *t, struct err *e)
{
	int r;

	if (geteuid() == 0)
		return 0;
	r = ctr_idmap_default(t->store.run_fd, &t->map, NULL, e);
	if (r == 0)
		t->idmap = &t->map;
	return r;
}

static int give_idmap(void *arg, struct idmap *ret, struct err *e)
{
	const struct transfer *t = arg;

	(void)e;
	*ret = *t->idmap;
	return 0;
}

static int run_command(const struct globals *g, int argc, char **argv, struct err *e)
{
	struct transfer t = { .store = STORE_INIT, .quiet = g->quiet, .conf = ENGINE_CONF_INIT };
	size_t i = 0;
	int r = 0;

	while (commands[i].name && !streq(commands[i].name, argv[0]))
		i++;
	if (!commands[i].name)
		return err_set(e, ERR_INVALID, "unknown command %s; see ctr-lite-transfer --help",
			       argv[0]);
	r = read_conf(&t, e);
	if (r == 0 && (commands[i].needs & NEED_STORE))
		r = open_store(&t, g, e);
	if (r == 0 && (commands[i].needs & NEED_IDMAP))
		r = get_idmap(&t, e);
	if (r == 0 && (commands[i].needs & NEED_STORE)) {
		struct err ce = ERR_INIT;

		if (store_collect(&t.store, t.idmap ? give_idmap : NULL, &t, &ce) < 0)
			log_warn("cannot remove what an earlier command left: %s", ce.text);
	}
	if (r == 0)
		r = commands[i].run(&t, argc, argv, e);
	store_close(&t.store);
	engine_conf_done(&t.conf);
	storage_conf_done(&t.storage_conf);
	return r;
}

static int report(const struct globals *g, struct err *e, int r)
{
	if (e->kind == ERR_NONE)
		(void)err_sys(e, r, "ctr-lite-transfer");
	if (g->err_fd >= 0 && err_send(g->err_fd, e) == 0)
		return EXIT_ENGINE;
	fprintf(stderr, "Error: %s\n", e->text);
	return EXIT_ENGINE;
}

int main(int argc, char **argv)
{
	struct globals g = { .err_fd = FD_NONE };
	struct err e = ERR_INIT;
	int first, n, r;

	if (fd_sanitize_std() < 0)
		return EXIT_ENGINE;
	catch_signals();
	raise_fd_limit();
	first = find_command(argc, argv);
	r = transfer_getopt(first, argv, global_opts, &g, &n, &e);
	if (r < 0)
		return report(&g, &e, r);
	if (g.version) {
		printf("ctr-lite-transfer version %s\n", CTR_VERSION);
		return 0;
	}
	if (g.help || first == argc) {
		usage(g.help ? stdout : stderr);
		return g.help ? 0 : EXIT_ENGINE;
	}
	r = run_command(&g, argc - first, argv + first, &e);
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = err_sys(&e, errno, "write the result");
	if (got_signal) {
		(void)signal(got_signal, SIG_DFL);
		(void)raise(got_signal);
	}
	return r < 0 ? report(&g, &e, r) : 0;
}
