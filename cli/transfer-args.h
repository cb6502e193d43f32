/* The arguments of a ctr-lite-transfer command, and running it. */
#ifndef CLI_TRANSFER_ARGS_H
#define CLI_TRANSFER_ARGS_H

#include "cli.h"

/* --OPTION=VALUE, where @value is not NULL. */
int transfer_args_value(struct strv *v, const char *option, const char *value);
/* "--" and the operands (NULL-terminated; the first NULL ends them): the user's words, which cannot
 * be taken for options. */
int transfer_args_operands(struct strv *v, const char *const *operands);
/* Run it on the command's store; @creds and @ret as of ctr_transfer_run(). */
int transfer_args_run(struct cmd *c, const struct strv *v, bool quiet, const char *creds, char **ret,
		      struct err *e);

#endif
