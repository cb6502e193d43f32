/* `ctr-lite help [COMMAND]` and the hidden `ctr-lite __man [COMMAND]` that makes manual pages. */
#include <ctype.h>

#include "cli.h"
#include "commands.h"
#include "config.h"

/* The name that the words of a command line mean, NULL for none; a missing one is an error. */
static int topic(struct cmd *c, const char **ret_path, struct err *e)
{
	const struct command_name *n;
	size_t used;

	*ret_path = NULL;
	if (!c->n_args)
		return 0;
	n = command_match(c->args, c->n_args, &used);
	if (!n || used < c->n_args)
		return err_set(e, ERR_INVALID, "unknown help topic: %s", c->args[n ? used : 0]);
	*ret_path = n->path;
	return 0;
}

static int help_main(struct cmd *c, void *args, struct err *e)
{
	const char *path;
	int r = topic(c, &path, e);

	(void)args;
	if (r < 0)
		return r;
	help_print(stdout, path);
	return 0;
}

const struct command cmd_help = {
	.summary = "Help about any command",
	.usage = "[COMMAND]",
	.run = help_main,
	.max_args = ARGS_ANY,
	.complete = COMPLETE_COMMAND,
};

/* Text for roff: what it would act on is escaped. */
static void roff(const char *s)
{
	bool line_start = true;

	for (; *s; s++) {
		if (line_start && (*s == '.' || *s == '\''))
			fputs("\\&", stdout);
		if (*s == '\\' || *s == '-')
			putchar('\\');
		putchar(*s == '\\' ? 'e' : *s);
		line_start = *s == '\n';
	}
}

static void man_options(const struct opt *table)
{
	const struct opt *rows[OPT_SEEN_MAX];
	size_t n = opt_visible(table, rows, OPT_SEEN_MAX);

	if (n)
		puts(".SH OPTIONS");
	for (size_t i = 0; i < n; i++) {
		puts(".TP");
		if (rows[i]->letter)
			printf("\\fB\\-%c\\fR, ", rows[i]->letter);
		fputs("\\fB\\-\\-", stdout);
		roff(rows[i]->name);
		fputs("\\fR", stdout);
		if (rows[i]->metavar) {
			fputs(" \\fI", stdout);
			roff(rows[i]->metavar);
			fputs("\\fR", stdout);
		}
		putchar('\n');
		roff(rows[i]->help);
		puts(".");
	}
}

/* "ctr-lite-image-list" */
static void page_name(const char *path)
{
	fputs(PROG, stdout);
	if (path)
		putchar('-');
	for (const char *s = path; s && *s; s++)
		putchar(*s == ' ' ? '-' : *s);
}

static void man_head(const char *path, const char *summary)
{
	fputs(".TH \"", stdout);
	page_name(path);
	printf("\" 1 \"\" \"%s %s\"\n.SH NAME\n", PROG, CTR_VERSION);
	page_name(path);
	fputs(" \\- ", stdout);
	putchar(tolower((unsigned char)summary[0]));
	roff(summary + 1);
	fputs("\n.SH SYNOPSIS\n\\fB", stdout);
	roff(PROG);
	if (path)
		printf(" %s", path);
	fputs("\\fR ", stdout);
}

static void man_commands(const char *group)
{
	puts(".SH COMMANDS");
	for (const struct command_name *n = commands; n->path; n++) {
		const char *name = command_name_in(n, group);

		if (!name)
			continue;
		printf(".TP\n\\fB%s\\fR\n", name);
		roff(n->cmd ? n->cmd->summary : n->group);
		puts(".");
	}
}

static void man_command(const struct command_name *n)
{
	const struct command *d = n->cmd;

	man_head(n->path, d->summary);
	roff(d->usage);
	puts("\n.SH DESCRIPTION");
	roff(d->description ? d->description : d->summary);
	puts(d->description ? "" : ".");
	man_options(d->opts);
	if (d->examples) {
		puts(".SH EXAMPLES\n.nf");
		for (const char *s = d->examples; *s;) {
			size_t len = strcspn(s, "\n");
			char line[200];

			snprintf(line, sizeof(line), "%s %.*s\n", PROG, (int)len, s);
			roff(line);
			s += len + (s[len] == '\n');
		}
		puts(".fi");
	}
	puts(".SH SEE ALSO\n\\fBctr\\-lite\\fR(1)");
}

static void man_program(void)
{
	man_head(NULL, PROGRAM_SUMMARY);
	puts("[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION");
	roff("Containers of OCI images on one machine.  Commands, options, exit codes and formats "
	     "are those of podman and docker.\n");
	man_options(global_opts);
	man_commands(NULL);
	puts(".SH EXIT STATUS\n.TP\n0\nSuccess.\n.TP\n125\nctr\\-lite itself failed.\n.TP\n126\n"
	     "The container's command cannot be executed.\n.TP\n127\nThe container's command does "
	     "not exist.\n.TP\nother\nThe status of the container's command; 128+n when signal n "
	     "ended it.");
}

/* Without an argument: the names of all pages and the commands they are for. */
static int man_main(struct cmd *c, void *args, struct err *e)
{
	const struct command_name *n;
	const char *path;
	int r;

	(void)args;
	if (!c->n_args) {
		puts(PROG);
		for (n = commands; n->path; n++) {
			if (n->flags & (NAME_HIDDEN | NAME_ALIAS))
				continue;
			page_name(n->path);
			printf("\t%s\n", n->path);
		}
		return 0;
	}
	if (c->n_args == 1 && streq(c->args[0], PROG)) {
		man_program();
		return 0;
	}
	r = topic(c, &path, e);
	if (r < 0)
		return r;
	n = command_find(path);
	if (n->cmd) {
		man_command(n);
	} else {
		man_head(n->path, n->group);
		puts("\\fICOMMAND\\fR");
		man_commands(n->path);
		puts(".SH SEE ALSO\n\\fBctr\\-lite\\fR(1)");
	}
	return 0;
}

const struct command cmd_man = {
	.summary = "Print a manual page",
	.usage = "[COMMAND...]",
	.run = man_main,
	.max_args = ARGS_ANY,
};
