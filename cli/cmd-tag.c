/* `tag` and `untag`: names of local images. */
#include <errno.h>

#include <ctrlite/image.h>

#include "cli.h"
#include "commands.h"

static int names_from(const struct cmd *c, struct strv *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 1; r >= 0 && i < c->n_args; i++)
		r = strv_add(ret, c->args[i]);
	return r < 0 ? err_sys(e, r, "read the names") : 0;
}

static int tag_main(struct cmd *c, void *args, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = names_from(c, &names, e);

	(void)args;
	return r < 0 ? r : ctr_image_tag(c->eng, c->args[0], &names, e);
}

static int untag_main(struct cmd *c, void *args, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = names_from(c, &names, e);

	(void)args;
	return r < 0 ? r : ctr_image_untag(c->eng, c->args[0], &names, e);
}

const struct command cmd_tag = {
	.summary = "Add an additional name to a local image",
	.usage = "IMAGE TARGET_NAME [TARGET_NAME...]",
	.description =
		"Adds one or more names to a local image.  A short name is put below localhost/.",
	.examples = "tag 0e3bbc2 fedora:latest\ntag httpd myregistryhost:5000/fedora/httpd:v2",
	.run = tag_main,
	.min_args = 2,
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};

const struct command cmd_untag = {
	.summary = "Remove a name from a local image",
	.usage = "IMAGE [NAME...]",
	.description = "Removes names from a local image, all of them where none is given.  The "
		       "image stays.",
	.examples = "untag 0e3bbc2\nuntag imageName:latest otherImageName:latest",
	.run = untag_main,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
