/* `import`: an image of a root file system's tar archive. */
#include <errno.h>

#include <ctrlite/event.h>
#include <ctrlite/image.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "signature-opts.h"
#include "transfer-args.h"

struct import_args {
	bool quiet;
	const char *message, *arch, *os, *variant;
	struct strv changes;
};

#define ARG(m) offsetof(struct import_args, m)
/* clang-format off */
static const struct opt import_opts[] = {
	{ 0,   "arch",     "ARCH",        OPT_STRING, ARG(arch),    "Set the architecture of the image (default: this machine's)" },
	{ 'c', "change",   "INSTRUCTION", OPT_LIST,   ARG(changes), "Apply a Containerfile instruction to the image: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR" },
	{ 'm', "message",  "TEXT",        OPT_STRING, ARG(message), "Set the commit message of the image" },
	{ 0,   "os",       "OS",          OPT_STRING, ARG(os),      "Set the OS of the image (default: linux)" },
	{ 0,   "platform", "PLATFORM",    OPT_REFUSED, .text = "give --os, --arch and --variant" },
	{ 'q', "quiet",    NULL,          OPT_FLAG,   ARG(quiet),   "Suppress progress" },
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ 0,   "variant",  "VARIANT",     OPT_STRING, ARG(variant), "Set the variant of the image's architecture" },
	{ 0 },
};
/* clang-format on */

static int import_main(struct cmd *c, void *args, struct err *e)
{
	const struct import_args *a = args;
	auto_strv struct strv v = STRV_INIT;
	auto_free char *id = NULL, *name = NULL;
	int r = 0;

	if (c->n_args > 1)
		r = ctr_image_full_name(c->args[1], &name, e);
	if (r < 0)
		return r;
	r = strv_add(&v, "import");
	if (r >= 0)
		r = transfer_args_value(&v, "message", a->message);
	if (r >= 0)
		r = transfer_args_value(&v, "arch", a->arch);
	if (r >= 0)
		r = transfer_args_value(&v, "os", a->os);
	if (r >= 0)
		r = transfer_args_value(&v, "variant", a->variant);
	for (size_t i = 0; r >= 0 && i < a->changes.n; i++)
		r = transfer_args_value(&v, "change", a->changes.items[i]);
	if (r >= 0)
		r = transfer_args_operands(&v, (const char *const[]){ c->args[0], name, NULL });
	if (r < 0)
		return err_sys(e, r, "import %s", c->args[0]);
	r = transfer_args_run(c, &v, a->quiet, NULL, &id, e);
	if (r >= 0) {
		ctr_image_event(c->eng, "import", id, name ? name : c->args[0]);
		printf("sha256:%s\n", id);
	}
	return r;
}

const struct command cmd_import = {
	.summary = "Import a tarball to create a filesystem image",
	.usage = "[options] PATH|URL [REFERENCE]",
	.description =
		"Makes an image of one layer from a tar archive of a root filesystem; - is stdin.\n"
		"The archive may be compressed by gzip, bzip2, xz or zstd, and an http:// or https:// URL "
		"is fetched.  Without a reference the image has no name.",
	.examples =
		"import rootfs.tar.gz mine:latest\n"
		"import --change 'CMD [\"/bin/sh\"]' --message 'from a tarball' rootfs.tar mine\n"
		"import https://example.com/rootfs.tar.xz mine",
	.run = import_main,
	.opts = import_opts,
	.args_size = sizeof(struct import_args),
	.min_args = 1,
	.max_args = 2,
	.needs = NEED_STORE,
	.complete = COMPLETE_FILE,
};
