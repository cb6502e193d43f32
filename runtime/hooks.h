/* Hooks: programs that run at given points of the container's life with its state on stdin. */
#ifndef RUNTIME_HOOKS_H
#define RUNTIME_HOOKS_H

#include "oci-config.h"

/* Run all hooks of @kind in order; the first failure stops.  @state: the state JSON. */
int hooks_run(const struct oci_hooks *h, enum hook_kind kind, const char *state, struct err *e);

#endif
