/* `volume export` and `volume import`: a volume's content as a tar archive. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "fd.h"
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

/* The file appears when it is whole, unless something else than a file is there already. */
static int export_file(struct cmd *c, const struct ctr_volume *v, const char *name, struct err *e)
{
	auto_free char *tmp = NULL;
	auto_close int fd = FD_NONE;
	struct stat st;
	char hex[17];
	int r;

	if (stat(name, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, errno, "open %s", name)
			      : ctr_volume_export(c->eng, v, fd, NULL, e);
	}
	r = str_random_hex(8, hex);
	tmp = r == 0 ? str_printf("%s.%s.tmp", name, hex) : NULL;
	if (!tmp)
		return err_sys(e, r < 0 ? r : ENOMEM, "create %s", name);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(e, errno, "create %s", name);
	r = ctr_volume_export(c->eng, v, fd, tmp, e);
	if (r == 0 && rename(tmp, name) < 0)
		r = err_sys(e, errno, "create %s", name);
	if (r < 0)
		(void)unlink(tmp); /* a half archive: the failure is what counts */
	return r;
}

static int export_main(struct cmd *c, void *args, struct err *e)
{
	const struct export_args *a = args;
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	int r;

	if (!a->output && isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID, "cannot write to a terminal: use -o FILE, or redirect the "
			       "standard output");
	r = ctr_volume_get(c->eng, c->args[0], &v, e);
	if (r < 0)
		return r;
	return a->output ? export_file(c, &v, a->output, e)
			 : ctr_volume_export(c->eng, &v, STDOUT_FILENO, NULL, e);
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
