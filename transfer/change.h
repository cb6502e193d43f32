/*
 * What --change of import and commit says: Dockerfile instructions that change an image's configuration
 * (CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR).
 */
#ifndef TRANSFER_CHANGE_H
#define TRANSFER_CHANGE_H

#include <jansson.h>

#include "err.h"

/* Apply "INSTRUCTION value" (or INSTRUCTION=value) to the "config" object of an image.
 * ERR_INVALID says which change and why. */
int change_apply(json_t *config, const char *change, struct err *e);

#endif
