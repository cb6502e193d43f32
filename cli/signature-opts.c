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

static int add(struct strv *v, const char *name, const char *value)
{
	return value ? strv_addf(v, "--%s=%s", name, value) : 0;
}

int sign_opts_pass(const struct sign_args *a, struct strv *v, struct err *e)
{
	int r = add(v, "sign-by", a->gpg_key);

	if (r >= 0)
		r = add(v, "sign-by-sigstore", a->params);
	if (r >= 0)
		r = add(v, "sign-by-sigstore-private-key", a->key);
	if (r >= 0)
		r = add(v, "sign-passphrase-file", a->passphrase_file);
	return r < 0 ? err_sys(e, r, "pass the options on") : 0;
}
