/* SELinux labels of a container: the policy's defaults and --security-opt label=. */
#ifndef SPEC_SELINUX_H
#define SPEC_SELINUX_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "str.h"

struct spec_selinux {
	char *process, *mount;	/* owned; NULL: none is to be set */
};
#define SPEC_SELINUX_INIT { 0 }
void spec_selinux_done(struct spec_selinux *s);

/* Is there a policy on this host? */
bool spec_selinux_enabled(void);

/*
 * The labels of the container @id as @options have them: disable (none), user:, role:, type:, level:,
 * filetype:.  What is left open is the policy's (lxc_contexts), with categories of the container's
 * own.  ERR_INVALID, ERR_UNSUPPORTED (nested), ERR_NOT_FOUND without the policy's file.
 */
int spec_selinux_labels(const struct strv *options, const char *id, struct spec_selinux *ret,
			struct err *e);
/* The same with the text of lxc_contexts, for tests. */
int spec_selinux_labels_text(const char *contexts, const struct strv *options, const char *id,
			     struct spec_selinux *ret, struct err *e);

#endif
