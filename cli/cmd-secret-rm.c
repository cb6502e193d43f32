/* `secret rm`: forget secrets. */
#include <errno.h>

#include <ctrlite/event.h>
#include <ctrlite/secret.h>

#include "cli.h"
#include "commands.h"

struct rm_args {
	bool all, ignore;
};

#define ARG(m) offsetof(struct rm_args, m)
static const struct opt opts[] = {
	{ 'a', "all", NULL, OPT_FLAG, ARG(all), "Remove all secrets" },
	{ 'i', "ignore", NULL, OPT_FLAG, ARG(ignore), "A secret that is not there is no error" },
	{ 0 },
};
#undef ARG

static int remove_one(struct cmd *c, const struct ctr_secret *s, struct err *e)
{
	int r = ctr_secret_remove(c->eng, s->id, e);

	if (r < 0) {
		cmd_fail(c, e);
		return r;
	}
	ctr_event(c->eng, &(struct ctr_event){ .type = "secret", .status = "remove", .id = s->id,
					       .name = s->name });
	printf("%s\n", s->id);
	return 0;
}

static int remove_all(struct cmd *c, struct err *e)
{
	struct ctr_secret_list l = CTR_SECRET_LIST_INIT;
	int r = ctr_secret_list(c->eng, &l, e);

	for (size_t i = 0; r >= 0 && i < l.n; i++)
		(void)remove_one(c, &l.items[i], e); /* said by cmd_fail() */
	ctr_secret_list_done(&l);
	return r < 0 ? r : c->status;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct rm_args *a = args;

	if (a->all == (c->n_args > 0))
		return err_set(e, ERR_INVALID, "`%s %s` requires one argument, or the --all flag", PROG,
			       c->path);
	if (a->all)
		return remove_all(c, e);
	for (size_t i = 0; i < c->n_args; i++) {
		struct ctr_secret s = CTR_SECRET_INIT;
		int r = ctr_secret_find(c->eng, c->args[i], &s, e);

		if (r == -ENOENT && a->ignore)
			*e = (struct err)ERR_INIT;
		else if (r < 0)
			cmd_fail(c, e);
		else
			(void)remove_one(c, &s, e); /* said by cmd_fail() */
		ctr_secret_done(&s);
	}
	return c->status;
}

const struct command cmd_secret_rm = {
	.summary = "Remove one or more secrets",
	.usage = "[options] SECRET [SECRET...]",
	.description = "Removes secrets. Containers that have one as a file keep their copy; those that have it\n"
		       "as a variable do not start any more.",
	.examples = "secret rm token\nsecret rm --all",
	.run = run, .opts = opts, .args_size = sizeof(struct rm_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_SECRET,
};
