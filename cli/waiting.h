/* The conditions of wait. */
#ifndef CLI_WAITING_H
#define CLI_WAITING_H

#include "cli.h"
#include "ctrlite/container.h"

struct wait_conditions {
	unsigned int states;	/* bits of waiting.c */
};

/* podman's words; none given: stopped. */
int wait_conditions(const struct strv *words, struct wait_conditions *ret, struct err *e);
/* Only the end of the container is waited for. */
bool wait_is_end(const struct wait_conditions *w);
int wait_matches(struct cmd *c, const char *id, const struct ctr_status *st,
		 const struct wait_conditions *w, bool *ret, struct err *e);

#endif
