/*
 * Option tables: one row says how an option is spelled, what it stores and what it means, and
 * parsing, --help, shell completion and manual pages all read the same rows.  Parsing follows the
 * rules of pflag, which podman and docker users know: --f v, --f=v, -fv, -f v, -f=v, bundles like
 * -itd, --bool=false, "--" ends options, the last scalar wins, lists append.
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

enum opt_kind {
	OPT_END_,	/* the row that ends a table: { 0 } */
	OPT_FLAG,	/* bool */
	OPT_STRING,	/* const char *, borrowed from argv */
	OPT_LIST,	/* struct strv: each occurrence appends its whole value */
	OPT_CSVLIST,	/* struct strv: each occurrence is split at commas, with CSV quoting */
	OPT_U64,	/* uint64_t */
	OPT_I64,	/* int64_t */
	OPT_SIZE,	/* uint64_t bytes, str_size() */
	OPT_DURATION,	/* int64_t nanoseconds, str_duration() */
	OPT_FLOAT,	/* double */
	OPT_OPTIONAL,	/* const char *; bare "--x" stores .text */
	OPT_ENUM,	/* int, by the names in .choices */
	OPT_CUSTOM,	/* .parse is called for each occurrence, with the member's address */
	OPT_REFUSED,	/* known, but its part does not exist here: refused with the reason in .text.
			 * A metavar says that it takes a value */
	OPT_ALIAS,	/* another spelling of the option named in .text */
	OPT_INCLUDE,	/* no option: the rows of .table stand here, with the same offsets */
};

enum {				/* flags of a row */
	OPT_HIDDEN = 1,		/* works, but is not in --help, completions and manual pages */
	OPT_COMPAT = 2,		/* docker's or podman's no-op: accepted because nothing is lost by it */
	OPT_FIRST = 4,		/* a global option that may only stand before the command */
};

/* What a value or an argument names, for shell completion. */
enum opt_complete {
	COMPLETE_NONE,
	COMPLETE_FILE,
	COMPLETE_DIR,
	COMPLETE_CONTAINER,
	COMPLETE_CONTAINER_RUNNING,
	COMPLETE_CONTAINER_PAUSED,
	COMPLETE_CONTAINER_STOPPED,	/* created or ended */
	COMPLETE_IMAGE,
	COMPLETE_OBJECT,	/* containers, images and volumes */
	COMPLETE_SECRET,
	COMPLETE_VOLUME,
	COMPLETE_COMMAND,	/* our own commands */
	COMPLETE_COUNT_,
};

struct opt_choice {
	const char *name;	/* NULL ends the list */
	int value;
};

struct opt {
	char letter;		/* 0: no short form */
	const char *name;
	const char *metavar;	/* in --help; NULL for flags */
	enum opt_kind kind;
	size_t offset;		/* of the member in the command's struct of arguments */
	const char *help;
	unsigned int flags;
	enum opt_complete complete;
	union {
		const char *text;
		const struct opt_choice *choices;
		const struct opt *table;
		int (*parse)(const char *value, void *dst, struct err *e);
	};
};

#define OPT_SEEN_MAX 256

struct opt_parse {
	/* in */
	const struct opt *table;	/* the command's rows; may be NULL */
	void *dst;
	const struct opt *global;	/* rows that are allowed as well; may be NULL */
	void *global_dst;
	bool stop_at_arg;		/* the first argument that is no option ends the options */
	/* out */
	const char **args;		/* what is no option, in order, NULL-terminated; owned array */
	size_t n_args;
	bool help;			/* --help or, where it means nothing else, -h was met */
	const char *unknown;		/* the argument that was refused as an unknown --option; or NULL */
	const char *seen[OPT_SEEN_MAX];	/* long names of the options that were given */
	size_t n_seen;
};

/* Parse argv[0..argc): 0, or -EINVAL (ERR_INVALID; ERR_UNSUPPORTED for refused options).  The
 * caller calls opt_parse_done() in every case. */
int opt_parse(struct opt_parse *p, size_t argc, char *const *argv, struct err *e);
/* Free what parsing put into the structs (lists) and into @p. */
void opt_parse_done(struct opt_parse *p);
/* Was --@name given (in any spelling)? */
bool opt_seen(const struct opt_parse *p, const char *name);
/* ERR_INVALID naming both, if both --@a and --@b were given. */
int opt_exclusive(const struct opt_parse *p, const char *a, const char *b, struct err *e);

/* Find by long name or by letter, included tables too; NULL when there is none. */
const struct opt *opt_find(const struct opt *table, const char *name, size_t len);
const struct opt *opt_find_letter(const struct opt *table, char letter);
/* Call @fn for each row that is an option, in table order; stops when it returns non-zero. */
int opt_each(const struct opt *table, int (*fn)(const struct opt *o, void *arg), void *arg);
/* The rows that are shown to people, by name, at most @max; returns how many. */
size_t opt_visible(const struct opt *table, const struct opt **ret, size_t max);
/* Does it take a value that may stand in the next argument? */
bool opt_takes_value(const struct opt *o);

/* Yes or no as strconv.ParseBool spells them; -EINVAL. */
int opt_bool(const char *s, bool *ret);

/* One CSV record: fields in @ret, -EINVAL for stray quotes. */
int opt_split_csv(const char *s, struct strv *ret);

#endif
