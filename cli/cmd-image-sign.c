/* `image sign`: signatures for images that are in registries, by ctr-lite-transfer. */
#include <errno.h>

#include <ctrlite/engine.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "registry-opts.h"

struct sign_cmd_args {
	struct registry_args registry;
	bool all;
	const char *directory, *sign_by, *passphrase_file;
};

#define ARG(m) offsetof(struct sign_cmd_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",       NULL,  OPT_FLAG,   ARG(all),       "Sign every image of an index, and the index" },
	{ 'd', "directory", "DIR", OPT_STRING, ARG(directory), "Keep the signatures in DIR", 0, COMPLETE_DIR },
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	{ 0,   "sign-by",   "KEY", OPT_STRING, ARG(sign_by),   "GPG key to sign with: its fingerprint, ID or address" },
	{ 0,   "sign-passphrase-file", "FILE", OPT_STRING, ARG(passphrase_file), "Read the key's passphrase from FILE", 0, COMPLETE_FILE },
	{ 0 },
};
/* clang-format on */
#undef ARG
static const struct sign_cmd_args sign_defaults = { .registry = REGISTRY_ARGS_DEFAULT };

static int build(struct cmd *c, const struct sign_cmd_args *a, struct strv *v, struct err *e)
{
	int r = strv_add(v, "sign");

	if (r >= 0 && a->all)
		r = strv_add(v, "--all");
	if (r >= 0 && a->directory)
		r = strv_addf(v, "--directory=%s", a->directory);
	if (r >= 0)
		r = strv_addf(v, "--sign-by=%s", a->sign_by);
	if (r >= 0 && a->passphrase_file)
		r = strv_addf(v, "--sign-passphrase-file=%s", a->passphrase_file);
	if (r < 0)
		return err_sys(e, r, "sign the images");
	r = registry_opts_pass(c, &a->registry, "", v, e);
	if (r == 0)
		r = strv_add(v, "--");
	for (size_t i = 0; r >= 0 && i < c->n_args; i++)
		r = strv_addf(v, "%s%s", strstr(c->args[i], ":/") ? "" : "docker://", c->args[i]);
	return r < 0 ? err_sys(e, r, "sign the images") : 0;
}

static int sign_main(struct cmd *c, void *args, struct err *e)
{
	const struct sign_cmd_args *a = args;
	struct ctr_transfer t = { .root = c->eng->store.root, .run = c->eng->store.run };
	auto_strv struct strv v = STRV_INIT;
	char *creds = NULL;
	int r;

	if (!a->sign_by || !*a->sign_by)
		return err_set(e, ERR_INVALID, "please provide an identity: --sign-by KEY");
	r = build(c, a, &v, e);
	if (r == 0)
		r = registry_take_creds(a->registry.creds, &creds, e);
	t.creds = creds;
	if (r == 0)
		r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), NULL, e);
	registry_creds_free(creds);
	return r;
}

const struct command cmd_image_sign = {
	.summary = "Sign an image",
	.usage = "[options] IMAGE [IMAGE...]",
	.description =
		"Makes simple signatures (GPG) for images that are in a registry, under the names that are\n"
		"given, and keeps them where registries.d says, or in a directory.  Of an index it signs the\n"
		"image for this machine, or all with --all.",
	.examples = "image sign --sign-by me@example.com docker://registry.example.com/app:1\n"
		    "image sign --sign-by me@example.com --directory sigs --all registry.example.com/app:1",
	.run = sign_main, .opts = opts, .args_size = sizeof(struct sign_cmd_args),
	.defaults = &sign_defaults, .min_args = 1, .max_args = ARGS_ANY, .needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
