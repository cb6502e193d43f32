/* The tables of commands: what help, completion and manual pages rely on, for every row. */
#include "cli.h"
#include "test.h"

TEST(every_name_is_unique_and_in_its_group)
{
	for (const struct command_name *n = commands; n->path; n++) {
		char group[64];
		const char *blank = strchr(n->path, ' ');

		CHECK_MSG(command_find(n->path) == n, "%s stands twice", n->path);
		CHECK_MSG((n->cmd != NULL) != (n->group != NULL), "%s is neither or both", n->path);
		if (!blank)
			continue;
		snprintf(group, sizeof(group), "%.*s", (int)(blank - n->path), n->path);
		CHECK_MSG(command_find(group) && !command_find(group)->cmd, "%s has no group",
			  n->path);
	}
}

TEST(every_command_says_what_it_does)
{
	for (const struct command_name *n = commands; n->path; n++) {
		const struct command *d = n->cmd;

		if (!d)
			continue;
		CHECK_MSG(d->run && d->summary && *d->summary && d->usage, "%s is incomplete",
			  n->path);
		CHECK_MSG(d->summary[strlen(d->summary) - 1] != '.', "%s: summary ends in a stop",
			  n->path);
		CHECK_MSG(d->max_args >= d->min_args, "%s takes fewer than it needs", n->path);
		CHECK_MSG(!d->opts || str_starts(d->usage, "[options]"),
			  "%s: usage hides its options", n->path);
	}
}

struct seen {
	const struct command_name *command;
	const char *names[256];
	size_t n;
	char letters[64];
	size_t n_letters;
};

static int check_row(const struct opt *o, void *arg)
{
	struct seen *s = arg;
	const char *cmd = s->command->path;

	CHECK_MSG(o->name && *o->name, "%s has an option without a name", cmd);
	for (size_t i = 0; i < s->n; i++)
		CHECK_MSG(!streq(s->names[i], o->name), "%s has --%s twice", cmd, o->name);
	s->names[s->n++] = o->name;
	if (o->letter)
		CHECK_MSG(!memchr(s->letters, o->letter, s->n_letters), "%s has -%c twice", cmd,
			  o->letter);
	if (o->letter)
		s->letters[s->n_letters++] = o->letter;
	if (o->kind == OPT_REFUSED || o->kind == OPT_ALIAS)
		CHECK_MSG(o->text && *o->text, "%s --%s says nothing", cmd, o->name);
	else
		CHECK_MSG((o->flags & OPT_HIDDEN) || (o->help && *o->help), "%s --%s has no help",
			  cmd, o->name);
	if (o->kind == OPT_ALIAS)
		CHECK_MSG(opt_find(s->command->cmd->opts, o->text, strlen(o->text)) != NULL,
			  "%s --%s stands for nothing", cmd, o->name);
	if (o->kind != OPT_REFUSED && o->kind != OPT_ALIAS)
		CHECK_MSG((o->metavar != NULL) == (opt_takes_value(o) || o->kind == OPT_OPTIONAL),
			  "%s --%s: metavar", cmd, o->name);
	if (o->kind != OPT_REFUSED && o->kind != OPT_ALIAS)
		CHECK_MSG(o->offset < s->command->cmd->args_size, "%s --%s is stored outside", cmd,
			  o->name);
	return 0;
}

TEST(every_option_is_complete_and_unique)
{
	for (const struct command_name *n = commands; n->path; n++) {
		struct seen s = { .command = n };

		if (n->cmd)
			opt_each(n->cmd->opts, check_row, &s);
	}
}

TEST(help_and_manual_can_be_made_of_everything)
{
	for (const struct command_name *n = commands; n->path; n++) {
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		help_print(f, n->path);
		fclose(f);
		CHECK_CONTAINS(text, "Usage:\n  ctr-lite ");
		CHECK_CONTAINS(text, n->path);
		free(text);
	}
}

TEST(words_are_matched_longest_first)
{
	static const char *const words[] = { "image", "ls", "x" };
	size_t used = 0;

	CHECK_STR(command_match(words, 3, &used)->path, "image ls");
	CHECK_INT(used, 2);
	CHECK_STR(command_match(words, 1, &used)->path, "image");
	CHECK_STR(command_match((const char *const[]){ "images", "ls" }, 2, &used)->path, "images");
	CHECK_INT(used, 1);
	CHECK(!command_match((const char *const[]){ "image ls" }, 1, &used));
	CHECK(!command_match((const char *const[]){ "nope" }, 1, &used));
	/* an unknown word of a group is the group's to complain about */
	CHECK_STR(command_match((const char *const[]){ "image", "nope" }, 2, &used)->path, "image");
	CHECK_INT(used, 1);
}

TEST(kinds_of_errors_have_their_status)
{
	CHECK_INT(cmd_exit_status(NULL, ERR_NOT_FOUND), 125);
	CHECK_INT(cmd_exit_status(NULL, ERR_CMD_NOT_FOUND), 127);
	CHECK_INT(cmd_exit_status(NULL, ERR_CMD_NOT_EXEC), 126);
	CHECK_INT(cmd_exit_status(command_find("rm")->cmd, ERR_NOT_FOUND), 1);
	CHECK_INT(cmd_exit_status(command_find("rm")->cmd, ERR_BUSY), 2);
	CHECK_INT(cmd_exit_status(command_find("rm")->cmd, ERR_OS), 125);
}
