/* What --help says, made from the tables of commands and options. */
#include "cli.h"


static size_t left_width(const struct opt *o)
{
	return strlen(o->name) + (o->metavar ? 1 + strlen(o->metavar) : 0);
}

static void print_options(FILE *f, const struct opt *table)
{
	const struct opt *rows[OPT_SEEN_MAX];
	size_t n = opt_visible(table, rows, OPT_SEEN_MAX), width = 0;

	if (!n)
		return;
	for (size_t i = 0; i < n; i++)
		if (left_width(rows[i]) > width)
			width = left_width(rows[i]);
	fputs("\nOptions:\n", f);
	for (size_t i = 0; i < n; i++) {
		const struct opt *o = rows[i];

		if (o->letter)
			fprintf(f, "  -%c, --", o->letter);
		else
			fputs("      --", f);
		fprintf(f, "%s%s%s%*s   %s\n", o->name, o->metavar ? " " : "",
			o->metavar ? o->metavar : "", (int)(width - left_width(o)), "", o->help);
	}
}

/* Each line of @text with two blanks before it. */
static void print_indented(FILE *f, const char *text, const char *prefix)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		fprintf(f, "  %s%.*s\n", n ? prefix : "", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void print_commands(FILE *f, const char *group)
{
	fputs("\nAvailable Commands:\n", f);
	for (const struct command_name *n = commands; n->path; n++)
		if (command_name_in(n, group))
			fprintf(f, "  %-11s %s\n", command_name_in(n, group),
				n->cmd ? n->cmd->summary : n->group);
}

static void help_command(FILE *f, const struct command_name *n)
{
	const struct command *d = n->cmd;

	fprintf(f, "%s\n\nDescription:\n", d->summary);
	print_indented(f, d->description ? d->description : d->summary, "");
	fprintf(f, "\nUsage:\n  %s %s%s%s\n", PROG, n->path, *d->usage ? " " : "", d->usage);
	if (d->examples) {
		fputs("\nExamples:\n", f);
		print_indented(f, d->examples, PROG " ");
	}
	print_options(f, d->opts);
}

void help_print(FILE *f, const char *path)
{
	const struct command_name *n = path ? command_find(path) : NULL;

	if (n && n->cmd) {
		help_command(f, n);
	} else if (n) {
		fprintf(f, "%s\n\nDescription:\n  %s\n\nUsage:\n  %s %s [command]\n", n->group,
			n->group, PROG, n->path);
		print_commands(f, n->path);
		fputc('\n', f);
	} else {
		fprintf(f, "%s\n\nUsage:\n  %s [options] [command]\n", PROGRAM_SUMMARY, PROG);
		print_commands(f, NULL);
		print_options(f, global_opts);
	}
}
