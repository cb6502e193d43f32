/* The names of all commands.  Several names may stand for one command. */
#include "commands.h"

#include "cli.h"

/* clang-format off */
const struct command_name commands[] = {
	{ "help",		&cmd_help },
	{ "__man",		&cmd_man,	NULL, NAME_HIDDEN },
	{ NULL },
};
/* clang-format on */

const struct command_name *command_find(const char *path)
{
	for (const struct command_name *n = commands; n->path; n++)
		if (streq(n->path, path))
			return n;
	return NULL;
}

/* "image ls" against the words "image" and "ls" */
static bool path_is(const char *path, const char *group, const char *word)
{
	const char *rest = str_after(path, group);

	return rest && rest[0] == ' ' && streq(rest + 1, word);
}

const struct command_name *command_match(const char *const *words, size_t n, size_t *ret_used)
{
	const struct command_name *first = n ? command_find(words[0]) : NULL;

	if (!first || strchr(words[0], ' '))
		return NULL;
	*ret_used = 1;
	if (first->cmd || n < 2)
		return first;
	for (const struct command_name *c = commands; c->path; c++) {
		if (path_is(c->path, words[0], words[1])) {
			*ret_used = 2;
			return c;
		}
	}
	return first;
}

const char *command_name_in(const struct command_name *n, const char *group)
{
	const char *rest;

	if (n->flags & (NAME_HIDDEN | NAME_ALIAS))
		return NULL;
	if (!group)
		return strchr(n->path, ' ') ? NULL : n->path;
	rest = str_after(n->path, group);
	return rest && *rest == ' ' ? rest + 1 : NULL;
}
