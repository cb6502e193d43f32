/* What --help says, made from the tables of commands and options. */
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

/* Colours only where a person reads them, and does not forbid it (no-color.org). */
static bool wants_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(f)) && !(no && *no) && term && *term && !streq(term, "dumb");
}

static void heading(FILE *f, const char *text)
{
	bool colour = wants_colour(f);

	fprintf(f, "\n%s%s:%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

/* The name of a command or an option at the beginning of its line. */
static const char *strong(FILE *f, bool on)
{
	return !wants_colour(f) ? "" : on ? "\033[36m" : "\033[0m";
}

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
	heading(f, "Options");
	for (size_t i = 0; i < n; i++) {
		const struct opt *o = rows[i];

		if (o->letter)
			fprintf(f, "  %s-%c, --", strong(f, true), o->letter);
		else
			fprintf(f, "      %s--", strong(f, true));
		fprintf(f, "%s%s%s%s%*s   %s\n", o->name, strong(f, false), o->metavar ? " " : "",
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
	heading(f, "Available Commands");
	for (const struct command_name *n = commands; n->path; n++)
		if (command_name_in(n, group))
			fprintf(f, "  %s%-11s%s %s\n", strong(f, true), command_name_in(n, group), strong(f, false),
				n->cmd ? n->cmd->summary : n->group);
}

static void help_command(FILE *f, const struct command_name *n)
{
	const struct command *d = n->cmd;

	fprintf(f, "%s\n", d->summary);
	heading(f, "Description");
	print_indented(f, d->description ? d->description : d->summary, "");
	heading(f, "Usage");
	fprintf(f, "  %s %s%s%s\n", PROG, n->path, *d->usage ? " " : "", d->usage);
	if (d->examples) {
		heading(f, "Examples");
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
		fprintf(f, "%s\n", n->group);
		heading(f, "Description");
		fprintf(f, "  %s\n", n->group);
		heading(f, "Usage");
		fprintf(f, "  %s %s [command]\n", PROG, n->path);
		print_commands(f, n->path);
		fputc('\n', f);
	} else {
		fprintf(f, "%s\n", PROGRAM_SUMMARY);
		heading(f, "Usage");
		fprintf(f, "  %s [options] [command]\n", PROG);
		print_commands(f, NULL);
		print_options(f, global_opts);
	}
}
