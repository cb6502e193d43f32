/* Removing what nobody uses: what the prune commands share. */
#ifndef CLI_PRUNE_H
#define CLI_PRUNE_H

#include "cli.h"
#include "filter.h"

struct prune_filters {
	struct filters f;
};
#define PRUNE_FILTERS_INIT { FILTERS_INIT }

/* label=, label!=, until= */
int prune_filters_parse(const struct strv *texts, struct prune_filters *ret, struct err *e);
/* The same and dangling=, which says what is looked at in the place of @all. */
int prune_image_filters_parse(const struct strv *texts, struct prune_filters *ret, struct err *e);
void prune_filters_done(struct prune_filters *f);

/*
 * Each removes what fits and is unused, printing one line for each under @heading (NULL: none),
 * which is printed once and only when there is something; failures are reported (cmd_fail) and the
 * others go on.
 */
int prune_containers(struct cmd *c, const struct prune_filters *f, const char *heading, struct err *e);
int prune_volumes(struct cmd *c, const struct prune_filters *f, const char *heading, struct err *e);
/* What nobody calls by a name, and nothing was made from; @all: also those that have a name.  Without a
 * filter what unfinished pulls have left as well. */
int prune_images(struct cmd *c, bool all, const struct prune_filters *f, const char *heading,
		 struct err *e);

#endif
