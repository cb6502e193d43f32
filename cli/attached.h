/* Being the foreground client of a container: shared by run, start -a and attach. */
#ifndef CLI_ATTACHED_H
#define CLI_ATTACHED_H

#include "cli.h"
#include "ctrlite/client.h"

/*
 * Copy stdio until the container @id ends: its exit code, 0 after detaching, or -errno.  If its
 * monitor dies, the record that the next command would find is made and its exit code returned.
 */
int attached_run(struct cmd *c, const char *id, int sock, const struct ctr_client_opts *o,
		 struct err *e);
/* The detach keys to use: @given, or the default where it is NULL. */
int attached_keys(const char *given, struct ctr_client_opts *o, struct err *e);

#endif
