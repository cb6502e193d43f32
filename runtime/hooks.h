/* Hooks: programs that run at given points of the container's life with its state on stdin. */
#ifndef RUNTIME_HOOKS_H
#define RUNTIME_HOOKS_H

#include "oci-config.h"
#include "proc.h"

/*
 * Run all hooks of @kind in order; @state is the state JSON.  The first failure stops, but for
 * poststart and poststop: those only warn, and the others run.
 */
int hooks_run(const struct oci_hooks *h, enum hook_kind kind, const char *state, struct err *e);

/* A process of ours that stays in the namespaces of the runtime, for the hooks that belong there,
 * while we join the container's. */
struct hook_agent {
	struct proc proc;
	int sock; /* FD_NONE: there is none */
};
#define HOOK_AGENT_INIT                            \
	{                                          \
		.proc = PROC_INIT, .sock = -EBADF, \
	}
int hook_agent_start(const struct oci_hooks *h, struct hook_agent *ret, struct err *e);
void hook_agent_done(struct hook_agent *a);
/* hooks_run() by the agent. */
int hook_agent_run(struct hook_agent *a, enum hook_kind kind, const char *state, struct err *e);

#endif
