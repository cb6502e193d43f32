/*
 * The options of commands that sign:
 *	--sign-by KEY --sign-by-sigstore FILE --sign-by-sigstore-private-key FILE
 *	--sign-passphrase-file FILE
 */
#ifndef TRANSFER_SIGN_OPTS_H
#define TRANSFER_SIGN_OPTS_H

#include "sign.h"
#include "transfer.h"

struct sign_args {
	struct trust_signers signers;
	const char *passphrase_file;
	char *passphrase;	/* owned */
};

/* Rows for a table of options; @offset is that of a struct sign_args in what the command hands to
 * transfer_getopt(). */
#define SIGN_OPTS(offset) \
	{ "sign-by", 0, true, sign_set_gpg, offset }, \
	{ "sign-by-sigstore", 0, true, sign_set_params, offset }, \
	{ "sign-by-sigstore-private-key", 0, true, sign_set_key, offset }, \
	{ "sign-passphrase-file", 0, true, sign_set_passphrase_file, offset }

int sign_set_gpg(void *arg, const char *v, struct err *e);
int sign_set_params(void *arg, const char *v, struct err *e);
int sign_set_key(void *arg, const char *v, struct err *e);
int sign_set_passphrase_file(void *arg, const char *v, struct err *e);

/* All options are read: get the passphrase from its file, or from the user where a key needs one. */
int sign_args_finish(struct sign_args *a, struct err *e);
/* Erases the passphrase. */
void sign_args_done(struct sign_args *a);

#endif
