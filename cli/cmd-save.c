/* `save`: images into archives and directories. */
#include "commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <ctrlite/event.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "fd.h"
#include "signature-opts.h"
#include "transfer-args.h"

struct save_args {
	bool compress, multi, quiet, uncompressed;
	const char *format, *output;
};

#define ARG(m) offsetof(struct save_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0, "compress", NULL, OPT_FLAG, ARG(compress), "Compress layers that are not (only for docker-dir)" },
	{ 0, "format", "FORMAT", OPT_STRING, ARG(format), "docker-archive, oci-archive, docker-dir or oci-dir (default docker-archive)" },
	{ 'm', "multi-image-archive", NULL, OPT_FLAG, ARG(multi), "Take all arguments for images, not for more tags of the first (only for docker-archive)" },
	{ 'o', "output", "FILE", OPT_STRING, ARG(output), "Write to this file or directory (default: the standard output, which must not be a terminal)", 0, COMPLETE_FILE },
	{ 0, "platform", "PLATFORM", OPT_REFUSED, .text = "name the image of that platform" },
	{ 'q', "quiet", NULL, OPT_FLAG, ARG(quiet), "Suppress progress" },
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ 0, "uncompressed", NULL, OPT_FLAG, ARG(uncompressed), "Leave layers that are not compressed as they are (oci-archive and oci-dir)" },
	{ 0 },
};
/* clang-format on */
static const struct save_args defaults = { .format = "docker-archive" };

static int check(const struct cmd *c, const struct save_args *a, struct err *e)
{
	static const char *const formats[] = { "docker-archive", "oci-archive", "oci-dir", "docker-dir" };
	bool known = false;

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		known |= streq(a->format, formats[i]);
	if (!known)
		return err_set(e, ERR_INVALID, "format value must be one of oci-dir oci-archive docker-dir "
			       "docker-archive");
	if (a->compress && !streq(a->format, "docker-dir"))
		return err_set(e, ERR_INVALID, "--compress can only be set when --format is 'docker-dir'");
	if (a->uncompressed && !str_starts(a->format, "oci-"))
		return err_set(e, ERR_INVALID, "--uncompressed can only be set when --format is 'oci-dir' or "
			       "'oci-archive'");
	if (a->multi && !streq(a->format, "docker-archive"))
		return err_set(e, ERR_INVALID, "unsupported format \"%s\" for saving multiple images (only "
			       "docker-archive)", a->format);
	if (c->n_args > 1 && !streq(a->format, "docker-archive"))
		return err_set(e, ERR_INVALID, "%s holds one name: more tags are for docker-archive", a->format);
	if (!a->output && str_ends(a->format, "-dir"))
		return err_set(e, ERR_INVALID, "--format %s makes a directory: name it with --output", a->format);
	if (!a->output && isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID, "refusing to save to terminal. Use -o flag or redirect");
	return 0;
}

static int add_args(const struct cmd *c, const struct save_args *a, struct strv *v)
{
	int r = strv_add(v, "save");

	if (r >= 0)
		r = transfer_args_value(v, "format", a->format);
	if (r >= 0 && a->output)
		r = transfer_args_value(v, "output", a->output);
	else if (r >= 0)
		r = strv_addf(v, "--fd=%d", TRANSFER_FD_FIRST);
	if (r >= 0 && a->multi)
		r = strv_add(v, "--multi");
	if (r >= 0 && a->compress)
		r = strv_add(v, "--compress");
	if (r >= 0 && a->uncompressed)
		r = strv_add(v, "--uncompressed");
	return r < 0 ? r : transfer_args_operands(v, (const char *const *)c->args);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct save_args *a = args;
	const struct ctr_transfer t = {
		.root = c->eng->store.root, .run = c->eng->store.run, .quiet = a->quiet,
		.fds = { STDOUT_FILENO }, .n_fds = a->output ? 0 : 1,
	};
	auto_strv struct strv v = STRV_INIT;
	auto_free char *out = NULL;
	char *save = NULL;
	int r = check(c, a, e);

	if (r < 0)
		return r;
	r = add_args(c, a, &v);
	if (r < 0)
		return err_sys(e, r, "save %s", c->args[0]);
	r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &out, e);
	for (char *l = r < 0 ? NULL : strtok_r(out, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *name = strchr(l, ' ');

		if (name)
			*name++ = '\0';
		ctr_image_event(c->eng, "save", l, name);
	}
	return r;
}

const struct command cmd_save = {
	.summary = "Save images to an archive or a directory",
	.usage = "[options] IMAGE [IMAGE|TAG...]",
	.description =
		"Writes an image, and under more names what follows it, to a docker-archive; with -m each "
		"argument is an image.  Such an archive is what docker load, podman load and skopeo read.\n"
		"oci-archive and oci-dir are an image layout, docker-dir a directory of blobs: they hold "
		"one image, with the digests that it has here.\n"
		"A file that is there already is replaced when the new one is whole.",
	.examples = "save -o alpine.tar alpine\nsave web | gzip >web.tar.gz\nsave -m -o all.tar alpine debian\n"
		    "save --format oci-archive -o alpine.oci alpine\nsave --format oci-dir -o alpine-dir alpine",
	.run = run, .opts = opts, .args_size = sizeof(struct save_args), .defaults = &defaults,
	.min_args = 1, .max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};
