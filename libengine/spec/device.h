/* Devices: --device host[:container][:rwm]. */
#ifndef SPEC_DEVICE_H
#define SPEC_DEVICE_H

#include "err.h"

struct spec_device {
	char *source;		/* absolute, clean; owned */
	char *dest;		/* absolute, clean; owned */
	char access[4];		/* of "rwm", each once, in this order */
};
#define SPEC_DEVICE_INIT { 0 }
void spec_device_done(struct spec_device *d);

/* Parse one value; nothing is looked at on disk (a directory of devices is the caller's to walk).
 * Without a second path the container sees the host's.  CDI names (vendor/class=name) are
 * ERR_UNSUPPORTED. */
int spec_device_parse(const char *value, struct spec_device *ret, struct err *e);

/* "rw" and the like: only r, w, m, each at most once, not empty; in their order into @out.
 * -EINVAL. */
int spec_device_access(const char *s, char out[4]);

#endif
