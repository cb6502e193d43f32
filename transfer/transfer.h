/*
 * What the commands of ctr-lite-transfer share.  The program does the work that needs the heavy
 * libraries (network, digests, archives), so that the command line program maps none of them.
 *
 *	ctr-lite-transfer [--root DIR] [--runroot DIR] [--err-fd N] [--log-level L] [--quiet]
 *			  [--signature-policy FILE] COMMAND
 *
 * The result goes to stdout, progress to stderr.  A failure is sent as a struct err on the
 * descriptor N, without which it is one line on stderr; the exit status is then 125.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include "engine-conf.h"
#include "err.h"
#include "storage-conf.h"
#include "store.h"
#include "userns.h"

struct transfer {
	struct store store;	/* open for commands that need it */
	struct idmap map;	/* the default id map, for commands that need it */
	const struct idmap *idmap;	/* &map, or NULL: ids as they are (root) */
	bool quiet;		/* no progress */
	struct engine_conf conf;	/* containers.conf */
	struct storage_conf storage_conf;
};

/* Commands: argv[0] is the command's name.  Zero, or a negative errno with @e filled. */
int transfer_cmd_copy(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_pull(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_import(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_manifest(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_load(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_save(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_unpack(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_check(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_shift(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_commit(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_untar(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_inspect(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_login(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_logout(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_search(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_list_tags(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_sign(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_trust_show(struct transfer *t, int argc, char **argv, struct err *e);
int transfer_cmd_idmap(struct transfer *t, int argc, char **argv, struct err *e);

/*
 * SIGINT, SIGTERM and SIGHUP interrupt system calls and are remembered: a command that sees -EINTR
 * or comes round its loop asks here, and unwinds when the answer is negative (-EINTR, @e filled).
 * The program then ends by that signal.
 */
int transfer_interrupted(struct err *e);

/*
 * Long options of a command, "--name value", "--name=value" or a short letter; positional
 * arguments may stand between them and "--" ends them.
 */
struct transfer_opt {
	const char *name;	/* without the dashes; NULL ends the table */
	char letter;		/* 0: none */
	bool has_value;
	/* Called for each occurrence; @value is NULL for flags.  0 or a negative errno with @e. */
	int (*set)(void *arg, const char *value, struct err *e);
	size_t offset;		/* added to what the command gave as @arg */
};
/* Parses argv[1..]; positional arguments move to the front of @argv (argv[1..*ret_n]). */
int transfer_getopt(int argc, char **argv, const struct transfer_opt *opts, void *arg, int *ret_n,
		    struct err *e);

#endif
