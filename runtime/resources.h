/* linux.resources: what is asked there must be applied or refused. */
#ifndef RUNTIME_RESOURCES_H
#define RUNTIME_RESOURCES_H

#include <jansson.h>

#include "err.h"

/* ERR_UNSUPPORTED, naming controller and member, when @resources asks for a limit. */
int resources_check(const json_t *resources, struct err *e);

#endif
