/* Paths that the container must not see or change. */
#ifndef RUNTIME_MASK_H
#define RUNTIME_MASK_H

#include "setup.h"

/* Steps. */
int mask_paths(struct setup *s, struct err *e);
int mask_readonly(struct setup *s, struct err *e);

#endif
