/* `rmi` and `manifest rm`: remove names of images, and images with their last name. */
#include <errno.h>

#include <ctrlite/image.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"

struct rmi_args {
	bool all, force, ignore, no_prune;
};

#define ARG(m) offsetof(struct rmi_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",      NULL,       OPT_FLAG,    ARG(all),      "Remove all images" },
	{ 'f', "force",    NULL,       OPT_FLAG,    ARG(force),    "Remove the containers that use the image and all its names too; a missing image is no error" },
	{ 'i', "ignore",   NULL,       OPT_FLAG,    ARG(ignore),   "An image that does not exist is no error" },
	{ 0,   "no-prune", NULL,       OPT_FLAG,    ARG(no_prune), "Keep the images without a name that it was made from" },
	{ 0,   "platform", "PLATFORM", OPT_REFUSED, .text = "an image is removed with all its platforms" },
	{ 0 },
};
/* clang-format on */

static const struct opt list_opts[] = {
	{ 'i', "ignore", NULL, OPT_FLAG, ARG(ignore), "A list that does not exist is no error" },
	{ 0 },
};

static void print_removed(const struct ctr_image_removed *r)
{
	for (size_t i = 0; i < r->untagged.n; i++) {
		auto_free char *name = str_printable(r->untagged.items[i]);

		printf("Untagged: %s\n", name ? name : "");
	}
	for (size_t i = 0; i < r->deleted.n; i++)
		printf("Deleted: %s\n", r->deleted.items[i]);
}

/* What went wrong over all arguments decides the status: in use before missing before the rest. */
struct outcome {
	bool in_use, missing, other;
};

static void remove_one(struct cmd *c, const struct rmi_args *a, const char *name, struct outcome *out,
		       struct err *e)
{
	struct ctr_image_removed removed = CTR_IMAGE_REMOVED_INIT;
	const struct ctr_image_remove_opts o = { .force = a->force, .no_prune = a->no_prune };
	int r = ctr_image_remove(c->eng, name, &o, &removed, e);

	print_removed(&removed);
	ctr_image_removed_done(&removed);
	if (r >= 0)
		return;
	if (e->kind == ERR_NOT_FOUND && (a->ignore || a->force)) {
		*e = (struct err)ERR_INIT;
		return;
	}
	out->in_use |= e->kind == ERR_BUSY;
	out->missing |= e->kind == ERR_NOT_FOUND;
	out->other |= e->kind != ERR_BUSY && e->kind != ERR_NOT_FOUND;
	cmd_fail(c, e);
}

static int remove_all(struct cmd *c, const struct rmi_args *a, struct outcome *o, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	int r = ctr_image_list(c->eng, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		const struct ctr_image *image = &l.items[i];

		if (image->read_only)
			continue;
		/* by ID one of several names is refused: take the names one by one */
		for (size_t k = 1; k < image->names.n; k++)
			remove_one(c, a, image->names.items[k], o, e);
		remove_one(c, a, image->id.hex, o, e);
	}
	ctr_image_list_done(&l);
	return r;
}

static int status_of(const struct outcome *o)
{
	if (o->in_use)
		return 2;
	return o->other ? EXIT_ENGINE : o->missing ? 1 : 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct rmi_args *a = args;
	struct outcome o = { 0 };
	int r = 0;

	if (a->all && c->n_args)
		return err_set(e, ERR_INVALID, "when using the --all switch, you may not pass any "
			       "images names or IDs");
	if (!a->all && !c->n_args)
		return err_set(e, ERR_INVALID, "image name or ID must be specified");
	if (a->all)
		r = remove_all(c, a, &o, e);
	for (size_t i = 0; i < c->n_args; i++)
		remove_one(c, a, c->args[i], &o, e);
	return r < 0 ? r : status_of(&o);
}

/* Lists only: the first that is none stops it. */
static int list_main(struct cmd *c, void *args, struct err *e)
{
	const struct rmi_args *a = args;
	struct outcome o = { 0 };

	for (size_t i = 0; i < c->n_args; i++) {
		int r = ctr_image_get_list(c->eng, c->args[i], NULL, NULL, e);

		if (r < 0 && e->kind == ERR_INVALID)
			return r;
		*e = (struct err)ERR_INIT;	/* what is missing is told below */
	}
	for (size_t i = 0; i < c->n_args; i++)
		remove_one(c, a, c->args[i], &o, e);
	return status_of(&o);
}

const struct command cmd_rmi = {
	.summary = "Remove one or more images from local storage",
	.usage = "[options] IMAGE [IMAGE...]",
	.description =
		"Removes names of images; with its last name, or by its ID or digest, an image is deleted,\n"
		"and with it the images without a name that it was made from and nobody else needs.\n"
		"An image that a container uses is only removed with --force.",
	.examples = "rmi alpine\nrmi --force c4db7d9d\nrmi --all",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct rmi_args),
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};

const struct command cmd_manifest_rm = {
	.summary = "Remove manifest lists from local storage",
	.usage = "[options] LIST [LIST...]",
	.description = "Removes names of lists, and lists with their last name.  The images in them stay.",
	.examples = "manifest rm mylist:v1.11",
	.run = list_main,
	.opts = list_opts,
	.args_size = sizeof(struct rmi_args),
	.min_args = 1,
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
