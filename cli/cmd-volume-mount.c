/* `volume mount`, `volume unmount` and `volume reload`: what is left of them where volumes are
 * directories and there are no plugins. */
#include <errno.h>

#include "commands.h"
#include "fd.h"
#include "volumes.h"

static int each(struct cmd *c, bool mount, struct err *e)
{
	for (size_t i = 0; i < c->n_args; i++) {
		auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
		int r = ctr_volume_get(c->eng, c->args[i], &v, e);

		if (r == 0 && v.kind != CTR_VOLUME_DIR)
			r = err_set(e, ERR_UNSUPPORTED, "volume %s is mounted in containers only: it is a %s",
				    v.name, v.kind == CTR_VOLUME_TMPFS ? "tmpfs" : "bind mount");
		if (r < 0) {
			cmd_fail(c, e);
			continue;
		}
		auto_free char *path = ctr_volume_mountpoint(c->eng, &v);

		printf("%s\n", mount && path ? path : c->args[i]);
	}
	return c->status;
}

static int mount_main(struct cmd *c, void *args, struct err *e)
{
	(void)args;
	return each(c, true, e);
}

static int unmount_main(struct cmd *c, void *args, struct err *e)
{
	(void)args;
	return each(c, false, e);
}

static int reload_main(struct cmd *c, void *args, struct err *e)
{
	(void)c;
	(void)args;
	(void)e;
	return 0; /* podman lists what plugins have added and removed: there are none */
}

const struct command cmd_volume_mount = {
	.summary = "Print where the content of volumes is",
	.usage = "VOLUME [VOLUME...]",
	.description = "A volume is a directory of the host: nothing needs to be mounted, and its path is\n"
		       "printed.  Files of other ids than your own are reached by ctr-lite unshare.",
	.examples = "volume mount data",
	.run = mount_main, .min_args = 1, .max_args = ARGS_ANY, .needs = NEED_STORE,
	.complete = COMPLETE_VOLUME,
};

const struct command cmd_volume_unmount = {
	.summary = "The end of volume mount: nothing to do",
	.usage = "VOLUME [VOLUME...]",
	.description = "As volume mount mounts nothing this only says whether there is such a volume.",
	.examples = "volume unmount data",
	.run = unmount_main, .min_args = 1, .max_args = ARGS_ANY, .needs = NEED_STORE,
	.complete = COMPLETE_VOLUME,
};

const struct command cmd_volume_reload = {
	.summary = "Reload the volumes of volume plugins",
	.usage = "",
	.description = "There are no volume plugins, so there is nothing to reload.",
	.examples = "volume reload",
	.run = reload_main, .needs = NEED_STORE,
};
