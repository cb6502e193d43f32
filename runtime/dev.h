/* The container's /dev: nodes and links. */
#ifndef RUNTIME_DEV_H
#define RUNTIME_DEV_H

#include "setup.h"

/* Steps. */
int dev_nodes(struct setup *s, struct err *e);
int dev_links(struct setup *s, struct err *e);

#endif
