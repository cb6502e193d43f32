/* Options about signatures that several commands share. */
#ifndef CLI_SIGNATURE_OPTS_H
#define CLI_SIGNATURE_OPTS_H

#include "opt.h"
#include "registry-opts.h"

/* --signature-policy FILE, in the place of policy.json; stores nothing in the command's struct.
 * For commands that bring an image in or send one out by ctr-lite-transfer. */
extern const struct opt signature_policy_opts[];

/* Who signs what is pushed: --sign-by and its like. */
struct sign_args {
	const char *gpg_key, *params, *key, *passphrase_file;
};
/* The rows; a command with them has a struct sign_args as the second member of its arguments, behind
 * a struct registry_args. */
extern const struct opt sign_opts[];
/* The arguments for ctr-lite-transfer. */
int sign_opts_pass(const struct sign_args *a, struct strv *v, struct err *e);

#endif
