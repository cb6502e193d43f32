/* Device rules: --device-cgroup-rule "TYPE MAJOR:MINOR ACCESS". */
#ifndef SPEC_DEVICE_RULE_H
#define SPEC_DEVICE_RULE_H

#include <stdint.h>

#include "err.h"

struct spec_device_rule {
	char type;		/* a, b, c */
	int64_t major, minor;	/* -1: all */
	char access[4];
};

/* ERR_INVALID with podman's words for what is none. */
int spec_device_rule_parse(const char *text, struct spec_device_rule *ret, struct err *e);

#endif
