/* `system reset`: remove everything. */
#include <errno.h>

#include <ctrlite/container.h>
#include <ctrlite/image.h>
#include <ctrlite/secret.h>
#include <ctrlite/volume.h>

#include "commands.h"
#include "cli.h"
#include "confirm.h"

struct reset_args {
	bool force;
};

#define ARG(m) offsetof(struct reset_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'f', "force", NULL, OPT_FLAG, ARG(force), "Do not ask" },
	{ 0 },
};
/* clang-format on */

/* One failure keeps none of the others; what is gone already is what was wanted. */
static void done(struct cmd *c, int r, struct err *e)
{
	if (r < 0 && e->kind != ERR_NOT_FOUND)
		cmd_fail(c, e);
	*e = (struct err)ERR_INIT;
}

static int reset_containers(struct cmd *c, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	int r = ctr_container_list(c->eng, &l, e);

	/* The newest first: a container is younger than those that it depends on. */
	for (size_t i = l.n; r == 0 && i-- > 0;)
		done(c, ctr_container_remove(c->eng, l.items[i].req.id, true, true, 0, e), e);
	ctr_container_list_done(&l);
	return r;
}

static int reset_volumes(struct cmd *c, struct err *e)
{
	struct ctr_volume_list l = CTR_VOLUME_LIST_INIT;
	int r = ctr_volume_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		done(c, ctr_volume_remove(c->eng, l.items[i].name, true, 0, e), e);
	ctr_volume_list_done(&l);
	return r;
}

static int reset_images(struct cmd *c, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	int r = ctr_image_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++) {
		struct ctr_image_removed removed = CTR_IMAGE_REMOVED_INIT;
		const struct ctr_image_remove_opts all = { .force = true };

		done(c, ctr_image_remove(c->eng, l.items[i].id.hex, &all, &removed, e), e);
		ctr_image_removed_done(&removed);
	}
	ctr_image_list_done(&l);
	return r;
}

static int reset_secrets(struct cmd *c, struct err *e)
{
	struct ctr_secret_list l = CTR_SECRET_LIST_INIT;
	int r = ctr_secret_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		done(c, ctr_secret_remove(c->eng, l.items[i].id, e), e);
	ctr_secret_list_done(&l);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct reset_args *a = args;
	int r = 1;

	if (!a->force) {
		printf("WARNING! This will remove:\n\t- all containers\n\t- all images\n\t- all volumes\n"
		       "\t- all secrets\n");
		r = confirm(e);
	}
	if (r <= 0)
		return r;
	r = reset_containers(c, e);
	if (r == 0)
		r = reset_volumes(c, e);
	if (r == 0)
		r = reset_images(c, e);
	if (r == 0)
		r = reset_secrets(c, e);
	return r < 0 ? r : c->status;
}

const struct command cmd_system_reset = {
	.summary = "Remove all containers, images, volumes and secrets",
	.usage = "[options]",
	.description = "Stops and removes every container, and removes every image, volume and secret.",
	.examples = "system reset\nsystem reset --force",
	.run = run, .opts = opts, .args_size = sizeof(struct reset_args), .needs = NEED_STORE,
};
