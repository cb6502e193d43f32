/* `load`: the images of an archive. */
#include "commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <ctrlite/event.h>

#include "cli.h"
#include "fd.h"
#include "signature-opts.h"
#include "transfer-args.h"

struct load_args {
	bool quiet;
	const char *input;
};

#define ARG(m) offsetof(struct load_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'i', "input", "FILE", OPT_STRING, ARG(input), "Read from this archive, directory or URL (default: the standard input)", 0, COMPLETE_FILE },
	{ 0, "platform", "PLATFORM", OPT_REFUSED, .text = "every image of the archive is loaded" },
	{ 'q', "quiet", NULL, OPT_FLAG, ARG(quiet), "Suppress progress" },
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ 0 },
};
/* clang-format on */

/* "ID NAME", or "ID" for one without a name. */
static void tell(struct cmd *c, char *line)
{
	char *name = strchr(line, ' ');

	if (name)
		*name++ = '\0';
	ctr_image_event(c->eng, "loadfromarchive", line, name);
	if (name)
		printf("Loaded image: %s\n", name);
	else
		printf("Loaded image: sha256:%s\n", line);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct load_args *a = args;
	auto_strv struct strv v = STRV_INIT;
	auto_free char *out = NULL;
	char *save = NULL;
	int r = strv_add(&v, "load");

	if (!a->input && isatty(STDIN_FILENO))
		return err_set(e, ERR_INVALID, "cannot read from terminal, use command-line redirection or the "
			       "--input flag");
	if (r >= 0)
		r = transfer_args_operands(&v, (const char *const[]){ a->input ? a->input : "-", NULL });
	if (r < 0)
		return err_sys(e, r, "load");
	r = transfer_args_run(c, &v, a->quiet, NULL, &out, e);
	for (char *l = r < 0 ? NULL : strtok_r(out, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		tell(c, l);
	return r;
}

const struct command cmd_load = {
	.summary = "Load images from an archive",
	.usage = "[options]",
	.description =
		"Brings in all images of an archive that save, docker save, skopeo or another tool made: a "
		"docker-archive or an oci-archive, which may be compressed by gzip, bzip2, xz or zstd; or "
		"the images of a directory (an image layout, or what save --format docker-dir makes).\n"
		"Images get the names that the archive has for them, short ones under localhost/.",
	.examples = "load -i alpine.tar\ndocker save web | ctr-lite load\nload -q <images.tar.zst",
	.run = run, .opts = opts, .args_size = sizeof(struct load_args), .needs = NEED_STORE,
};
