/* Which containers a command acts on: names, --all, --latest, --cidfile, --ignore. */
#ifndef CLI_TARGETS_H
#define CLI_TARGETS_H

#include "cli.h"
#include "ctrlite/container.h"

struct target_args {
	bool all, latest, ignore;
	struct strv cidfiles;
	struct strv filters;	/* of ps */
};

struct target {
	char id[65];
	const char *shown;	/* what the command prints for it: as typed, or the full id */
};

struct targets {
	struct target *items;
	size_t n;
	char **owned;
	size_t n_owned;
};
#define TARGETS_INIT { 0 }
void targets_done(struct targets *t);
#define auto_targets __attribute__((cleanup(targets_done)))

/* For commands that start what exists: a program that cannot be run is a failure as any other. */
extern const struct cmd_exit start_exits[];

enum targets_flags {
	TARGETS_RUNNING = 1,	/* --all means the running ones */
	TARGETS_ALL_FILTER = 4,	/* --all may stand beside --filter, and says nothing then */
	TARGETS_ATOMIC = 2,	/* one unknown name: nothing is done to any */
};

/*
 * Collect them.  An unknown name is an error unless @a->ignore; without TARGETS_ATOMIC it is
 * reported at once (cmd_fail) and the others go on.  Nothing to act on at all is ERR_INVALID.
 */
int targets_find(struct cmd *c, const struct target_args *a, unsigned int flags, struct targets *ret,
		 struct err *e);
/* The IDs of the containers that all of the filters of ps choose (cmd-ps.c). */
int ps_choose(struct cmd *c, const struct strv *filters, struct strv *ret, struct err *e);
/*
 * Do @one to each and print what stands for it; one that fails is reported and the others go on.
 * A positive answer: that one was not meant, nothing is printed.  Returns the command's status.
 */
int targets_each(struct cmd *c, const struct targets *t,
		 int (*one)(struct cmd *c, const char *id, void *arg, struct err *e), void *arg,
		 struct err *e);
/* One container: the only argument or --latest. */
int target_one(struct cmd *c, bool latest, const char *cidfile, char ret_id[65], size_t *ret_used,
	       struct err *e);

#endif
