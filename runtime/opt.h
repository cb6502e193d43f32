/* Command line options of the runtime by table: one row serves parsing and --help. */
#ifndef RUNTIME_OPT_H
#define RUNTIME_OPT_H

#include <stddef.h>

#include "err.h"

enum opt_kind {
	OPT_FLAG,   /* bool; --x or --x=true|false */
	OPT_STRING, /* const char *, borrowed from argv */
	OPT_NUMBER, /* uint32_t */
	OPT_LIST,   /* struct strv: every use appends */
};

struct opt {
	char letter;	  /* 0: none */
	const char *name; /* NULL ends the table */
	const char *arg;  /* what --help calls the value; NULL for flags */
	enum opt_kind kind;
	size_t offset;
	const char *help;
};

/*
 * Parse options from argv[1] on into the struct at @dst; they end at the first other argument or
 * behind "--".  Returns the index of the first argument, or -EINVAL (ERR_INVALID).
 */
int opt_parse(const struct opt *opts, void *dst, int argc, char **argv, struct err *e);
/* The lines of --help for the table, on stdout. */
void opt_print(const struct opt *opts);

#endif
