/* `container cleanup`: what a container that has ended may have left. */
#include "commands.h"

#include <errno.h>

#include <ctrlite/image.h>

#include "targets.h"

struct cleanup_args {
	struct target_args t;
	bool rm, rmi, stopped_only;
};

#define ARG(m) offsetof(struct cleanup_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",     NULL, OPT_FLAG, ARG(t.all),    "clean up every container that does not run" },
	{ 0,   "exec",    "ID", OPT_REFUSED, 0,          "clean up an exec session", .text = "exec sessions are cleaned up by the process that holds them" },
	{ 'l', "latest",  NULL, OPT_FLAG, ARG(t.latest), "act on the newest container" },
	{ 0,   "rm",      NULL, OPT_FLAG, ARG(rm),       "remove the container afterwards" },
	{ 0,   "rmi",     NULL, OPT_FLAG, ARG(rmi),      "remove the container, and its image where no other uses it" },
	{ 0,   "stopped-only", NULL, OPT_FLAG, ARG(stopped_only), "no effect: running containers are never cleaned up", OPT_HIDDEN | OPT_COMPAT },
	{ 0 },
};
/* clang-format on */

static int remove_image(struct cmd *c, const char *name, struct err *e)
{
	struct ctr_image_removed removed = CTR_IMAGE_REMOVED_INIT;
	int r = ctr_image_remove(c->eng, name, &(struct ctr_image_remove_opts){ 0 }, &removed, e);

	ctr_image_removed_done(&removed);
	return r;
}

static int cleanup_one(struct cmd *c, const char *id, void *args, struct err *e)
{
	const struct cleanup_args *a = args;
	struct ctr_request req = CTR_REQUEST_INIT;
	struct ctr_status st;
	/* A monitor cleans up after its container; when it was killed, this does. */
	int r = ctr_container_settle(c->eng, id, e);

	if (r == 0)
		r = ctr_container_load(c->eng, id, &req, e);
	if (r == 0)
		r = ctr_container_status(c->eng, id, &st, e);
	if (r == 0 && st.state == CTR_RUNNING)
		r = err_set(e, ERR_BUSY, "container %s is running or paused, refusing to clean up: container "
			    "state improper", id);
	if (r == 0 && (a->rm || a->rmi))
		r = ctr_container_remove(c->eng, id, false, false, 0, e);
	if (r == 0 && a->rmi)
		r = remove_image(c, req.image, e);
	ctr_request_done(&req);
	if (r == -EBUSY && a->t.all) {
		*e = (struct err)ERR_INIT; /* not meant */
		return 1;
	}
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct cleanup_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int r;

	a->t.ignore = true; /* of what is gone nothing is left */
	r = targets_find(c, &a->t, TARGETS_ATOMIC, &t, e);

	if (r < 0)
		return r;
	return targets_each(c, &t, cleanup_one, a, e);
}

const struct command cmd_container_cleanup = {
	.summary = "Clean up what containers have left",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "A container's monitor cleans up when the container ends, so that there is nothing to "
		       "do. Where the monitor was killed, this ends what still runs of the container and "
		       "records its end, as every other command does that meets it.",
	.examples = "container cleanup web\ncontainer cleanup --all\ncontainer cleanup --rm web",
	.run = run, .opts = opts, .args_size = sizeof(struct cleanup_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
