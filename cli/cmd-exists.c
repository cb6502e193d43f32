/* `image exists`, `container exists` and the like: the answer is the exit status. */
#include <errno.h>

#include <ctrlite/container.h>
#include <ctrlite/image.h>
#include <ctrlite/secret.h>
#include <ctrlite/volume.h>

#include "cli.h"
#include "commands.h"

/* 0 there, 1 not, else the error. */
static int answer(int r, struct err *e)
{
	if (r >= 0)
		return 0;
	if (e->kind != ERR_NOT_FOUND)
		return r;
	*e = (struct err)ERR_INIT;
	return 1;
}

static int image_main(struct cmd *c, void *args, struct err *e)
{
	(void)args;
	return answer(ctr_image_exists(c->eng, c->args[0], e), e);
}

static int container_main(struct cmd *c, void *args, struct err *e)
{
	char id[65];

	(void)args;
	return answer(ctr_container_find(c->eng, c->args[0], id, e), e);
}

static int secret_main(struct cmd *c, void *args, struct err *e)
{
	struct ctr_secret s = CTR_SECRET_INIT;
	int r = ctr_secret_find(c->eng, c->args[0], &s, e);

	(void)args;
	ctr_secret_done(&s);
	return answer(r, e);
}

static int volume_main(struct cmd *c, void *args, struct err *e)
{
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;

	(void)args;
	return answer(ctr_volume_get(c->eng, c->args[0], &v, e), e);
}

struct exists_args {
	bool external;
};

#define ARG(m) offsetof(struct exists_args, m)
static const struct opt container_opts[] = {
	{ 0, "external", NULL, OPT_FLAG, ARG(external), "Look at containers of other programs too (this store holds none)", OPT_COMPAT },
	{ 0 },
};

const struct command cmd_image_exists = {
	.summary = "Check if an image exists in local storage",
	.usage = "IMAGE",
	.description = "Ends with status 0 if the image exists, with 1 if it does not.",
	.examples = "image exists alpine",
	.run = image_main, .min_args = 1, .max_args = 1, .needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};

const struct command cmd_container_exists = {
	.summary = "Check if a container exists in local storage",
	.usage = "[options] CONTAINER",
	.description = "Ends with status 0 if the container exists, with 1 if it does not.",
	.examples = "container exists web",
	.run = container_main, .opts = container_opts, .args_size = sizeof(struct exists_args),
	.min_args = 1, .max_args = 1, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};

const struct command cmd_secret_exists = {
	.summary = "Check if a secret exists in local storage",
	.usage = "SECRET",
	.description = "Ends with status 0 if the secret exists, with 1 if it does not.",
	.examples = "secret exists token",
	.run = secret_main, .min_args = 1, .max_args = 1, .needs = NEED_STORE,
	.complete = COMPLETE_SECRET,
};

const struct command cmd_volume_exists = {
	.summary = "Check if a volume exists",
	.usage = "VOLUME",
	.description = "Ends with status 0 if the volume exists, with 1 if it does not.",
	.examples = "volume exists data",
	.run = volume_main, .min_args = 1, .max_args = 1, .needs = NEED_STORE,
	.complete = COMPLETE_VOLUME,
};
