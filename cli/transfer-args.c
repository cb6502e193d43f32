/* The arguments of a ctr-lite-transfer command. */
#include "transfer-args.h"

#include <ctrlite/image.h>
#include <ctrlite/transfer.h>

int transfer_args_value(struct strv *v, const char *option, const char *value)
{
	return value ? strv_addf(v, "--%s=%s", option, value) : 0;
}

int transfer_args_operands(struct strv *v, const char *const *operands)
{
	int r = strv_add(v, "--");

	for (; r >= 0 && *operands; operands++)
		r = strv_add(v, *operands);
	return r;
}

int transfer_args_run(struct cmd *c, const struct strv *v, bool quiet, const char *creds, char **ret,
		      struct err *e)
{
	const struct ctr_transfer t = { c->eng->store.root, c->eng->store.run, quiet, creds };

	return ctr_transfer_run(&t, (const char *const *)strv_argv(v), ret, e);
}
