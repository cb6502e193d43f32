/* Options about signatures that several commands share. */
#include "signature-opts.h"

#include <ctrlite/transfer.h>

static int set_policy(const char *value, void *dst, struct err *e)
{
	(void)dst;
	if (!*value)
		return err_set(e, ERR_INVALID, "--signature-policy: the name of a file is expected");
	ctr_transfer_signature_policy(value);
	return 0;
}

/* clang-format off */
const struct opt signature_policy_opts[] = {
	{ 0, "signature-policy", "FILE", OPT_CUSTOM, 0, "Policy for signatures, in the place of policy.json", OPT_HIDDEN, COMPLETE_FILE, .parse = set_policy },
	{ 0 },
};
/* clang-format on */
