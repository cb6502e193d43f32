/*
 * The frame of every command.  A command file is a struct of arguments, its option table, one
 * function and one `const struct command`; commands.c gives it its names.  main.c parses, checks
 * the arguments, opens the engine where it is needed, calls the function and turns the result
 * into output and exit status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"
#include "opt.h"

#define PROG "ctr-lite"
#define PROGRAM_SUMMARY "Manage containers and images, without a daemon and without root"

struct ctr_engine;

#define EXIT_ENGINE 125		/* we failed, before anything of the user's ran */

/* Options that every command takes, before or after its name. */
struct globals {
	const char *root, *runroot;	/* NULL: the default */
	const char *runtime;		/* name or path of an OCI runtime; NULL: the default */
	const char *cgroup_manager;	/* systemd, cgroupfs, disabled; NULL: what works */
	const char *events_backend;	/* file, journald, none; NULL: file */
	const char *log_level;
	const char *config;		/* directory of docker's config.json */
	struct strv runtime_flags, hooks_dirs;
	const char *storage_driver;
	struct strv storage_opts;
	bool debug, version;
};

extern const struct opt global_opts[];

/* One call of a command. */
struct cmd {
	const struct command *def;
	const char *path;		/* its name as in commands[]: "image ls" */
	struct globals *g;
	struct ctr_engine *eng;		/* open where def->needs has NEED_STORE, else NULL */
	struct opt_parse *opts;		/* for opt_seen() */
	const char **args;		/* arguments that are no options, NULL-terminated */
	size_t n_args;
	int status;			/* worst exit status of the failures reported so far */
	int argc;			/* the whole command line as it was given */
	char **argv;
};

/*
 * The command itself: 0 or an exit status (of the container, say), or a negative errno with @e
 * filled, which is printed as "Error: ..." and gives the status of its kind.  With several
 * objects: call cmd_fail() for each failure, go on, and return c->status.
 */
typedef int (*cmd_fn)(struct cmd *c, void *args, struct err *e);

enum {				/* struct command, needs */
	NEED_STORE = 1,		/* the engine, opened on the store */
};

enum {				/* struct command, flags */
	CMD_STOP_AT_ARG = 1,	/* options end at the first argument: it is somebody's command */
};

#define ARGS_ANY ((size_t)-1)

/* The exit status of one kind of error where it is not 125. */
struct cmd_exit {
	enum err_kind kind;	/* ERR_NONE ends the list */
	int status;
};

struct command {
	const char *summary;		/* one line, without a full stop */
	const char *usage;		/* "[options] CONTAINER [CONTAINER...]" */
	const char *description;	/* sentences for --help and the manual page; NULL: the summary */
	const char *examples;		/* lines without the program's name; NULL: none */
	cmd_fn run;
	const struct opt *opts;
	size_t args_size;		/* of the struct that opts fill */
	const void *defaults;		/* initial value of that struct; NULL: zeros */
	size_t min_args, max_args;
	const char *few_args;		/* message for too few; NULL: podman's usual one */
	unsigned int needs, flags;
	enum opt_complete complete;	/* what its arguments are */
	const struct cmd_exit *exits;
};

enum {				/* struct command_name, flags */
	NAME_HIDDEN = 1,	/* not listed by --help and completion */
	NAME_ALIAS = 2,		/* not listed by --help, the manual is under another name */
};

/* A name and what it stands for.  Words are separated by one blank; a group has no command, and may
 * be in a group. */
struct command_name {
	const char *path;	/* NULL ends the table */
	const struct command *cmd;
	const char *group;	/* summary of the group */
	unsigned int flags;
};

extern const struct command_name commands[];

/* The row of that name, or NULL. */
const struct command_name *command_find(const char *path);
/*
 * Find the command or group that @words begin with: the longest name.  *@ret_used says how many
 * words it took.  NULL when the first word is none.
 */
const struct command_name *command_match(const char *const *words, size_t n, size_t *ret_used);

/* What @word is in @group, or NULL. */
const struct command_name *command_below(const char *group, const char *word);

/* The name of a command inside of @group (NULL: of the program) as lists show it, or NULL if it
 * is none of that group or is not listed. */
const char *command_name_in(const struct command_name *n, const char *group);

/* Report @e as a failure of one of several objects ("Error: ..." on stderr), keep the worst exit
 * status in c->status, and empty @e for the next one. */
void cmd_fail(struct cmd *c, struct err *e);
/* The exit status for an error of @kind in @def (may be NULL). */
int cmd_exit_status(const struct command *def, enum err_kind kind);

/* The whole program but for its frame: the exit status.  Results are in stdout's buffer. */
int cli_run(int argc, char **argv);

/* --help of one command, of a group (@def NULL), of the program (@path NULL). */
void help_print(FILE *f, const char *path);

#endif
