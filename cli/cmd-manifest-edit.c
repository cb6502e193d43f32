/* `manifest create`, `add`, `annotate` and `remove`: lists of the store, changed by ctr-lite-transfer. */
#include <errno.h>

#include <ctrlite/event.h>
#include <ctrlite/image.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "registry-opts.h"

struct edit_args {
	struct registry_args registry;
	bool all, amend, index, insecure;
	const char *arch, *os, *os_version, *variant, *subject;
	struct strv annotations, features, os_features;
};

#define ARG(m) offsetof(struct edit_args, m)
/* clang-format off */
#define OPT_ANNOTATION(what) { 0, "annotation", "KEY=VALUE", OPT_LIST, ARG(annotations), "Annotate " what }
#define OPT_REGISTRY \
	{ 0, "insecure", NULL, OPT_FLAG, ARG(insecure), "As --tls-verify=false", OPT_HIDDEN }, \
	{ .kind = OPT_INCLUDE, .table = registry_opts }
#define OPT_PLATFORM(what) \
	{ 0, "arch",       "ARCH",    OPT_STRING,  ARG(arch),       "Architecture " what }, \
	{ 0, "features",   "FEATURE", OPT_CSVLIST, ARG(features),   "Features of the CPU that it needs" }, \
	{ 0, "os",         "OS",      OPT_STRING,  ARG(os),         "Operating system " what }, \
	{ 0, "os-version", "VERSION", OPT_STRING,  ARG(os_version), "Version of the operating system " what }, \
	{ 0, "variant",    "VARIANT", OPT_STRING,  ARG(variant),    "Variant of the architecture " what }
static const struct opt create_opts[] = {
	{ 0,   "all",   NULL, OPT_FLAG, ARG(all),   "Of images for many platforms add all, not only that of this machine" },
	{ 'a', "amend", NULL, OPT_FLAG, ARG(amend), "If there is a list of that name, add to it" },
	OPT_ANNOTATION("the list"),
	OPT_REGISTRY,
	{ 0 },
};
#define NO_ARTIFACTS "lists of artifacts cannot be made"
static const struct opt add_opts[] = {
	{ 0, "all", NULL, OPT_FLAG, ARG(all), "Of an image for many platforms add all, not only that of this machine" },
	OPT_ANNOTATION("what is added"),
	OPT_PLATFORM("to choose, and to note"),
	{ 0, "artifact",                NULL,   OPT_REFUSED, .text = NO_ARTIFACTS },
	{ 0, "artifact-config",         "FILE", OPT_REFUSED, .text = NO_ARTIFACTS },
	{ 0, "artifact-config-type",    "TYPE", OPT_REFUSED, .text = NO_ARTIFACTS },
	{ 0, "artifact-exclude-titles", NULL,   OPT_REFUSED, .text = NO_ARTIFACTS },
	{ 0, "artifact-layer-type",     "TYPE", OPT_REFUSED, .text = NO_ARTIFACTS },
	{ 0, "artifact-subject",        "REF",  OPT_REFUSED, .text = NO_ARTIFACTS },
	{ 0, "artifact-type",           "TYPE", OPT_REFUSED, .text = NO_ARTIFACTS },
	OPT_REGISTRY,
	{ 0 },
};
static const struct opt annotate_opts[] = {
	OPT_ANNOTATION("the image, or the list (--index); an empty value removes the key"),
	{ 0, "index",       NULL,      OPT_FLAG,    ARG(index),       "Annotate the list itself" },
	OPT_PLATFORM("to note"),
	{ 0, "os-features", "FEATURE", OPT_CSVLIST, ARG(os_features), "Features of the operating system that it needs" },
	{ 0, "subject",     "IMAGE",   OPT_STRING,  ARG(subject),     "Set the image that the list is about", 0, COMPLETE_IMAGE },
	{ 0 },
};
/* clang-format on */
static const struct edit_args defaults = { .registry = REGISTRY_ARGS_DEFAULT };

static int add_text(struct strv *v, const char *name, const char *value)
{
	return value ? strv_addf(v, "--%s=%s", name, value) : 0;
}

static int add_texts(struct strv *v, const char *name, const struct strv *values)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < values->n; i++)
		r = add_text(v, name, values->items[i]);
	return r;
}

static int add_opts_of(const struct edit_args *a, struct strv *v)
{
	const struct {
		const char *name, *value;
	} texts[] = {
		{ "arch", a->arch }, { "os", a->os }, { "os-version", a->os_version },
		{ "variant", a->variant }, { "subject", a->subject },
		{ "tls-verify", a->insecure ? "false" : NULL },
	};
	int r = a->all ? strv_add(v, "--all") : 0;

	if (r >= 0 && a->amend)
		r = strv_add(v, "--amend");
	if (r >= 0 && a->index)
		r = strv_add(v, "--index");
	for (size_t i = 0; r >= 0 && i < sizeof(texts) / sizeof(*texts); i++)
		r = add_text(v, texts[i].name, texts[i].value);
	if (r >= 0)
		r = add_texts(v, "annotation", &a->annotations);
	if (r >= 0)
		r = add_texts(v, "feature", &a->features);
	if (r >= 0)
		r = add_texts(v, "os-feature", &a->os_features);
	return r;
}

/* Do @op to @list with the arguments from @first on, and print the list's ID. */
static int edit(struct cmd *c, const char *op, struct edit_args *a, const char *list, struct err *e)
{
	struct ctr_transfer t = { .root = c->eng->store.root, .run = c->eng->store.run, .quiet = true };
	auto_strv struct strv v = STRV_INIT;
	auto_free char *id = NULL;
	char *creds = NULL;
	int r = strv_add(&v, "manifest");

	if (r >= 0)
		r = add_opts_of(a, &v);
	if (r < 0)
		return err_sys(e, r, "manifest %s", op);
	r = registry_opts_pass(c, &a->registry, "", &v, e);
	if (r >= 0 && (strv_add(&v, "--") < 0 || strv_add(&v, op) < 0 || strv_add(&v, list) < 0))
		r = err_sys(e, ENOMEM, "manifest %s", op);
	for (size_t i = 1; r >= 0 && i < c->n_args; i++)
		if (strv_add(&v, c->args[i]) < 0)
			r = err_sys(e, ENOMEM, "manifest %s", op);
	if (r >= 0)
		r = registry_take_creds(a->registry.creds, &creds, e);
	t.creds = creds;
	if (r >= 0)
		r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &id, e);
	registry_creds_free(creds);
	if (r >= 0)
		printf("%s\n", id);
	return r;
}

static int create_main(struct cmd *c, void *args, struct err *e)
{
	struct edit_args *a = args;
	auto_free char *name = NULL;
	int r = ctr_image_full_name(c->args[0], &name, e);

	a->index = true;	/* annotations are the list's */
	return r < 0 ? r : edit(c, "create", a, name, e);
}

static int add_main(struct cmd *c, void *args, struct err *e)
{
	return edit(c, "add", args, c->args[0], e);
}

static int annotate_main(struct cmd *c, void *args, struct err *e)
{
	struct edit_args *a = args;

	if (a->index && (a->arch || a->os || a->os_version || a->variant || a->features.n || a->os_features.n))
		return err_set(e, ERR_INVALID, "--index: a list has no platform of its own");
	if (a->index && c->n_args > 1)
		return err_set(e, ERR_INVALID, "--index annotates the list itself: leave out %s", c->args[1]);
	if (!a->index && !a->subject && c->n_args < 2)
		return err_set(e, ERR_INVALID, "which image of the list is to be annotated? Give its digest, or "
			       "--index for the list itself");
	return edit(c, "annotate", a, c->args[0], e);
}

static int remove_main(struct cmd *c, void *args, struct err *e)
{
	return edit(c, "remove", args, c->args[0], e);
}

const struct command cmd_manifest_create = {
	.summary = "Create a manifest list",
	.usage = "[options] LIST [IMAGE...]",
	.description = "Creates a list of images for several platforms, which is pushed under one name.  Images are\n"
		       "those of the store, or of any transport (docker://, oci:, ...).",
	.examples = "manifest create mylist:v1.11\nmanifest create mylist:v1.11 docker://fedora\n"
		    "manifest create --amend mylist:v1.11 localhost/build-arm64",
	.run = create_main, .opts = create_opts, .args_size = sizeof(struct edit_args), .defaults = &defaults,
	.min_args = 1, .max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};

const struct command cmd_manifest_add = {
	.summary = "Add images to a manifest list",
	.usage = "[options] LIST IMAGE [IMAGE...]",
	.description = "Adds images to a list.  An image that is in the store is added from there, another one from its\n"
		       "registry, which keeps its layers until the list is pushed.",
	.examples = "manifest add mylist:v1.11 docker://fedora\nmanifest add --all mylist:v1.11 docker://fedora\n"
		    "manifest add --arch arm64 --variant v8 mylist:v1.11 localhost/build-arm64",
	.run = add_main, .opts = add_opts, .args_size = sizeof(struct edit_args), .defaults = &defaults,
	.min_args = 2, .max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};

const struct command cmd_manifest_annotate = {
	.summary = "Change what a manifest list says of an image",
	.usage = "[options] LIST [DIGEST|IMAGE]",
	.description = "Changes platform and annotations of an image in a list, or annotations of the list.",
	.examples = "manifest annotate --arch arm64 --variant v8 mylist:v1.11 sha256:59eec8837a4d942cc19a52b8c09e"
		    "a75121acc38114a2c68b98983ce9356b8610\nmanifest annotate --index --annotation a=b mylist:v1.11",
	.run = annotate_main, .opts = annotate_opts, .args_size = sizeof(struct edit_args), .defaults = &defaults,
	.min_args = 1, .max_args = 2, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};

const struct command cmd_manifest_remove = {
	.summary = "Remove an image from a manifest list",
	.usage = "LIST DIGEST [DIGEST...]",
	.description = "Takes images out of a list.  Images of the store stay there.",
	.examples = "manifest remove mylist:v1.11 sha256:59eec8837a4d942cc19a52b8c09ea75121acc38114a2c68b98983ce9356b8610",
	.run = remove_main, .args_size = sizeof(struct edit_args), .defaults = &defaults,
	.min_args = 2, .max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};
