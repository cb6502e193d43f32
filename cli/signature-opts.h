/* Options about signatures that several commands share. */
#ifndef CLI_SIGNATURE_OPTS_H
#define CLI_SIGNATURE_OPTS_H

#include "opt.h"

/* --signature-policy FILE, in the place of policy.json; stores nothing in the command's struct.
 * For commands that bring an image in or send one out by ctr-lite-transfer. */
extern const struct opt signature_policy_opts[];

/* Who signs what is pushed: --sign-by and its like. */
struct sign_args {
	const char *gpg_key, *params, *key, *passphrase_file;
};
/* The rows, for a command whose arguments have a struct sign_args at offset @at. */
/* clang-format off */
#define SIGN_OPTS(at) \
	{ 0, "sign-by",          "KEY",  OPT_STRING, (at) + offsetof(struct sign_args, gpg_key), "Sign with a GPG key: its fingerprint, ID or address" }, \
	{ 0, "sign-by-sigstore", "FILE", OPT_STRING, (at) + offsetof(struct sign_args, params),  "Sign as this file of sigstore parameters says (privateKeyFile)", 0, COMPLETE_FILE }, \
	{ 0, "sign-by-sigstore-private-key", "FILE", OPT_STRING, (at) + offsetof(struct sign_args, key), "Sign with a private key of sigstore", 0, COMPLETE_FILE }, \
	{ 0, "sign-by-sq-fingerprint", "FINGERPRINT", OPT_REFUSED, .text = "keys of Sequoia are not used: give GPG's by --sign-by" }, \
	{ 0, "sign-passphrase-file", "FILE", OPT_STRING, (at) + offsetof(struct sign_args, passphrase_file), "Read the key's passphrase from FILE", 0, COMPLETE_FILE }
/* clang-format on */
/* The arguments for ctr-lite-transfer. */
int sign_opts_pass(const struct sign_args *a, struct strv *v, struct err *e);

#endif
