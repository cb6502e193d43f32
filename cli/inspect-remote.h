/* `inspect LOCATION`: an image where it is (docker://..., oci:..., ...), as skopeo shows it. */
#ifndef CLI_INSPECT_REMOTE_H
#define CLI_INSPECT_REMOTE_H

#include "cli.h"
#include "registry-opts.h"

/* The first member of the arguments of a command that has inspect_remote_opts. */
struct inspect_remote_args {
	struct registry_args registry;
	bool config, no_tags, raw;
};
#define INSPECT_REMOTE_ARGS_DEFAULT { .registry = REGISTRY_ARGS_DEFAULT }

extern const struct opt inspect_remote_opts[];

/*
 * Is it such a location that the command names?  1; 0 where all arguments are names of things here;
 * ERR_INVALID where options and arguments do not go together.
 */
int inspect_is_remote(const struct cmd *c, struct err *e);
/* Show it.  @format: a template, json or NULL; @platform: NULL for the host's. */
int inspect_remote(struct cmd *c, const struct inspect_remote_args *a, const char *format,
		   const char *platform, struct err *e);

#endif
