/*
 * The hidden `__surface`: every command and option with what becomes of it, one on a line, from the
 * tables that parse them.  Tests compare it with what users of other engines expect.
 */
#include "cli.h"
#include "commands.h"
#include "engine-conf.h"
#include "storage-conf.h"

static const char *verdict(const struct opt *o, const struct opt *table)
{
	if (o->kind == OPT_ALIAS)
		o = opt_find(table, o->text, strlen(o->text));
	return o && o->kind == OPT_REFUSED ? "refused" : "works";
}

struct print {
	const char *path;
	const struct opt *table;
};

static int print_option(const struct opt *o, void *arg)
{
	const struct print *p = arg;
	char letter[3] = { '-', o->letter, '\0' };
	const struct opt *real = o;

	if (o->kind == OPT_ALIAS)
		real = opt_find(p->table, o->text, strlen(o->text));
	printf("flag\t%s\t--%s\t%s\t%s\t%s\n", p->path, o->name, letter,
	       !real ? "" : real->kind == OPT_OPTIONAL ? "optional" : opt_takes_value(real) ? "value" : "bool",
	       verdict(o, p->table));
	return 0;
}

static int surface_main(struct cmd *c, void *args, struct err *e)
{
	(void)c;
	(void)args;
	(void)e;
	for (const char *const *k = engine_conf_keys; *k; k++)
		printf("config\tcontainers.conf [engine]\t%s\n", *k);
	for (const char *const *k = storage_conf_keys; *k; k++) {
		const char *option = str_after(*k, "options.");

		printf("config\tstorage.conf [storage%s]\t%s\n", option ? ".options" : "", option ? option : *k);
	}
	(void)opt_each(global_opts, print_option, &(struct print){ "(global)", global_opts });
	for (const struct command_name *n = commands; n->path; n++) {
		if (n->flags & NAME_HIDDEN)
			continue;
		printf("command\t%s\n", n->path);
		if (n->cmd && n->cmd->opts)
			(void)opt_each(n->cmd->opts, print_option,
				       &(struct print){ n->path, n->cmd->opts });
	}
	return 0;
}

const struct command cmd_surface = {
	.summary = "Print every command and option",
	.usage = "",
	.run = surface_main,
};
