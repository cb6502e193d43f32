/* `manifest inspect` and `manifest exists`: what a list says. */
#include <errno.h>

#include <ctrlite/image.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "json.h"
#include "out.h"
#include "registry-opts.h"

#define INDENT 4

struct inspect_args {
	struct registry_args registry;
	bool insecure, verbose;
};

#define ARG(m) offsetof(struct inspect_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "insecure", NULL, OPT_FLAG, ARG(insecure), "As --tls-verify=false", OPT_HIDDEN },
	{ 'v', "verbose",  NULL, OPT_FLAG, ARG(verbose),  "No effect: all is shown", OPT_HIDDEN | OPT_COMPAT },
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	{ 0 },
};
/* clang-format on */
static const struct inspect_args defaults = { .registry = REGISTRY_ARGS_DEFAULT };

static int print_remote(struct cmd *c, struct inspect_args *a, struct err *e)
{
	struct ctr_transfer t = { .root = c->eng->store.root, .run = c->eng->store.run, .quiet = true };
	auto_strv struct strv v = STRV_INIT;
	auto_free char *text = NULL;
	auto_json json_t *doc = NULL;
	char *creds = NULL;
	int r = strv_add(&v, "manifest");

	if (r >= 0)
		r = registry_opts_pass(c, &a->registry, "", &v, e);
	if (r >= 0 && ((a->insecure && strv_add(&v, "--tls-verify=false") < 0) || strv_add(&v, "--") < 0 ||
		       strv_add(&v, "inspect") < 0 || strv_add(&v, c->args[0]) < 0))
		r = err_sys(e, ENOMEM, "inspect the manifest");
	if (r >= 0)
		r = registry_take_creds(a->registry.creds, &creds, e);
	t.creds = creds;
	if (r >= 0)
		r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &text, e);
	registry_creds_free(creds);
	if (r >= 0)
		r = json_parse(text, strlen(text), strlen(text), c->args[0], &doc, e);
	return r < 0 ? r : out_json(doc, INDENT, e);
}

/* A list of the store, or what the registry has. */
static int inspect_main(struct cmd *c, void *args, struct err *e)
{
	struct ctr_image i = CTR_IMAGE_INIT;
	int r = ctr_image_get_list(c->eng, c->args[0], &i, NULL, e);

	if (r >= 0) {
		r = out_json(i.manifest_doc, INDENT, e);
		ctr_image_done(&i);
		return r;
	}
	if (e->kind != ERR_NOT_FOUND && e->kind != ERR_INVALID)
		return r;
	*e = (struct err)ERR_INIT;
	return print_remote(c, args, e);
}

static int exists_main(struct cmd *c, void *args, struct err *e)
{
	int r = ctr_image_get_list(c->eng, c->args[0], NULL, NULL, e);

	(void)args;
	if (r >= 0 || e->kind != ERR_NOT_FOUND)
		return r;
	*e = (struct err)ERR_INIT;
	return 1;
}

const struct command cmd_manifest_inspect = {
	.summary = "Display a manifest list",
	.usage = "[options] LIST",
	.description = "Displays a list of the store, or what a registry has under the name, as JSON.",
	.examples = "manifest inspect mylist:v1.11\nmanifest inspect docker://quay.io/podman/stable",
	.run = inspect_main, .opts = opts, .args_size = sizeof(struct inspect_args), .defaults = &defaults,
	.min_args = 1, .max_args = 1, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};

const struct command cmd_manifest_exists = {
	.summary = "Check if a manifest list exists in local storage",
	.usage = "LIST",
	.description = "Ends with status 0 if the list exists, with 1 if it does not.",
	.examples = "manifest exists mylist:v1.11",
	.run = exists_main, .min_args = 1, .max_args = 1, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};
