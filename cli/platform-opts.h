/* --platform, or --os, --arch and --variant. */
#ifndef CLI_PLATFORM_OPTS_H
#define CLI_PLATFORM_OPTS_H

#include "cli.h"

/* The platform asked for, "os/arch[/variant]": fresh, or left alone where none was.  Each argument
 * may be NULL; the parts that are missing are this machine's.  ERR_INVALID where --platform was given
 * beside a part. */
int platform_choose(const struct cmd *c, const char *platform, const char *os, const char *arch,
		    const char *variant, char **ret, struct err *e);

#endif
