/* What the values of options can be, for shell completion. */
#ifndef CLI_COMPLETE_VALUES_H
#define CLI_COMPLETE_VALUES_H

#include <stddef.h>

#include "cli.h"

struct value_row {
	const char *command;	/* as in commands[]; "run" is also "container run"; NULL: every command */
	const char *option;
	/*
	 * Words between blanks.  One that ends in "=", ":" or "," is the beginning of a longer one; what
	 * begins with such a word is offered only once that is there.  "@container", "@running",
	 * "@image", "@volume", "@secret" stand for names from the store, alone or behind such a beginning.
	 */
	const char *words;
};

extern const struct value_row value_rows[];	/* ends with a NULL option */

/* The words for an option of a command, or NULL. */
const char *value_words(const struct command_name *name, const char *option);

#endif
