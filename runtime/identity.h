/* Who the container's process is and what it may do: limits, user, capabilities, filter. */
#ifndef RUNTIME_IDENTITY_H
#define RUNTIME_IDENTITY_H

#include <jansson.h>

#include "setup.h"

#define IDENTITY_KEEP_GROUPS "run.oci.keep_original_groups"
/* Do the annotations ask that the caller's supplementary groups stay? */
bool identity_keeps_groups(const json_t *annotations);

/* Leave away what cannot be granted by a process with the capabilities @grantable, and warn of it
 * and of unknown names: the runtime-spec has no failure for that. */
void identity_limit_caps(struct oci_process *p, uint64_t grantable);

/* Steps, in the order in which they must run. */
int identity_oom_score(struct setup *s, struct err *e);
int identity_keyring(struct setup *s, struct err *e);
int identity_limits(struct setup *s,
		    struct err *e); /* rlimits, I/O priority, scheduler, personality */
int identity_find_program(struct setup *s, struct err *e);
int identity_bound(struct setup *s, struct err *e);
int identity_no_new_privs(struct setup *s, struct err *e);
int identity_user(struct setup *s, struct err *e);
int identity_cwd(struct setup *s, struct err *e);
int identity_pdeathsig(struct setup *s, struct err *e);
int identity_hide(struct setup *s, struct err *e);
int identity_filter_early(struct setup *s, struct err *e);
int identity_caps(struct setup *s, struct err *e);
int identity_filter_late(struct setup *s, struct err *e);
int identity_exec(struct setup *s, struct err *e);

#endif
