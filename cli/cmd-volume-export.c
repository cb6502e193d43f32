/* `volume export` and `volume import`: a volume's content as a tar archive. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "commands.h"
#include "fd.h"
#include "out-file.h"
#include "volumes.h"

struct export_args {
	const char *output;
};

#define ARG(m) offsetof(struct export_args, m)
/* clang-format off */
static const struct opt export_opts[] = {
	{ 'o', "output", "FILE", OPT_STRING, ARG(output), "Write to this file (default: the standard output, which must not be a terminal)", 0, COMPLETE_FILE },
	{ 0 },
};
/* clang-format on */

struct work {
	struct cmd *c;
	const struct ctr_volume *v;
};

static int export_to(void *arg, int fd, const char *tmp, struct err *e)
{
	const struct work *w = arg;

	return ctr_volume_export(w->c->eng, w->v, fd, tmp, e);
}

static int export_main(struct cmd *c, void *args, struct err *e)
{
	const struct export_args *a = args;
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	struct work w = { c, &v };
	int r;

	if (!a->output && isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID, "cannot write to a terminal: use -o FILE, or redirect the "
			       "standard output");
	r = ctr_volume_get(c->eng, c->args[0], &v, e);
	if (r < 0)
		return r;
	return a->output ? out_file_write(a->output, export_to, &w, e)
			 : export_to(&w, STDOUT_FILENO, NULL, e);
}

static int import_main(struct cmd *c, void *args, struct err *e)
{
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	auto_close int fd = FD_NONE;
	int r = ctr_volume_get(c->eng, c->args[0], &v, e);

	(void)args;
	if (r < 0)
		return r;
	if (!streq(c->args[1], "-")) {
		fd = open(c->args[1], O_RDONLY | O_NOCTTY | O_CLOEXEC);
		/* the standard input is what is unpacked, and stays open across exec */
		if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
			return err_sys(e, errno, "open %s", c->args[1]);
	} else if (isatty(STDIN_FILENO)) {
		return err_set(e, ERR_INVALID, "cannot read an archive from a terminal: redirect the "
			       "standard input");
	}
	return ctr_volume_import(c->eng, &v, e);
}

const struct command cmd_volume_export = {
	.summary = "Export volume to a tar archive",
	.usage = "[options] VOLUME",
	.description = "Writes all that is in a volume as one tar archive.",
	.examples = "volume export -o data.tar data\nvolume export data | gzip >data.tar.gz",
	.run = export_main, .opts = export_opts, .args_size = sizeof(struct export_args), .min_args = 1,
	.max_args = 1, .needs = NEED_STORE, .complete = COMPLETE_VOLUME,
};

const struct command cmd_volume_import = {
	.summary = "Import a tar archive into a volume",
	.usage = "VOLUME [FILE|-]",
	.description = "Unpacks an archive, also a compressed one, into a volume that exists; - is the standard\n"
		       "input.  Files that are in the volume already are replaced.",
	.examples = "volume import data data.tar\nvolume export data | ctr-lite volume import copy -",
	.run = import_main, .min_args = 2, .max_args = 2, .needs = NEED_STORE, .complete = COMPLETE_VOLUME,
};
