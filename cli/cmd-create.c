/* `create`: make a container without starting it. */
#include "commands.h"

#include "run-opts.h"

static const struct opt opts[] = {
	{ .kind = OPT_INCLUDE, .table = run_common_opts },
	{ 0 },
};

static int run(struct cmd *c, void *args, struct err *e)
{
	struct ctr_request r = CTR_REQUEST_INIT;
	struct run_args *a = args;
	int rc;

	if (a->explain) {
		rc = run_explain(c, a, &r, e);
		ctr_request_done(&r);
		return rc;
	}
	rc = run_request(c, a, &r, e);
	if (rc == 0)
		rc = run_replace(c, a, e);
	if (rc == 0)
		rc = ctr_container_prepare(c->eng, &r, e);
	if (rc == 0)
		rc = ctr_container_create(c->eng, &r, e);
	if (rc == 0)
		rc = run_write_cidfile(a, r.id, e);
	if (rc == 0)
		printf("%s\n", r.id);
	ctr_request_done(&r);
	return rc;
}

const struct command cmd_create = {
	.summary = "Create a container without starting it",
	.usage = "[options] IMAGE [COMMAND [ARG...]]",
	.examples = "create --name web -p 8080:80 nginx\ncreate -it --name box debian bash",
	.run = run, .opts = opts, .args_size = sizeof(struct run_args), .defaults = &run_defaults,
	.min_args = 1, .max_args = ARGS_ANY, .needs = NEED_STORE, .flags = CMD_STOP_AT_ARG,
	.complete = COMPLETE_IMAGE,
};
